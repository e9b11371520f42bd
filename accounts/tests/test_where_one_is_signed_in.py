"""One sees where one is signed in, and ends what one does not know."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.client_info import describe_user_agent
from accounts.models import Admin, PanelSession, TokenFamily
from accounts.services import change_admin
from accounts.sessions import session_digest
from accounts.tests.tokens import is_unauthenticated, login, me, pair, refresh
from audit.actors import COMMAND
from conftest import PASSWORD

PAGE = "/admin/account/"
CHROMIUM = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"

pytestmark = [pytest.mark.usefixtures("anna"), pytest.mark.any_database]


def browser(username: str = "anna", *, agent: str = CHROMIUM, address: str = "203.0.113.7") -> Client:
    client = Client(REMOTE_ADDR=address, headers={"User-Agent": agent})
    answer = client.post("/admin/login/", {"username": username, "password": PASSWORD})
    assert answer.status_code == 302, answer.content
    return client


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/admin/").status_code == 200)


def shown(client: Client) -> str:
    return re.sub(r"\s+", " ", client.get(PAGE).content.decode())


def digest(client: Client) -> str:
    return str(PanelSession.objects.get(pk=session_digest(client.session.session_key)).pk)


def end(client: Client, button: str, **what: Any) -> Any:
    answer = client.post(f"{PAGE}{button}/", what)
    assert (answer.status_code, answer["Location"]) == (302, PAGE)


def test_the_page_names_each_browser_its_address_and_this_one() -> None:
    here, _ = browser(), browser(agent=FIREFOX, address="198.51.100.4")
    page = shown(here)
    assert '<strong>Chromium on Linux</strong> <span class="this-one">this browser</span>' in page
    assert "from 203.0.113.7" in page
    assert "<strong>Firefox on Windows</strong><br>" in page
    assert "from 198.51.100.4" in page


def test_of_thousands_of_sign_ins_the_page_shows_some_and_this_browser_first(anna: Admin) -> None:
    here, now = browser(agent=FIREFOX), timezone.now()
    later = {"created_at": now, "expires_at": now + timedelta(hours=1)}
    TokenFamily.objects.bulk_create(
        TokenFamily(id=uuid.uuid4(), admin=anna, newest_token_id="x", **later) for _ in range(60)
    )
    used = {"created_at": now, "last_used_at": now + timedelta(minutes=1), "expire_date": now + timedelta(hours=1)}
    PanelSession.objects.bulk_create(PanelSession(session_key=str(number), admin=anna, **used) for number in range(60))
    page = shown(here)
    assert page.count("An unknown browser") == 49
    assert "And 11 more." in page
    assert page.index("Firefox on Windows") < page.index("An unknown browser")
    assert page.count("An unknown program") == 50
    assert "And 10 more." in page


def test_an_ended_browser_is_out_at_the_next_request_and_nobody_else() -> None:
    here, there, third = browser(), browser(agent=FIREFOX), browser()
    end(here, "end-browser", session=digest(there))
    assert [is_signed_in(client) for client in (here, there, third)] == [True, False, True]
    assert "Firefox" not in shown(here)


def test_all_others_end_at_once_and_this_one_stays() -> None:
    here, there, tokens = browser(), browser(agent=FIREFOX), pair()
    end(here, "end-others")
    assert [is_signed_in(here), is_signed_in(there)] == [True, False]
    assert is_unauthenticated(me(tokens["access"]))
    assert is_unauthenticated(refresh(tokens["refresh"]))
    assert "No program is signed in as you" in shown(here)


def test_an_api_sign_in_is_ended_with_its_access_token_and_the_next_one_works() -> None:
    here, tokens, other = browser(), pair(), pair()
    family = TokenFamily.objects.earliest("created_at")
    assert me(tokens["access"]).status_code == 200
    end(here, "end-api-sign-in", family=family.pk)
    assert is_unauthenticated(me(tokens["access"]))
    assert is_unauthenticated(refresh(tokens["refresh"]))
    assert me(other["access"]).status_code == 200
    assert me(pair()["access"]).status_code == 200


def test_the_page_shows_the_program_behind_an_api_sign_in() -> None:
    body = {"username": "anna", "password": PASSWORD}
    client = Client(REMOTE_ADDR="198.51.100.9", headers={"User-Agent": "curl/8.5.0"})
    assert client.post("/api/auth/login", body, content_type="application/json").status_code == 200
    page = shown(browser())
    assert "<strong>curl/8.5.0</strong>" in page
    assert "from 198.51.100.9" in page


def test_nobody_sees_or_ends_what_is_another_admins(ben: Admin) -> None:
    anna, other = browser(agent=FIREFOX), browser("ben")
    tokens = pair()
    assert "Firefox" not in shown(other)
    end(other, "end-browser", session=digest(anna))
    end(other, "end-api-sign-in", family=TokenFamily.objects.get().pk)
    end(other, "end-others")
    assert is_signed_in(anna)
    assert me(tokens["access"]).status_code == 200


@pytest.mark.parametrize("value", ["", "x", "\0", "z" * 5000, "00000000-0000-0000-0000-000000000000"])
def test_what_is_no_session_ends_nothing(value: str) -> None:
    here = browser()
    end(here, "end-browser", session=value)
    end(here, "end-api-sign-in", family=value)
    assert is_signed_in(here)


def test_the_key_of_a_session_stands_neither_in_the_table_nor_in_the_page() -> None:
    here = browser()
    key = here.cookies[settings.SESSION_COOKIE_NAME].value
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_panelsession")
        stored = str(cursor.fetchall())
    assert digest(here) in stored
    assert key not in stored
    assert key not in shown(here)


def test_what_stands_in_the_table_opens_nothing() -> None:
    here, thief = browser(), Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = digest(here)
    assert not is_signed_in(thief)
    thief.cookies[settings.SESSION_COOKIE_NAME] = digest(here)[:32]
    assert not is_signed_in(thief)


def test_only_posting_ends_something() -> None:
    here = browser()
    for button in ("end-browser", "end-api-sign-in", "end-others"):
        assert here.get(f"{PAGE}{button}/").status_code == 405
    assert Client().post(f"{PAGE}end-others/").status_code == 302


def test_the_last_use_is_written_once_in_five_minutes() -> None:
    here = browser()
    row = PanelSession.objects.get()
    with CaptureQueriesContext(connection) as queries:
        here.get(PAGE)
    assert not [query for query in queries if query["sql"].startswith("UPDATE")]
    long_ago = timezone.now() - timedelta(minutes=6)
    PanelSession.objects.update(last_used_at=long_ago)
    here.get(PAGE, REMOTE_ADDR="198.51.100.4")
    again = PanelSession.objects.get()
    assert again.last_used_at > long_ago
    assert (again.created_at, again.address) == (row.created_at, "198.51.100.4")


def test_a_changed_session_keeps_its_beginning() -> None:
    here = browser()
    before = PanelSession.objects.get().created_at
    session = here.session
    session["something"] = "new"
    session.save()
    assert PanelSession.objects.get().created_at == before


def test_an_expired_session_is_neither_shown_nor_valid() -> None:
    here, there = browser(), browser(agent=FIREFOX)
    PanelSession.objects.filter(pk=digest(there)).update(expire_date=timezone.now())
    assert not is_signed_in(there)
    assert "Firefox" not in shown(here)


def test_a_disabled_admins_sessions_are_gone(ben: Admin) -> None:
    browser("ben")
    login("ben")
    change_admin(ben.pk, {"is_active": False}, by=COMMAND, at=timezone.now())
    assert not PanelSession.objects.filter(admin=ben).exists()
    assert not TokenFamily.objects.filter(admin=ben).live(at=timezone.now()).exists()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (CHROMIUM, "Chromium on Linux"),
        (FIREFOX, "Firefox on Windows"),
        (CHROMIUM.replace("X11; Linux x86_64", "Linux; Android 10; K"), "Chromium on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari on iOS"),
        (CHROMIUM + " Edg/142.0.0.0", "Edge on Linux"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("python-requests/2.34.2", "python-requests/2.34.2"),
        ("", ""),
        ("<script>alert(1)</script>", ""),
        ("a" * 5000, "a" * 100),
    ],
)
def test_browsers_are_named_as_people_name_them(header: str, words: str) -> None:
    assert describe_user_agent(header) == words
