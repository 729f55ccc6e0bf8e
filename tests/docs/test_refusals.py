"""The policy on the page about refusals is one that is taken, as it stands."""

import re

from gateway.files import Layers, shipped
from gateway.routes import read

PAGE = (shipped() / "docs" / "refusals.md").read_text()


def test_the_policy_on_the_page_is_taken(tmp_path):
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "payments.yaml").write_text(f"defaults: {{filters: [{{name: mtls}}]}}\n{text}")
    (route,) = read(Layers((tmp_path,)))
    assert [listed.name for listed in route.filters] == ["mtls", "json_body"]
    assert route.listed("json_body").settings.text == 4096
