import pytest

from gateway.routes.template import parse


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("/", "/", {}),
        ("/v1/accounts", "/v1/accounts", {}),
        ("/v1/accounts/{account_id}", "/v1/accounts/a%C3%A9", {"account_id": "a%C3%A9"}),
        ("/{a}/x/{b}", "/1/x/2", {"a": "1", "b": "2"}),
        ("/reports/{rest*}", "/reports/2026/11/", {"rest": "2026/11/"}),
        ("/reports/{rest*}", "/reports/", {"rest": ""}),
        ("/{who}/{rest*}", "/me/a/b", {"who": "me", "rest": "a/b"}),
    ],
)
def test_parameters_are_raw_segments(template, path, values):
    parsed = parse(template)
    assert parsed.read(path.split("/")) == values
    assert parsed.parameters == tuple(values)
