"""Files of a site in the panel, in Chromium."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from documents.files.tests.conftest import PDF, picture
from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=40)]

DROP = """async ([name, type, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name, {type}));
  document.querySelector("[data-file-form]").dispatchEvent(new DragEvent("drop", {dataTransfer: data, cancelable: true}));
}"""
UPLOAD = "[data-file-form] input[type=submit]"


@pytest.fixture
def anna(browser: Browser, race_server: RunningServer) -> PanelUser:
    person = open_window(browser, race_server)
    person.sign_in()
    return person


@pytest.fixture
def site_page(race_server: RunningServer) -> str:
    site = register(race_server.sign_in(), race_server, name="Files Osteria")
    return f"/admin/sites/site/{site.site_id}/change/"


def test_a_dropped_picture_is_shown_and_deleted(anna: PanelUser, site_page: str) -> None:
    page = anna.page
    anna.go(site_page)
    page.evaluate(DROP, ["front.jpg", "image/jpeg", list(picture("JPEG", (900, 600)))])
    page.select_option("[data-file-form] select", "photo")
    page.click(UPLOAD)
    page.wait_for_selector("text=Uploaded: front.jpg.")
    preview = page.locator(".file-preview img")
    preview.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.file-preview img').naturalWidth === 216")
    assert "Photo, JPEG" in page.inner_text(".file-rows")
    assert anna.complaints == []
    anna.follow("text=Delete >> nth=0")
    page.fill("#id_reason", "wrong customer")
    anna.follow("input[type=submit]")
    assert "Deleted: front.jpg." in anna.messages


def test_what_is_refused_is_said_without_leaving_the_page(anna: PanelUser, site_page: str, tmp_path: Path) -> None:
    page = anna.page
    anna.go(site_page)
    drawing = tmp_path / "drawing.svg"
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    page.set_input_files("[data-file-form] input[type=file]", drawing)
    page.click(UPLOAD)
    page.wait_for_selector(".file-error:not([hidden])")
    assert page.inner_text(".file-error") == "HTML, XML and scripts are not accepted as text."
    assert page.is_enabled(UPLOAD)


def test_a_browser_without_script_sends_the_form(
    browser: Browser, race_server: RunningServer, site_page: str, tmp_path: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    person = PanelUser(race_server, context.new_page())
    person.sign_in()
    person.go(site_page)
    contract = tmp_path / "contract.pdf"
    contract.write_bytes(PDF)
    person.page.set_input_files("[data-file-form] input[type=file]", contract)
    person.follow(UPLOAD)
    assert "Uploaded: contract.pdf." in person.messages
