"""One's own settings through the API."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.models import Admin, Preferences
from accounts.personal_tokens.tests.scripts import a_token, script
from accounts.services import change_preferences
from accounts.tests.tokens import is_unauthenticated
from alerts.api.settings import SettingsSerializer
from alerts.channels.own_notices import own_notices
from alerts.own_settings import change_own_settings
from audit.models import Event
from common.errors import InvalidInput
from conftest import SignIn

SETTINGS, RESET = "/api/settings", "/api/settings/reset"
DEFAULTS = {"timezone": "", "theme": "auto", "page_size": 50, "start_page": "dashboard", "email_notices": "off"}
CHOSEN = {
    "timezone": "Pacific/Auckland",
    "theme": "dark",
    "page_size": 200,
    "start_page": "sites",
    "email_notices": "warning",
}


def change(client: APIClient, **changes: Any) -> Any:
    return client.patch(SETTINGS, changes, format="json")


@pytest.mark.parametrize("name", ["anna", "ben", "vera"])
def test_each_role_reads_and_changes_its_own(name: str, signed_in: SignIn, request: pytest.FixtureRequest) -> None:
    client = signed_in(request.getfixturevalue(name))
    answer = client.get(SETTINGS)
    assert (answer.status_code, answer.json()) == (200, DEFAULTS)
    answer = change(client, **CHOSEN)
    assert (answer.status_code, answer.json()) == (200, CHOSEN)
    assert client.get(SETTINGS).json() == CHOSEN


def test_the_settings_of_others_stay_as_they_are(anna: Admin, ben: Admin, signed_in: SignIn) -> None:
    change(signed_in(anna), **CHOSEN)
    assert signed_in(ben).get(SETTINGS).json() == DEFAULTS
    assert own_notices(ben) is None


@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_is_left_out_stays_as_it_is(method: str, api: APIClient) -> None:
    change(api, **CHOSEN)
    answer = getattr(api, method)(SETTINGS, {"theme": "light"}, format="json")
    assert (answer.status_code, answer.json()) == (200, CHOSEN | {"theme": "light"})
    assert getattr(api, method)(SETTINGS, {}, format="json").json() == CHOSEN | {"theme": "light"}


def test_a_reset_brings_the_defaults_back(api: APIClient, anna: Admin) -> None:
    change(api, **CHOSEN)
    for _ in range(2):
        answer = api.post(RESET)
        assert (answer.status_code, answer.json()) == (200, DEFAULTS)
    assert api.get(SETTINGS).json() == DEFAULTS
    assert not Preferences.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 200, None),
        ("{}", 200, None),
        ("[", 400, "unreadable"),
        ("[]", 400, "unreadable"),
        ('{"fake": true}', 400, "invalid"),
        ('{"theme": "dark"}', 400, "invalid"),
    ],
)
def test_a_reset_takes_no_settings(api: APIClient, body: str, status: int, code: str | None) -> None:
    change(api, **CHOSEN)
    answer = api.post(RESET, body, content_type="application/json")
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert api.get(SETTINGS).json() == (DEFAULTS if status == 200 else CHOSEN)


@pytest.mark.any_database
@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize("name", ["time_zone", "Theme", "", "a/b", "admin", "id"])
def test_an_unknown_name_is_refused_and_nothing_is_saved(name: str, method: str, api: APIClient) -> None:
    answer = getattr(api, method)(SETTINGS, {"theme": "dark", name: "x"}, format="json")
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/" + name.replace("/", "~1"), "unknown")
    assert api.get(SETTINGS).json() == DEFAULTS


WRONG = [
    ("timezone", "Mars/Olympus"),
    ("timezone", "europe/rome"),
    ("timezone", None),
    ("timezone", 1),
    ("theme", "blue"),
    ("theme", ""),
    ("theme", None),
    ("theme", ["dark"]),
    ("page_size", 9),
    ("page_size", 201),
    ("page_size", "50"),
    ("page_size", 50.0),
    ("page_size", True),
    ("page_size", None),
    ("start_page", "/admin/"),
    ("start_page", "Sites"),
    ("email_notices", "none"),
    ("email_notices", None),
]


@pytest.mark.any_database
@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_and_nothing_is_saved(name: str, value: Any, api: APIClient) -> None:
    """A right value is in the same body: either all is saved or nothing."""
    other = "theme" if name != "theme" else "page_size"
    answer = change(api, **{name: value, other: CHOSEN[other]})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{name}"]
    assert api.get(SETTINGS).json() == DEFAULTS


@pytest.mark.any_database
@pytest.mark.parametrize(("name", "value"), WRONG)
def test_the_service_has_the_rules_of_the_api(name: str, value: Any, anna: Admin) -> None:
    with pytest.raises(InvalidInput) as refused:
        change_own_settings(anna, {"theme": "dark", "email_notices": "info", name: value}, at=timezone.now())
    assert (refused.value.field, own_notices(anna)) == (name, None)
    assert not Preferences.objects.exists()


@pytest.mark.any_database
@pytest.mark.parametrize("edge", [{"page_size": 10}, {"page_size": 200}, {"timezone": ""}, {"timezone": "UTC"}])
def test_values_at_the_edges_are_accepted(edge: dict[str, Any], api: APIClient) -> None:
    change(api, **CHOSEN)
    assert change(api, **edge).json() == CHOSEN | edge


@pytest.mark.any_database
def test_the_service_refuses_unknown_names(anna: Admin) -> None:
    with pytest.raises(InvalidInput) as refused:
        change_preferences(anna.pk, {"admin_id": 7})
    assert refused.value.field == "admin_id"


@pytest.mark.any_database
@pytest.mark.parametrize("body", [[], "dark", 1])
def test_a_body_that_is_no_object_is_refused(body: Any, api: APIClient) -> None:
    assert api.patch(SETTINGS, body, format="json").status_code == 400


@pytest.mark.any_database
def test_without_signing_in_it_is_401(db: None) -> None:
    for answer in (APIClient().get(SETTINGS), APIClient().put(SETTINGS, {}), APIClient().post(RESET)):
        assert is_unauthenticated(answer)


@pytest.mark.any_database
def test_a_token_of_a_script_reads_them_and_changes_nothing(anna: Admin) -> None:
    change_own_settings(anna, CHOSEN, at=timezone.now())
    client = script(a_token(anna).secret)
    assert client.get(SETTINGS).json() == CHOSEN
    for answer in (change(client, theme="light"), client.put(SETTINGS, {}, format="json"), client.post(RESET)):
        assert (answer.status_code, answer.json()["code"]) == (403, "person_required")
    assert client.get(SETTINGS).json() == CHOSEN


@pytest.mark.any_database
def test_settings_leave_no_event(api: APIClient) -> None:
    before = Event.objects.count()
    change(api, **CHOSEN)
    api.post(RESET)
    assert Event.objects.count() == before


@pytest.mark.any_database
def test_the_api_and_the_services_know_the_same_settings() -> None:
    assert set(SettingsSerializer().fields) == set(DEFAULTS)


@pytest.mark.parametrize("wrong", [{"theme": "blue"}, {"page_size": 9}, {"page_size": 201}, {"start_page": "home"}])
def test_the_database_refuses_wrong_values(wrong: dict[str, Any], anna: Admin) -> None:
    Preferences.objects.create(admin=anna)
    with pytest.raises(IntegrityError), transaction.atomic():
        Preferences.objects.filter(admin=anna).update(**wrong)


@pytest.mark.any_database
def test_the_description_says_that_there_are_no_other_settings() -> None:
    schemas = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]
    assert schemas["PatchedSettingsRequest"]["additionalProperties"] is False
    assert set(schemas["PatchedSettingsRequest"]["properties"]) == set(DEFAULTS)
