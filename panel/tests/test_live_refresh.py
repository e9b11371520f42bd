"""A request by which a page refreshes itself is an ordinary one, but takes no messages from the next page."""

from accounts.models import Admin
from conftest import RegisteredSite
from panel.sites.page.tests.site_form import open_page
from panel.tests.screen import LIST, browser_of

REFRESH = {"Live-Refresh": "1"}


def test_a_refresh_leaves_the_messages_to_the_page_that_they_are_for(anna: Admin, roma: RegisteredSite) -> None:
    page = open_page(anna, roma).type(name="Roma Due")
    assert page.browser.post(page.path, page.fields).status_code == 302
    assert "Saved: Name." not in page.browser.get("/admin/", headers=REFRESH).content.decode()
    assert "Saved: Name." in page.browser.get(page.path).content.decode()


def test_a_refresh_shows_what_the_page_shows(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    for path in ("/admin/", LIST, f"{LIST}{roma.site_id}/change/"):
        html = browser.get(path, headers=REFRESH).content.decode()
        assert "data-live" in html
        assert html.count("<html") == 1
