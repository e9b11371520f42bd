"""What is dangerous looks dangerous, and nothing else does: in Chromium, with and without scripts, on each usual page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import LOOKS, TRANSITIONS_ENDED, PanelUser, open_window
from tests.running_server import PASSWORD, Client, RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=50)]

# The names of what a person can press and is drawn in red: hue near 0, and neither pale nor grey. The mark in the header
# is left out: it is red on every page while a critical incident is open.
RED = """() => {
  const isRed = (colour) => {
    const [r, g, b, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return alpha > 0 && r - Math.max(g, b) > 60 && Math.abs(g - b) < 60;
  };
  return [...document.querySelectorAll("a, button, input[type=submit], summary, select")]
    .filter((each) => each.checkVisibility() && !each.closest("#critical-mark"))
    .filter((each) => {
      const style = getComputedStyle(each);
      const hasBorder = parseFloat(style.borderTopWidth) > 0 && style.borderTopStyle !== "none";
      return [style.color, style.backgroundColor, ...(hasBorder ? [style.borderTopColor] : [])].some(isRed);
    })
    .map((each) => (each.value || each.textContent).trim());
}"""


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture(params=["light", "dark"])
def anna(request: pytest.FixtureRequest, browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server, request.param)
    person.sign_in()
    yield person
    assert person.complaints == []


def a_device(server: RunningServer, site: Site) -> str:
    """Its id."""
    code = server.sign_in().post(f"/api/locations/{site.site_id}/enrolment-codes", {}).json()["code"]
    answer = Client(server).post("/api/devices/register", {"enrolment_code": code, "device_id": "till-1"})
    return str(answer.json()["id"])


def operate(name: str, *sites: Site) -> str:
    return f"/admin/sites/site/operate/{name}/?" + "&".join(f"site={each.site_id}" for each in sites)


def test_only_what_stops_a_restaurant_is_red(anna: PanelUser, server: RunningServer) -> None:
    api = server.sign_in()
    site, locked, former = (register(api, server, name=f"Red {each}") for each in ("Open", "Locked", "Former"))
    api.post(f"/api/sites/{locked.site_id}/lock", {"reason": "unpaid"})
    api.send("DELETE", f"/api/sites/{former.site_id}")
    device = a_device(server, site)
    page_of = "/admin/sites/site/{}/{}/".format
    expected = {
        "/admin/": [],
        "/admin/sites/site/": [],
        "/admin/sites/site/add/": [],
        "/admin/sites/site/import/": [],
        "/admin/accounts/admin/1/change/": [],
        "/admin/account/": [],
        page_of(site.site_id, "change"): ["Lock", "Deactivate", "Deregister"],
        page_of(locked.site_id, "change"): ["Deactivate", "Deregister"],
        page_of(former.site_id, "change"): ["Erase personal data"],
        page_of(former.site_id, "erase"): ["Request erasure"],
        page_of(site.site_id, "rotate-key"): [],
        operate("lock", site): ["Lock"],
        operate("lock", locked): [],
        operate("unlock", locked): [],
        operate("extend", site): [],
        operate("set_expiry", site): [],
        operate("deactivate", site): ["Deactivate"],
        operate("activate", site): [],
        operate("deregister", site): ["Deregister"],
        operate("restore", former): [],
        f"/admin/devices/device/{device}/change/": ["Retire"],
        f"/admin/devices/device/{device}/retire/": ["Retire"],
        f"/admin/devices/device/{device}/edit/": [],
        f"/admin/devices/device/{device}/configuration/": [],
        f"/admin/devices/device/{device}/rotate-key/": [],
        f"/admin/devices/device/add-to/{site.site_id}/": [],
    }
    found = {}
    for path in expected:
        anna.go(path)
        if anna.page.locator(".more-menu").count():
            anna.page.click(".more-menu summary")
        found[path] = anna.page.evaluate(RED)
    assert found == expected
    anna.go(page_of(site.site_id, "rotate-key"))
    anna.page.check("#id_end_at_once")
    anna.page.evaluate(TRANSITIONS_ENDED)
    assert anna.page.evaluate(RED) == ["Rotate key"]


def test_the_result_of_a_lock_is_not_red(anna: PanelUser, server: RunningServer) -> None:
    api = server.sign_in()
    anna.go(operate("lock", *(register(api, server, name=f"Red Result {number}") for number in range(2))))
    assert anna.page.evaluate(RED) == ["Lock 2 sites"]
    anna.page.fill("#id_reason", "unpaid")
    anna.follow("input[type=submit]")
    assert "2 of 2 locked" in anna.page.inner_text("[role=status]")
    assert anna.page.evaluate(RED) == []


def test_an_expiry_date_that_has_passed_is_red(anna: PanelUser, server: RunningServer) -> None:
    anna.go(operate("set_expiry", register(server.sign_in(), server, name="Red End")))
    anna.page.fill("#id_license_expires_at_0", "2020-01-01")
    anna.follow("input[type=submit]")
    assert anna.page.locator(".errorlist").count() > 0, "the form comes back"
    assert anna.page.evaluate(RED) == ["Set expiry date"]


@pytest.mark.parametrize(("cells", "red"), [("Renamed,", []), (",false", ["Apply"])], ids=["renames", "deactivates"])
def test_an_import_is_red_if_it_takes_licences_away(
    cells: str, red: list[str], anna: PanelUser, server: RunningServer
) -> None:
    site = register(server.sign_in(), server, name="Red Import")
    content = f"site_id,name,is_active\n{site.site_id},{cells}\n".encode()
    anna.go("/admin/sites/site/import/")
    anna.page.set_input_files("input[type=file]", {"name": "sites.csv", "mimeType": "text/csv", "buffer": content})
    anna.follow("#content input[type=submit]")
    assert anna.page.get_by_role("button", name="Apply").is_visible()
    assert anna.page.evaluate(RED) == red


def test_confirming_an_erasure_is_red(anna: PanelUser, server: RunningServer) -> None:
    """Requested by another sysadmin, because a person cannot confirm an own request."""
    api = server.sign_in()
    site = register(api, server, name="Red Erasure")
    api.send("DELETE", f"/api/sites/{site.site_id}")
    carla = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD, "PORTCULLIS_PASSWORD": PASSWORD}
    server.manage("createsuperuser", "--noinput", "--username=carla", "--email=carla@vendor.example", **carla)
    requested = ("--request", "--admin", "carla", "--reason", "ticket 12")
    done = server.manage("erase_site", site.site_id, *requested, **carla)
    assert done.returncode == 0, done.stderr
    anna.go(f"/admin/sites/site/{site.site_id}/erase/")
    assert anna.page.evaluate(RED) == ["Erase for good"]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_deregistering_asks_for_the_name(browser: Browser, server: RunningServer, scripts: bool) -> None:
    site = register(server.sign_in(), server, name="Osteria Addio")
    context = browser.new_context(java_script_enabled=scripts, viewport={"width": LOOKS["phone"][1], "height": 900})
    anna = PanelUser(server, context.new_page())
    anna.sign_in()
    anna.go(operate("deregister", site))
    page = anna.page
    assert "the restaurant is not told why" in page.inner_text(".caution")
    assert "told at" not in page.inner_text(".caution")
    assert (
        page.get_by_label("Type the site’s name to confirm").get_attribute("aria-describedby")
        == "id_typed_name_helptext"
    )
    page.fill("#id_reason", "closed for good")
    page.fill("#id_typed_name", "Osteria")
    anna.follow("input[type=submit]")
    assert "Type “Osteria Addio” to confirm." in page.inner_text("#content")
    assert page.input_value("#id_reason") == "closed for good"
    assert site.call_home().status_code == 200
    page.fill("#id_typed_name", "osteria addio")
    anna.follow("input[type=submit]")
    assert "Osteria Addio: Deregistered" in anna.messages
    assert site.call_home().status_code == 401
    assert anna.complaints == []


def test_a_lock_says_by_when_it_takes_effect(browser: Browser, server: RunningServer) -> None:
    site = register(server.sign_in(), server, name="Osteria Presto")
    site.call_home()
    anna = open_window(browser, server)
    anna.sign_in()
    anna.go(operate("lock", site))
    words = "at its next heartbeat, by "
    assert words in anna.page.inner_text(".caution")
    assert "until then it keeps working" in anna.page.inner_text(".caution")
    assert anna.findings() == []
    anna.page.fill("#id_reason", "unpaid")
    anna.follow("input[type=submit]")
    assert f"it will be told {words}" in anna.page.inner_text(".site-sentence")
    assert anna.complaints == []
