"""What tokens may do with the whole API: each operation of its description, with each kind of token.

The operations come from the description, so that a new one is refused to a token until its view names a permission.
"""

import re
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone
from drf_spectacular.generators import EndpointEnumerator
from rest_framework.test import APIClient

from accounts.api.permissions import needs_person
from accounts.models import Admin, PersonalToken
from accounts.personal_tokens.offers import OF_NO_USE
from accounts.personal_tokens.tests.scripts import a_token, script
from accounts.roles import EVERY_PERMISSION, PERMISSIONS, Role
from config.documentation import description

pytestmark = pytest.mark.django_db
# For them it is enough to be an admin.
WITHOUT_A_PERMISSION = {"me", "list_tokens", "get_settings"}
# No operation of the API needs it.
OF_THE_PANEL = "jobs.view_job"


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    schemes: frozenset[str]

    def answer_to(self, client: APIClient) -> tuple[int, str | None]:
        """The status, and the code of the problem if it is one."""
        answer = client.generic(self.method.upper(), self.path, b"{}", content_type="application/json")
        is_problem = answer.get("Content-Type") == "application/problem+json"
        return answer.status_code, answer.json()["code"] if is_problem else None


def operations() -> list[Operation]:
    """With an unknown id wherever a path needs one."""
    found = []
    paths: dict[str, Any] = description()["paths"]
    for path, methods in paths.items():
        for method, described in methods.items():
            schemes = frozenset(name for either in described.get("security", ()) for name in either)
            filled = re.sub(r"\{\w+\}", str(uuid.UUID(int=7)), path)
            found.append(Operation(described["operationId"], method, filled, schemes))
    return found


def of_admins() -> list[Operation]:
    return [operation for operation in operations() if "accessToken" in operation.schemes]


def test_there_are_operations_of_each_kind() -> None:
    """So that the tests below do not pass because they found nothing."""
    takes_a_token = [operation for operation in of_admins() if "personalToken" in operation.schemes]
    needs_a_person = [operation for operation in of_admins() if "personalToken" not in operation.schemes]
    assert len(takes_a_token) > 50
    assert {"create_token", "revoke_token", "create_alert_channel"} <= {operation.name for operation in needs_a_person}
    assert {operation.name for operation in takes_a_token} >= WITHOUT_A_PERMISSION


def test_a_token_with_every_permission_may_do_all_that_needs_no_person(anna: Admin) -> None:
    client = script(a_token(anna, *PERMISSIONS[Role.SYSADMIN]).secret)
    wrong = {}
    for operation in of_admins():
        status, code = operation.answer_to(client)
        is_right = status not in (401, 403) if "personalToken" in operation.schemes else code == "person_required"
        if not is_right:
            wrong[operation.name] = (status, code)
    assert wrong == {}


def test_what_is_of_no_use_to_a_token_is_known() -> None:
    """From the views: what the panel's form leaves out, and nothing else."""
    of_use = set()
    for _path, _regex, method, callback in EndpointEnumerator().get_api_endpoints():
        view, asked = callback.cls(), getattr(callback, "actions", {}).get(method.lower(), method.lower())
        if not needs_person(view, asked):
            of_use.add(getattr(view, "required_permissions", {}).get(asked))
    assert EVERY_PERMISSION - of_use == OF_NO_USE


def test_a_token_without_the_permission_may_do_nothing(anna: Admin) -> None:
    """Although its owner is a sysadmin."""
    client = script(a_token(anna, OF_THE_PANEL).secret)
    wrong = {}
    for operation in of_admins():
        status, code = operation.answer_to(client)
        refused = status == 403 and code in ("permission_denied", "person_required")
        if refused == (operation.name in WITHOUT_A_PERMISSION):
            wrong[operation.name] = (status, code)
    assert wrong == {}


def test_a_revoked_token_is_401_everywhere(anna: Admin) -> None:
    client = script(a_token(anna, *PERMISSIONS[Role.SYSADMIN]).secret)
    PersonalToken.objects.update(revoked_at=timezone.now())
    answers = {operation.name: operation.answer_to(client) for operation in of_admins()}
    assert {name: answer for name, answer in answers.items() if answer != (401, "invalid_personal_token")} == {}


def test_what_sites_and_devices_call_takes_no_token(anna: Admin) -> None:
    client = script(a_token(anna, *PERMISSIONS[Role.SYSADMIN]).secret)
    others = [each for each in operations() if each.schemes & {"siteId", "deviceId", "metricsToken"}]
    theirs = [operation for operation in others if "accessToken" not in operation.schemes]
    assert theirs
    answers = {operation.name: operation.answer_to(client)[0] for operation in theirs}
    assert {name: status for name, status in answers.items() if status not in (401, 404)} == {}
