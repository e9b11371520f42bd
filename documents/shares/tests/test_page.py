"""The page behind a link: what the restaurant's owner sees, and what strangers do not."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from common.web.request_metrics import route_of
from config import vendor_settings
from conftest import Clock, Register, RegisteredSite
from documents.models import ShareLink
from documents.shares.tests.conftest import Share
from documents.shares.tokens import generate_token
from sites.models import Site

JSON = {"Accept": "application/json"}


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def licensed(register: Register, clock: Clock) -> RegisteredSite:
    """Until midnight in Rome, after 2 March."""
    return register(timezone="Europe/Rome", license_expires_at="2027-03-02T23:00:00Z")


def test_it_says_until_when_the_site_is_licensed(visitor: Client, share: Share, licensed: RegisteredSite) -> None:
    answer = visitor.get(share(licensed))
    assert answer.status_code == 200
    assert "Trattoria Roma" in text(answer)
    assert "Licensed until 2 March 2027" in text(answer)
    assert "274 days left" in text(answer)
    assert "Times are those of Europe/Rome" in text(answer)


def test_it_says_why_the_site_is_locked(
    visitor: Client, api: Any, share: Share, licensed: RegisteredSite, settings: Any
) -> None:
    path = share(licensed)
    api.post(f"{licensed.path}/lock", {"reason": "invoice 4711 <unpaid>"})
    page = text(visitor.get(path))
    assert "Locked" in page
    assert "Reason: invoice 4711 &lt;unpaid&gt;" in page
    assert "Until 2 March 2027" in page
    assert "To have it unlocked, ask the company that sent you this link." in page


@pytest.mark.parametrize(
    ("contact", "words"),
    [
        ("+39 06 5550 123", 'call <a href="tel:+39065550123">+39 06 5550 123</a>.'),
        ("help@vendor.example", 'write to <a href="mailto:help@vendor.example">help@vendor.example</a>.'),
        ("https://vendor.example/help", 'see <a href="https://vendor.example/help">vendor.example/help</a>.'),
    ],
)
def test_it_says_how_to_reach_the_vendor(
    contact: str, words: str, visitor: Client, share: Share, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENDOR_CONTACT", contact)
    settings.VENDOR_NAME, settings.VENDOR_CONTACT = "Conti <Kassen>", vendor_settings.contact()
    page = text(visitor.get(share()))
    assert "For questions, " + words in page
    assert "<header>Conti &lt;Kassen&gt;</header>" in page
    assert "For questions, " + words in text(visitor.get("/s/psl_x"))


@pytest.mark.parametrize("contact", ["javascript:alert(1)", "http://vendor.example", "call us", "a@b?cc=c@d", "12"])
def test_a_contact_that_is_none_stops_the_start(contact: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDOR_CONTACT", contact)
    with pytest.raises(ImproperlyConfigured, match="VENDOR_CONTACT must be"):
        vendor_settings.contact()


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("2026-05-31T22:00:00Z", "Licence ended on 31 May 2026"),
        ("2026-06-01T12:30:00Z", "Licensed until 1 June 2026, 14:30"),
        ("2026-06-03T22:00:00Z", "Licensed until 3 June 2026"),
        ("9999-12-31T23:59:59Z", "Licensed until 31 December 9999, 23:59"),
    ],
)
def test_the_end_is_told_in_the_restaurants_own_days(
    end: str, words: str, visitor: Client, register: Register, clock: Clock, share: Share
) -> None:
    site = register(timezone="Europe/Rome", license_expires_at=end)
    assert words in text(visitor.get(share(site)))


def test_it_says_when_the_restaurant_was_last_heard(
    visitor: Client, share: Share, licensed: RegisteredSite, clock: Clock
) -> None:
    path = share(licensed)
    assert "Not yet" in text(visitor.get(path))
    licensed.call_home()
    clock.move(minutes=12)
    assert "12 minutes ago (1 June 2026, 14:00)" in text(visitor.get(path))


def test_programs_get_json(visitor: Client, api: Any, share: Share, licensed: RegisteredSite, clock: Clock) -> None:
    path = share(licensed)
    licensed.call_home()
    api.post(f"{licensed.path}/lock", {"reason": "unpaid"})
    answer = visitor.get(path, headers=JSON)
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.content) == {
        "name": "Trattoria Roma",
        "licensed": True,
        "license_expires_at": "2027-03-02T23:00:00Z",
        "is_locked": True,
        "lock_reason": "unpaid",
        "last_seen_at": "2026-06-01T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "text/html"),
        ("*/*", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json, text/html;q=0.5", "application/json"),
        ("text/html, application/json;q=0.5", "text/html"),
        ("image/png", "text/html"),
    ],
)
def test_the_header_accept_decides(accept: str | None, kind: str, visitor: Client, share: Share) -> None:
    answer = visitor.get(share(), headers={"Accept": accept} if accept else {})
    assert answer.headers["Content-Type"].startswith(kind)


def test_only_the_name_of_the_site_leaves_the_database(visitor: Client, share: Share, register: Register) -> None:
    site = register(
        name="Bar", owner_name="Giulietta", contact_email="g@secret.example", contact_phone="+39 06 555 123"
    )
    path = share(site, note="a note for colleagues")
    site.call_home()
    for headers in ({}, JSON):
        shown = visitor.get(path, headers=headers).content.decode()
        for private in ("Giulietta", "secret.example", "555", "colleagues", site.site_id, "anna", "127.0.0.1", "psl_"):
            assert private not in shown


def test_the_whole_page_is_small_and_has_no_script(visitor: Client, share: Share) -> None:
    with open("static/portcullis/share_page.css", "rb") as style:
        page = visitor.get(share()).content
        assert len(page) + len(style.read()) < 30_000
    assert b"<script" not in page
    assert page.count(b"<link") == 2


# --- Links that lead nowhere ---


@pytest.fixture
def refused(visitor: Client) -> bytes:
    """The page that all of them get."""
    answer = visitor.get(f"/s/{generate_token()}")
    assert answer.status_code == 404
    return bytes(answer.content)


def assert_refused(path: str, visitor: Client, refused: bytes) -> None:
    answer = visitor.get(path)
    assert (answer.status_code, answer.content) == (404, refused)
    problem = visitor.get(path, headers=JSON)
    assert (problem.status_code, json.loads(problem.content)["code"]) == (404, "share_link_not_found")
    assert "no-store" in problem.headers["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["x", "psl_", "psl_" + "0" * 49, "psl_" + "é" * 49, "%00", "x" * 5_000])
def test_no_token_leads_nowhere(token: str, visitor: Client, refused: bytes) -> None:
    assert_refused(f"/s/{token}", visitor, refused)


def test_a_revoked_link_leads_nowhere_at_once(
    api: Any, roma: RegisteredSite, share: Share, visitor: Client, refused: bytes
) -> None:
    path = share()
    assert visitor.get(path).status_code == 200
    [link] = api.get(f"{roma.path}/shares").data["results"]
    assert api.delete(f"{roma.path}/shares/{link['id']}").status_code == 204
    assert_refused(path, visitor, refused)


def test_an_expired_link_leads_nowhere(share: Share, visitor: Client, refused: bytes, clock: Clock) -> None:
    path = share(expires_in_days=1)
    clock.move(seconds=86_399)
    assert visitor.get(path).status_code == 200
    clock.move(seconds=1)
    assert_refused(path, visitor, refused)


def test_a_deregistered_site_has_no_page_until_it_is_restored(
    api: Any, roma: RegisteredSite, share: Share, visitor: Client, refused: bytes
) -> None:
    path = share()
    api.delete(roma.path)
    assert_refused(path, visitor, refused)
    Site.objects.filter(pk=roma.site_id).update(deregistered_at=None)
    assert visitor.get(path).status_code == 200


# --- Headers, methods, writes ---


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("is_valid", [True, False])
def test_nothing_is_cached_indexed_framed_or_passed_on(
    accept: str, is_valid: bool, visitor: Client, share: Share
) -> None:
    answer = visitor.get(share() if is_valid else "/s/psl_x", headers={"Accept": accept})
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Accept" in answer.headers["Vary"]
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "ETag" not in answer.headers
    assert not answer.cookies


def test_head_answers_without_a_body_and_is_no_visit(visitor: Client, share: Share) -> None:
    answer = visitor.head(share())
    assert (answer.status_code, answer.content) == (200, b"")
    assert ShareLink.objects.get().last_opened_at is None


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_other_methods_are_refused(method: str, visitor: Client, share: Share) -> None:
    answer = getattr(visitor, method)(share())
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_visit_takes_one_query_and_at_most_one_write_a_minute(visitor: Client, share: Share, clock: Clock) -> None:
    path = share()
    counts = []
    for seconds in (0, 1, 58, 1):
        clock.move(seconds=seconds)
        with CaptureQueriesContext(connection) as queries:
            visitor.get(path)
        counts.append(len(queries))
    assert counts == [2, 1, 1, 2]
    assert ShareLink.objects.get().last_opened_at == clock.at


# --- Guessing ---


@pytest.mark.django_db
def test_an_address_that_guesses_is_held_back_and_a_valid_link_works_all_the_same(
    visitor: Client, share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("documents.shares.failures.FAILURES_PER_MINUTE", 3)
    path = share()
    statuses = [visitor.get(f"/s/{generate_token()}").status_code for _ in range(5)]
    assert statuses == [404, 404, 404, 429, 429]
    held_back = visitor.get("/s/psl_x")
    assert 1 <= int(held_back.headers["Retry-After"]) <= 60
    assert "Too many attempts" in text(held_back)
    problem = visitor.get("/s/psl_x", headers=JSON)
    assert (problem.status_code, json.loads(problem.content)["code"]) == (429, "too_many_failures")
    assert "Retry-After" in problem.headers
    assert visitor.get(path).status_code == 200
    assert visitor.get("/s/psl_x", REMOTE_ADDR="198.51.100.9").status_code == 404


def test_metrics_have_no_token(share: Share) -> None:
    path = share()
    request = RequestFactory().get(path)
    request.resolver_match = resolve(path)
    assert route_of(request) == "/s/<token>"


def test_the_database_holds_no_token(share: Share) -> None:
    token = share().removeprefix("/s/")
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            assert token not in str(cursor.fetchall()), table
    assert ShareLink.objects.get().expires_at - ShareLink.objects.get().created_at == timedelta(days=30)


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("headers", [{}, JSON])
def test_without_a_database_it_says_that_the_link_stays_valid(
    method: str, headers: dict[str, str], visitor: Client, share: Share, settings: Any
) -> None:
    def refuse(*_: Any) -> None:
        raise OperationalError("the database is away")

    settings.VENDOR_NAME = "Conti Kassen"
    path = share()
    with connection.execute_wrapper(refuse):
        answer = getattr(visitor, method)(path, headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert (answer.headers["X-Robots-Tag"], answer.headers["Vary"]) == ("noindex, nofollow", "Accept")
    if headers:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert method == "head" or json.loads(answer.content)["code"] == "unavailable"
    else:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert method == "head" or "Your link stays valid" in text(answer)
        assert method == "head" or "<title>Not available now · Conti Kassen</title>" in text(answer)
        assert "Portcullis" not in text(answer)
