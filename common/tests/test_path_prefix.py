"""Below a path such as /licences, everything that a browser gets has the path; and only a trusted proxy can name it."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_script_prefix, set_script_prefix
from rest_framework.test import APIClient

from accounts.models import Admin
from common.web.links import public_link
from common.web.prefixed_cookies import cookie_mark
from conftest import PASSWORD, Register, RegisteredSite

PROXY, STRANGER = "10.0.0.1", "203.0.113.9"
PREFIX = "/licences"
MALFORMED = [
    "//evil.example",
    "https://evil.example",
    "licences",
    "/a/../b",
    "/a//b",
    "/a b",
    "/a,/b",
    "/a?b=c",
    "/a#b",
    "/<script>",
    "/%2e%2e",
    "/\\evil.example",
    "/ä",
    "/" + "a" * 101,
]
ADDRESSES = re.compile(r'(?:href|src|action|data-url|data-path)="(/[^"]*)"')


@pytest.fixture(autouse=True)
def _proxy(settings: Any) -> Iterator[None]:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]
    yield
    set_script_prefix("/")


def behind_proxy(prefix: str = PREFIX, *, peer: str = PROXY) -> Client:
    """A client whose requests come through that proxy, which has removed the prefix from the path."""
    return Client(
        headers={"X-Forwarded-Prefix": prefix, "X-Forwarded-For": STRANGER},
        REMOTE_ADDR=peer,
        raise_request_exception=False,
    )


@pytest.fixture
def client() -> Client:
    return behind_proxy()


@pytest.fixture
def fixed(settings: Any) -> Client:
    """PATH_PREFIX in place of the header, without a proxy that is trusted."""
    settings.PATH_PREFIX, settings.TRUSTED_PROXIES = PREFIX, []
    return Client()


def sign_in(client: Client, path: str = "/admin/login/") -> Any:
    return client.post(f"{path}?next=/licences/admin/account/", {"username": "anna", "password": PASSWORD})


def test_redirects_carry_the_prefix(client: Client) -> None:
    assert client.get("/")["Location"] == "/licences/admin/"
    assert client.get("/admin/account/")["Location"] == "/licences/admin/login/?next=/licences/admin/account/"
    assert client.get("/admin/sites/site")["Location"].startswith("/licences/admin/")


def test_every_address_of_a_page_carries_the_prefix(client: Client, anna: Admin) -> None:
    signing_in = client.get("/admin/login/").content.decode()
    client.force_login(anna)
    client.cookies["licences~sessionid"] = client.cookies["sessionid"].value
    for page in (signing_in, *(client.get(path).content.decode() for path in ("/admin/", "/admin/sites/site/"))):
        found = ADDRESSES.findall(page)
        assert len(found) > 5
        assert [each for each in found if not each.startswith("/licences/")] == []


def test_the_pages_of_errors_and_of_the_documentation_carry_it_too(client: Client, anna: Admin, settings: Any) -> None:
    settings.ROOT_URLCONF = "common.tests.faulty_urls"
    settings.DEBUG = False
    for path, status in {"/page/defect": 500, "/page/database": 503, "/docs": 200, "/redoc": 200}.items():
        answer = client.get(path)
        found = ADDRESSES.findall(answer.content.decode())
        assert answer.status_code == status
        assert found, path
        assert [each for each in found if not each.startswith("/licences/")] == [], path


@pytest.mark.parametrize("prefix", MALFORMED)
@pytest.mark.parametrize("path", ["/admin/login/", "/api/schema"])
def test_a_header_that_is_no_path_is_refused(path: str, prefix: str) -> None:
    answer = behind_proxy(prefix).get(path)
    assert (answer.status_code, b"X-Forwarded-Prefix is not a path" in answer.content) == (400, True)
    assert (answer["Content-Type"] == "application/problem+json") is path.startswith("/api/")
    assert b"evil" not in answer.content


@pytest.mark.parametrize("prefix", ["/licences/", "/Vendor-1/licences_2.b"])
def test_a_longer_path_and_a_slash_at_its_end_are_taken(prefix: str) -> None:
    assert behind_proxy(prefix).get("/")["Location"] == prefix.rstrip("/") + "/admin/"


@pytest.mark.parametrize("prefix", ["/evil", "//evil.example"])
def test_an_address_that_is_no_trusted_proxy_cannot_name_a_prefix(db: None, prefix: str) -> None:
    stranger = behind_proxy(prefix, peer=STRANGER)
    assert stranger.get("/")["Location"] == "/admin/"
    page = stranger.get("/admin/login/")
    assert b"evil" not in page.content
    assert page.cookies["csrftoken"]["path"] == "/"
    assert "servers" not in stranger.get("/api/schema").json()


def test_one_request_does_not_leave_its_prefix_to_the_next(client: Client) -> None:
    assert client.get("/")["Location"] == "/licences/admin/"
    assert Client().get("/")["Location"] == "/admin/"
    assert get_script_prefix() == "/"
    assert behind_proxy("/other").get("/")["Location"] == "/other/admin/"


@pytest.mark.parametrize("before", ["", PREFIX], ids=["removed by the proxy", "left in the path"])
def test_with_the_setting_the_proxy_may_leave_the_prefix_in_the_path(db: None, fixed: Client, before: str) -> None:
    assert fixed.get(f"{before}/")["Location"] == "/licences/admin/"
    assert fixed.get(f"{before}/admin/account/")["Location"].startswith("/licences/admin/login/")
    assert fixed.get(f"{before}/api/schema").json()["servers"] == [{"url": "/licences"}]
    assert fixed.get(f"{before}/health/live").status_code == 200
    assert fixed.post(f"{before}/api/heartbeat").json()["code"] == "invalid_site_credentials"
    static = fixed.get(f"{before}/static/portcullis/zone.js")
    assert static.status_code == 200
    static.close()


def test_the_prefix_alone_is_the_first_page_and_a_longer_word_is_not(fixed: Client) -> None:
    assert fixed.get("/licences")["Location"] == "/licences/admin/"
    assert fixed.get("/licencesadmin/login/").status_code == 404


def test_the_setting_wins_over_the_header(settings: Any) -> None:
    settings.PATH_PREFIX = "/fixed"
    assert behind_proxy("/other").get("/")["Location"] == "/fixed/admin/"


def test_probes_are_answered_over_plain_http_and_pages_are_redirected_to_https(fixed: Client, settings: Any) -> None:
    from config.browser_settings import paths_without_https

    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = paths_without_https(PREFIX)
    for path in ("/health/live", "/licences/health/live"):
        assert fixed.get(path).status_code == 200, path
    assert fixed.get("/licences/api/health")["Location"] == "https://testserver/licences/api/health"
    assert fixed.get("/admin/")["Location"] == "https://testserver/licences/admin/"


def test_links_of_a_list_and_of_what_was_made_carry_the_prefix(api: APIClient, register: Register) -> None:
    through = {"headers": {"X-Forwarded-Prefix": PREFIX, "Host": "testserver"}, "REMOTE_ADDR": PROXY}
    for number in range(3):
        register(name=f"Roma {number}")
    page = api.get("/api/sites?page_size=1&page=2", **through).json()
    assert page["next"] == "http://testserver/licences/api/sites?page=3&page_size=1"
    assert page["previous"] == "http://testserver/licences/api/sites?page_size=1"
    made = api.post("/api/organizations", {"name": "Trattorie Conti"}, **through)
    assert made["Location"].startswith("/licences/api/organizations/")


def test_an_idempotency_key_is_one_with_the_prefix_and_without(api: APIClient, roma: RegisteredSite) -> None:
    key = {"Idempotency-Key": "extend-1"}
    one = api.post(f"{roma.path}/extend", {"days": 30}, headers=key)
    two = api.post(
        f"{roma.path}/extend", {"days": 30}, headers={**key, "X-Forwarded-Prefix": PREFIX}, REMOTE_ADDR=PROXY
    )
    assert (one.json(), two["Idempotency-Replayed"]) == (two.json(), "true")


def test_a_link_in_a_mail_has_the_prefix_of_the_public_url_once(settings: Any) -> None:
    settings.PUBLIC_URL = "https://vendor.example/licences"
    set_script_prefix("/licences/")  # as in a request
    assert public_link("unsubscribe", "abc") == "https://vendor.example/licences/unsubscribe/abc"
    set_script_prefix("/")  # as in a job
    assert public_link("unsubscribe", "abc") == "https://vendor.example/licences/unsubscribe/abc"


# --- Cookies ---


@pytest.fixture
def _production_cookies(settings: Any) -> None:
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True


@pytest.mark.usefixtures("_production_cookies")
def test_cookies_have_the_prefix_in_their_name_and_path(client: Client, anna: Admin) -> None:
    csrf = client.get("/admin/login/").cookies["__Secure-licences~csrftoken"]
    assert (csrf["path"], csrf["secure"], csrf["httponly"], csrf["domain"]) == ("/licences/", True, True, "")
    answer = sign_in(client)
    assert answer["Location"] == "/licences/admin/account/"
    session = answer.cookies["__Secure-licences~sessionid"]
    assert (session["path"], session["secure"], session["httponly"], session["samesite"]) == (
        "/licences/",
        True,
        True,
        "Lax",
    )
    assert client.get("/admin/").status_code == 200
    signed_out = client.post("/admin/logout/").cookies["__Secure-licences~sessionid"]
    assert (signed_out.value, signed_out["path"], signed_out["max-age"]) == ("", "/licences/", 0)


@pytest.mark.usefixtures("_production_cookies")
@pytest.mark.parametrize(
    "name",
    [
        "__Host-sessionid",
        "sessionid",
        "__Secure-sessionid",
        "__Secure-other~sessionid",
        "__Secure-licences~b~sessionid",
        "licences~__Host-sessionid",
        "licences~sessionid",
    ],
)
def test_a_session_counts_under_its_own_name_only(client: Client, anna: Admin, name: str) -> None:
    """The others belong to another installation on the host, or a page without HTTPS could have set them."""
    session = sign_in(client).cookies["__Secure-licences~sessionid"].value
    with_own_name, with_other = behind_proxy(), behind_proxy()
    with_own_name.cookies["__Secure-licences~sessionid"] = session
    with_other.cookies[name] = session
    assert with_own_name.get("/admin/").status_code == 200
    assert with_other.get("/admin/").status_code == 302


@pytest.mark.usefixtures("_production_cookies")
def test_cookies_of_an_installation_below_another_one_do_not_meet(anna: Admin) -> None:
    outer, inner = behind_proxy("/a"), behind_proxy("/a/b")
    sign_in(outer)
    inner.cookies = outer.cookies  # a browser sends those of /a/ to /a/b/ too
    assert inner.get("/admin/").status_code == 302
    sign_in(inner)
    assert inner.get("/admin/").status_code == outer.get("/admin/").status_code == 200


def test_no_two_prefixes_have_the_same_mark() -> None:
    prefixes = ["/a", "/a/b", "/a.b", "/a-b", "/a_b", "/A", "/a/b/c", "/a.b/c"]
    assert len({cookie_mark(prefix) for prefix in prefixes}) == len(prefixes)


@pytest.mark.usefixtures("_production_cookies")
def test_without_a_prefix_cookies_are_as_before(anna: Admin) -> None:
    client = Client()
    answer = client.post("/admin/login/", {"username": "anna", "password": PASSWORD})
    assert answer.cookies["__Host-sessionid"]["path"] == "/"
