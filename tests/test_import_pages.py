"""A file of sites goes out and comes in, in Chromium: chosen, looked at, applied, its keys saved."""

import csv
import os
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Download

from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, Site, register

pytestmark = pytest.mark.e2e

LIST = "/admin/sites/site/"
HEADER = "site_id,name,owner_name,contact_email,license_expires_at,status"


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


def read(download: Download) -> list[dict[str, str]]:
    text = Path(download.path()).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(StringIO(text, newline="")))


def choose(person: PanelUser, folder: Path, *rows: str) -> None:
    file = folder / "spring.csv"
    file.write_text("\r\n".join([HEADER, *rows]), encoding="utf-8")
    person.go(f"{LIST}import/")
    person.page.set_input_files("#id_file", file)
    person.follow("input[type=submit]")


def examine(person: PanelUser, name: str) -> None:
    """With SCREENSHOTS set to a folder the page is drawn there."""
    if folder := os.environ.get("SCREENSHOTS"):
        person.page.screenshot(path=f"{folder}/{name}.png", full_page=True)
    assert person.findings() == [], name


def test_a_file_is_looked_at_applied_and_its_keys_saved(
    browser: Browser, server: RunningServer, tmp_path: Path
) -> None:
    api = server.sign_in()
    old, same = register(api, server, name="Old 1"), register(api, server, name="Same 1")
    person = open_window(browser, server)
    person.sign_in()
    page = person.page
    person.go(f"{LIST}import/")
    examine(person, "import")
    change = f"{old.site_id},Osteria 1,,,2031-01-01T00:00:00Z,"
    choose(person, tmp_path, change, f"{same.site_id},,,,,online", ",New,Nina,no-address,,", f"{old.site_id}x,,,,,")
    examine(person, "import-refused")
    assert page.locator("input[value=Apply]").count() == 0
    assert "contact_email: Enter a valid email address. Given: no-address" in page.inner_text(".import-rows")
    choose(
        person,
        tmp_path,
        change,
        f"{same.site_id},,,,,online",
        ",New 1,Nina,nina@x.example,,",
        ",=1,N,n@x.example,,",
    )
    examine(person, "import-dry-run")
    person.follow("input[value=Apply]")
    examine(person, "import-keys")
    with page.expect_download() as download:
        page.click("#download-keys")
    assert download.value.suggested_filename == "site-keys.csv"
    rows = read(download.value)
    assert [row["name"] for row in rows] == ["New 1", "'=1"]
    for row in rows:
        assert Site(server, row["site_id"], row["secret_key"]).call_home().status_code == 200
    assert list(csv.DictReader(StringIO(page.input_value("#keys-as-csv")))) == rows
    page.reload()
    assert "applied already" in person.messages
    assert "psk_" not in page.content()
    examine(person, "import-applied")
    assert api.get(f"/api/sites/{old.site_id}").json()["name"] == "Osteria 1"
    assert person.complaints == []


def test_what_the_list_shows_or_what_was_selected_is_saved(browser: Browser, server: RunningServer) -> None:
    api = server.sign_in()
    for number in range(3):
        register(api, server, name=f"Export {number}", owner_name="Expo")
    person = open_window(browser, server)
    person.sign_in()
    person.go(f"{LIST}?q=expo")
    with person.page.expect_download() as download:
        person.page.click("a:text-is('Export CSV')")
    assert {row["name"] for row in read(download.value)} == {"Export 0", "Export 1", "Export 2"}
    person.page.locator("input.action-select").first.check()
    person.page.select_option("select[name=action]", "export_csv")
    with person.page.expect_download() as download:
        person.page.click("button[name=index]")
    assert len(read(download.value)) == 1
    assert person.complaints == []
