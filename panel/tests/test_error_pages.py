"""The pages of errors look like the panel, say what happened and lead back, without the database and the session."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from panel.tests.screen import ADD, browser_of

pytestmark = pytest.mark.any_database

PAGES = {
    "suspicious": (400, "This request was not understood"),
    "forbidden": (403, "You don't have permission to do this"),
    "missing": (404, "Page not found"),
    "defect": (500, "Something went wrong"),
    "database": (503, "The database does not answer"),
}


@pytest.fixture
def _faulty(settings: Any) -> None:
    settings.ROOT_URLCONF = "common.tests.faulty_urls"


def assert_is_our_page(html: str, heading: str) -> None:
    assert f"<title>{heading} · Portcullis</title>" in html.replace("&#x27;", "'")
    assert f"<h1>{heading}</h1>" in html.replace("&#x27;", "'")
    assert re.search(r'<link rel="stylesheet" href="[^"]*portcullis/error[^"]*\.css">', html)
    assert '<a class="button" href="/admin/">Go to the dashboard</a>' in html


@pytest.mark.usefixtures("_faulty")
@pytest.mark.parametrize("fault", PAGES)
def test_an_error_is_shown_in_the_looks_of_the_panel_with_a_way_back(fault: str) -> None:
    status, heading = PAGES[fault]
    answer = Client(raise_request_exception=False).get(f"/page/{fault}")
    assert answer.status_code == status
    assert_is_our_page(answer.content.decode(), heading)
    assert "what the caller must not see" not in answer.content.decode()


@pytest.mark.usefixtures("_faulty")
@pytest.mark.parametrize("fault", PAGES)
def test_an_error_page_needs_no_statement_even_with_a_session(fault: str, anna: Admin) -> None:
    """Not even the session is read, so that the page also shows without the database."""
    browser = browser_of(anna)
    browser.raise_request_exception = False
    with CaptureQueriesContext(connection) as queries:
        browser.get(f"/page/{fault}")
    assert [query["sql"] for query in queries] == []


@pytest.mark.parametrize("fault", ["defect", "database", "connection"])
@pytest.mark.usefixtures("_faulty")
def test_a_server_error_offers_to_try_again_unless_a_form_was_sent(fault: str) -> None:
    """The address of a form may accept nothing else."""
    browser = Client(raise_request_exception=False)
    opened, sent = (
        answer.content.decode() for answer in (browser.get(f"/page/{fault}"), browser.post(f"/page/{fault}"))
    )
    assert '<a class="button" href="">Try again</a>' in opened
    assert "whether your change was made" not in opened
    assert '<a class="button" href="">' not in sent
    assert "whether your change was made" in sent
    assert "Nothing was" not in opened + sent


def test_the_address_of_a_button_says_that_it_is_no_page(anna: Admin) -> None:
    answer = browser_of(anna).get("/admin/account/end-others/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert_is_our_page(answer.content.decode(), "This address only accepts a form")


def test_a_page_that_accepts_no_form_says_so(anna: Admin) -> None:
    answer = browser_of(anna).post("/admin/account/")
    assert (answer.status_code, "GET" in answer["Allow"]) == (405, True)
    assert_is_our_page(answer.content.decode(), "This page accepts no form")


def test_a_refused_person_is_told_to_ask_a_sysadmin(vera: Admin) -> None:
    html = browser_of(vera).get(ADD).content.decode()
    assert "If your role is the reason, a sysadmin can help." in html


def test_an_unknown_page_of_the_panel_and_one_without_permission_look_alike(anna: Admin, vera: Admin) -> None:
    missing, refused = browser_of(anna).get("/admin/nothing/"), browser_of(vera).get(ADD)
    assert (missing.status_code, refused.status_code) == (404, 403)
    assert_is_our_page(missing.content.decode(), PAGES["missing"][1])
    assert_is_our_page(refused.content.decode(), PAGES["forbidden"][1])


def test_a_request_for_another_host_gets_our_page() -> None:
    answer = Client(raise_request_exception=False).get("/admin/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert_is_our_page(answer.content.decode(), PAGES["suspicious"][1])


@pytest.fixture
def _collected_by_an_older_release(settings: Any, tmp_path: Path) -> None:
    """The server is upgraded without `collectstatic`, which has seen other files only."""
    manifest = {"version": "1.1", "hash": "", "paths": {"portcullis/admin.css": "portcullis/admin.0123456789ab.css"}}
    (tmp_path / "staticfiles.json").write_text(json.dumps(manifest))
    storage = {"BACKEND": "common.web.static_files.CollectedOrPlainStorage"}
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {**settings.STORAGES, "staticfiles": storage}


@pytest.mark.usefixtures("_faulty", "_collected_by_an_older_release")
@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/page/defect", 500, "text/html; charset=utf-8"),
        ("/page/database", 503, "text/html; charset=utf-8"),
        ("/page/missing", 404, "text/html; charset=utf-8"),
        ("/page/forbidden", 403, "text/html; charset=utf-8"),
        ("/page/suspicious", 400, "text/html; charset=utf-8"),
        ("/nothing", 404, "text/html; charset=utf-8"),
        ("/api/plain/missing", 404, "application/problem+json"),
        ("/api/plain/defect", 500, "application/problem+json"),
    ],
)
def test_an_error_page_shows_without_files_that_were_not_collected(path: str, status: int, kind: str) -> None:
    answer = Client(raise_request_exception=False).get(path)
    assert (answer.status_code, answer["Content-Type"]) == (status, kind)
    if "html" in kind:
        assert "/static/portcullis/admin.0123456789ab.css" in answer.content.decode()
        assert "/static/portcullis/error.css" in answer.content.decode()


@pytest.mark.usefixtures("_collected_by_an_older_release")
def test_a_wrong_host_is_refused_without_files_that_were_not_collected() -> None:
    browser = Client(raise_request_exception=False, headers={"host": "evil.example"})
    page, problem = browser.get("/admin/"), browser.get("/api/sites")
    assert (page.status_code, page["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert (problem.status_code, problem["Content-Type"]) == (400, "application/problem+json")
    assert staticfiles_storage.url("portcullis/error.css") == "/static/portcullis/error.css"
