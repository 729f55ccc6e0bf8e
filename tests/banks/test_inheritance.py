from gateway.banks.registry import read_banks
from tests.banks.files import DIALECTS, PLAIN, Deviations, Paging, refused


def test_a_base_is_shared_and_never_served(layers):
    found = read_banks(
        layers(
            {
                "albion": "abstract: true\ndeviations: {query_dates: date, paging: {style: token}}\n",
                "albion-next": "extends: albion\nabstract: true\nbase_urls: {accounts: https://a.example/x}\n",
                "albion-sandbox": PLAIN + "extends: albion-next\ndeviations: {paging: {size: 5}}\n",
            }
        ),
        DIALECTS,
    )
    assert list(found) == ["albion-sandbox"]
    profile = found["albion-sandbox"].profile
    assert profile.lineage == ("albion-sandbox", "albion-next", "albion")
    assert profile.deviations == Deviations(query_dates="date", paging=Paging(style="token", size=5))
    assert profile.base_urls == {
        "default": "https://api.albion.example/open-banking",
        "accounts": "https://a.example/x",
    }


def test_a_layer_hides_a_file_or_lays_one_over_it(layers):
    below = {"albion": PLAIN, "havel": PLAIN}
    over = {
        "albion": "extends: albion\nnetwork: private\nbase_urls: {default: https://localhost:9001/x}\n",
        "havel": PLAIN.replace("Albion", "Another"),
    }
    found = read_banks(layers(below, over), DIALECTS)
    assert found["albion"].profile.base_urls == {"default": "https://localhost:9001/x"}
    assert found["albion"].profile.title == "Albion"
    assert found["albion"].profile.lineage == ("albion",)
    assert found["havel"].profile.title == "Another"


def test_a_mistake_in_a_base_is_told_once_and_where_it_stands(layers):
    told = refused(
        layers(
            {
                "base": "abstract: true\nzone: Europe/Londn\n",
                "one": PLAIN.replace("zone: Europe/London\n", "") + "extends: base\n",
                "two": PLAIN.replace("zone: Europe/London\n", "") + "extends: base\n",
            }
        )
    )
    assert told == ["base.yaml:2:7 zone: there is no time zone 'Europe/Londn' (did you mean 'Europe/London'?)"]


def test_what_a_base_leaves_open_is_told_at_the_file_that_is_served(layers):
    told = refused(layers({"base": "abstract: true\ntitle: X\n", "one": "extends: base\nversion: '4.0'\n"}))
    assert told == [f"one.yaml:1:1 '{key}' is required" for key in ("base_urls", "dialect", "environment", "zone")]


def test_a_circle_is_told(layers):
    told = refused(layers({"a": PLAIN + "extends: b\n", "b": PLAIN + "extends: a\n"}))
    assert told == [
        "a.yaml:8:10 extends: the files extend each other in a circle: b → a → b",
        "b.yaml:8:10 extends: the files extend each other in a circle: a → b → a",
    ]
