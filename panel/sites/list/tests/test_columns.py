"""The choice of columns: in the URL, kept by filters, search and order, and harmless if it is nonsense."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin
from conftest import Register
from panel.tests.screen import LIST, browser_of

USUAL = ["Site", "State", "Licence", "Last seen", "Version", "Last 7 days"]


@pytest.fixture
def browser(vera: Admin, register: Register) -> Client:
    register(name="Bari").call_home()
    register(name="Aosta")
    return browser_of(vera)


def headers(page: Any) -> list[str]:
    found = re.findall(r'<th scope="col"[^>]*>\s*<(?:a|span)[^>]*>([^<]+)', page.content.decode())
    return [text.strip() for text in found]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", USUAL),
        ("?columns=", USUAL),
        ("?columns=end,seen,version,week", USUAL),
        ("?columns=state", ["Site", "State"]),
        ("?columns=end,seen,version,week,receipt", [*USUAL, "Receipt"]),
        ("?columns=receipt", ["Site", "State", "Receipt"]),
        ("?columns=state,seen", ["Site", "State", "Last seen"]),
        ("?columns=state&columns=week&columns=end", ["Site", "State", "Licence", "Last 7 days"]),
        ("?columns=week,end,secret_key,shown_seen", ["Site", "State", "Licence", "Last 7 days"]),
        ("?columns=nonsense", ["Site", "State"]),
    ],
)
def test_the_columns_of_the_url_are_shown(browser: Client, query: str, expected: list[str]) -> None:
    page = browser.get(LIST + query)
    assert headers(page) == expected
    cells = page.content.decode().split("<tbody>")[1].split("</tr>")[0]
    assert cells.count("<td") + cells.count("<th") == len(expected)


def test_the_receipt_says_how_far_the_newest_decision_has_come(browser: Client, register: Register, api: Any) -> None:
    site, nonce = register(name="Como"), "n" * 16

    def cell() -> str:
        html = browser.get(f"{LIST}?columns=receipt&q=como").content.decode()
        found = html.partition('field-shown_receipt">')[2].partition("</td>")[0]
        return " ".join(re.sub(r"<[^>]+>", " ", found).split())

    assert cell() == "–"
    site.call_home(nonce=nonce, applied_revision=0, applied_state="lapsed")
    assert cell() == "○ delivered just now"
    site.call_home(nonce=nonce, applied_revision=1, applied_state="ok")
    assert cell() == "✓ applied just now"
    api.post(f"{site.path}/lock", {"reason": "unpaid"})
    assert cell() == "○ requested just now"


def test_the_choice_stays_with_other_filters_the_search_and_the_order(browser: Client) -> None:
    page = browser.get(f"{LIST}?columns=state&columns=version&status=online&q=bari")
    assert [site.name for site in page.context["cl"].result_list] == ["Bari"]
    html = page.content.decode()
    assert "?columns=state&amp;columns=version&amp;o=1&amp;q=bari&amp;status=online" in html
    form = html.split('id="changelist-search"')[1].split("</form>")[0]
    assert 'name="columns" value="version"' in form
    assert "columns%3Dstate" in html, "the page of a site leads back to the same columns"
    assert page.context["cl"].clear_all_filters_qs == "?columns=state&columns=version&q=bari"


def test_the_order_by_a_column_that_is_hidden_is_kept(browser: Client) -> None:
    page = browser.get(f"{LIST}?columns=state&o=-5")
    assert [site.name for site in page.context["cl"].result_list] == ["Bari", "Aosta"]
    page = browser.get(f"{LIST}?columns=state,version&o=1")
    assert [site.name for site in page.context["cl"].result_list] == ["Aosta", "Bari"]


def test_the_form_shows_what_is_chosen(browser: Client) -> None:
    html = browser.get(f"{LIST}?columns=state,seen&tag=x&p=2").content.decode()
    form = html.split('class="list-columns"')[1].split("</details>")[0]
    assert re.findall(r'value="(\w+)" checked', form) == ["seen"]
    assert 'name="tag" value="x"' in form
    assert 'name="p"' not in form
