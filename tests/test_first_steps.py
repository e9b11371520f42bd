"""The dashboard of a new installation leads from step to step, in Chromium, in each look."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import open_window
from tests.conftest import started
from tests.running_server import RunningServer, Site

pytestmark = pytest.mark.e2e


def test_the_first_steps_lead_to_the_first_heartbeat(
    browser: Browser, tmp_path: Path, new_sqlite: Callable[[Path], str]
) -> None:
    with started(RunningServer(new_sqlite(tmp_path), tmp_path, settings={"WEB_CONCURRENCY": "1"})) as server:
        anna = open_window(browser, server)
        anna.sign_in()
        done = anna.page.locator(".first-steps .done")
        assert done.count() == 0
        assert anna.findings() == []

        anna.follow(".first-steps a >> nth=0")
        anna.page.fill("#id_name", "Trattoria Roma")
        anna.page.fill("#id_owner_name", "Giulia")
        anna.page.fill("#id_contact_email", "giulia@roma.example")
        anna.follow("input[name=_save]")
        site = Site(server, anna.page.inner_text("#site-id"), anna.page.inner_text("#secret-key"))
        anna.go("/admin/")
        assert done.count() == 1
        assert "Register the first restaurant" in done.inner_text()

        assert site.call_home(key="pk_wrong").status_code == 401
        assert site.call_home().status_code == 200
        anna.go("/admin/")
        assert done.count() == 3
        assert anna.findings() == []
        assert anna.complaints == []
