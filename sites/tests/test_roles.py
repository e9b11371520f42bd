"""Which role may do what to sites: every role at every endpoint."""

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import RegisteredSite, SignIn
from sites.models import Site
from sites.tests.conftest import FACTS, SITE_ENDPOINTS, UNKNOWN_ID, Endpoint, actions, assert_problem

pytestmark = pytest.mark.any_database

EVERYBODY = ("sysadmin", "support", "viewer")
OPERATORS = ("sysadmin", "support")
SYSADMINS = ("sysadmin",)

ALLOWED = {
    "get /": EVERYBODY,
    "get /events": EVERYBODY,
    "get /heartbeats": EVERYBODY,
    "post /lock": OPERATORS,
    "post /unlock": OPERATORS,
    "post /extend": OPERATORS,
    "put /": SYSADMINS,
    "patch /": SYSADMINS,
    "post /rotate-key": SYSADMINS,
    "delete /": SYSADMINS,
}


def test_the_table_names_every_endpoint() -> None:
    assert {str(endpoint) for endpoint in SITE_ENDPOINTS} == set(ALLOWED)


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize("endpoint", SITE_ENDPOINTS, ids=str)
def test_a_role_may_do_what_the_table_says_to_a_site(
    anna: Admin, signed_in: SignIn, roma: RegisteredSite, endpoint: Endpoint, role: str
) -> None:
    before = Site.objects.values().get()
    admin = Admin.objects.create_user("carl", "carl@vendor.example", role=role)
    answer = endpoint.ask(signed_in(admin), roma.path)
    if role in ALLOWED[str(endpoint)]:
        assert answer.status_code in (200, 204), answer.content
    else:
        assert_problem(answer, 403, "permission_denied")
        assert Site.objects.values().get() == before
        assert actions() == ["registered"]


@pytest.mark.parametrize(
    ("role", "listing", "registering"), [("sysadmin", 200, 201), ("support", 200, 403), ("viewer", 200, 403)]
)
def test_a_role_may_do_what_the_table_says_to_the_list(
    db: None, signed_in: SignIn, role: str, listing: int, registering: int
) -> None:
    client = signed_in(Admin.objects.create_user("carl", "carl@vendor.example", role=role))
    assert client.post("/api/sites", FACTS).status_code == registering
    assert client.get("/api/sites").status_code == listing
    assert Site.objects.count() == (1 if registering == 201 else 0)


@pytest.mark.parametrize("endpoint", SITE_ENDPOINTS, ids=str)
def test_nobody_may_do_anything_without_signing_in(roma: RegisteredSite, endpoint: Endpoint) -> None:
    stranger = APIClient()
    stranger.default_format = "json"
    for path in (roma.path, f"/api/sites/{UNKNOWN_ID}", "/api/sites/malformed"):
        answer = endpoint.ask(stranger, path)
        assert_problem(answer, 401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert actions() == ["registered"]


def test_the_list_needs_a_token_too(db: None) -> None:
    for answer in (APIClient().get("/api/sites"), APIClient().post("/api/sites", FACTS, format="json")):
        assert_problem(answer, 401, "not_authenticated")
        assert "WWW-Authenticate" in answer.headers
    assert not Site.objects.exists()


def test_a_sites_own_key_is_no_admins_token(roma: RegisteredSite) -> None:
    client = APIClient()
    for headers in (
        {"Authorization": f"Bearer {roma.key}"},
        {"X-Site-ID": roma.site_id, "X-Site-Key": roma.key},
    ):
        assert client.get(roma.path, headers=headers).status_code == 401


def test_a_disabled_admin_may_do_nothing_from_the_next_request_on(
    anna: Admin, api: APIClient, roma: RegisteredSite
) -> None:
    Admin.objects.filter(pk=anna.pk).update(is_active=False)
    assert api.get(roma.path).status_code == 401
    assert api.post(f"{roma.path}/lock", {"reason": "x"}).status_code == 401
    assert actions() == ["registered"]


def test_a_lowered_role_counts_from_the_next_request_on(anna: Admin, api: APIClient, roma: RegisteredSite) -> None:
    Admin.objects.filter(pk=anna.pk).update(role="viewer")
    assert_problem(api.delete(roma.path), 403, "permission_denied")
    assert api.get(roma.path).status_code == 200


def test_a_viewer_learns_nothing_of_which_sites_exist_by_what_is_refused(
    vera: Admin, signed_in: SignIn, roma: RegisteredSite
) -> None:
    client = signed_in(vera)
    for path in (roma.path, f"/api/sites/{UNKNOWN_ID}"):
        assert_problem(client.post(f"{path}/lock", {"reason": "x"}), 403, "permission_denied")
