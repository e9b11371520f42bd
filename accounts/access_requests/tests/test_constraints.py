"""What the database itself refuses of requests for access."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import AccessRequest

WAITING = {"name": "Nora", "email": "nora@vendor.example", "password": "md5$x$1", "password_digest": "1" * 64}
BY_GOOGLE = {"name": "Nora", "email": "nora@vendor.example", "google_subject": "1001"}
DECIDED = {"state": "rejected", "decided_at": timezone.now(), "password": ""}


def add(**values: Any) -> AccessRequest:
    with transaction.atomic():
        added: AccessRequest = AccessRequest.objects.create(created_at=timezone.now(), **values)
        return added


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({**WAITING, "state": "lost"}, "accessrequest_"),
        ({**WAITING, "decided_at": timezone.now()}, "accessrequest_decided_iff_not_waiting"),
        ({**WAITING, "state": "rejected", "password": ""}, "accessrequest_decided_iff_not_waiting"),
        ({**WAITING, **DECIDED, "role": "viewer"}, "accessrequest_role_iff_approved"),
        ({**WAITING, **DECIDED, "state": "approved"}, "accessrequest_role_iff_approved"),
        ({**WAITING, **DECIDED, "password": "md5$x$1"}, "accessrequest_password_iff_waiting_without_google"),
        ({**WAITING, "password": ""}, "accessrequest_password_iff_waiting_without_google"),
        ({**BY_GOOGLE, "password_digest": "1" * 64}, "accessrequest_google_account_or_password"),
        ({**WAITING, "password_digest": ""}, "accessrequest_google_account_or_password"),
        ({**WAITING, "place": 0}, "accessrequest_place_known"),
        ({**WAITING, "place": 4}, "accessrequest_place_known"),
    ],
)
def test_a_row_that_breaks_a_rule(db: None, values: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        add(**values)
    assert AccessRequest.objects.count() == 0


def test_a_place_is_taken_once_in_any_case(db: None) -> None:
    add(**WAITING)
    with pytest.raises(IntegrityError):
        add(**{**WAITING, "email": "NORA@vendor.example", "password_digest": "2" * 64})
    add(**{**WAITING, "place": 2, "password_digest": "2" * 64})


def test_one_request_waits_for_a_password(db: None) -> None:
    add(**WAITING)
    with pytest.raises(IntegrityError):
        add(**{**WAITING, "place": 2})
    AccessRequest.objects.update(**DECIDED)
    add(**WAITING)


def test_one_request_waits_for_a_google_account(db: None) -> None:
    add(**BY_GOOGLE)
    with pytest.raises(IntegrityError):
        add(**{**BY_GOOGLE, "email": "other@vendor.example"})
    AccessRequest.objects.update(state="rejected", decided_at=timezone.now())
    add(**BY_GOOGLE)
