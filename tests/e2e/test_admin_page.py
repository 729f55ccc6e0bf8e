"""The admin listener's pages, as a browser shows them."""

import pathlib
import shutil
import subprocess

import pytest

from gateway.demo.calls import ask
from gateway.demo.stage import Stage

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def test_the_pages_lead_to_each_other(stage: Stage) -> None:
    for path in ("/", "/docs", "/openapi.json", "/status"):
        answer = ask("GET", stage.admin + path)
        assert answer.status == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install chromium to see the pages in a browser")
def test_the_contract_is_shown_in_a_browser(stage: Stage, tmp_path: pathlib.Path) -> None:
    shown = subprocess.run(
        [
            *(
                str(CHROMIUM),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ),
            *(f"--user-data-dir={tmp_path}", "--virtual-time-budget=15000", "--dump-dom", f"{stage.admin}/docs"),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "/v1/accounts/{account_id}/transactions" in shown.stdout.replace("\u200b", "").replace("<wbr>", ""), (
        shown.stderr[-500:]
    )
