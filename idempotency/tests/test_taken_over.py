"""A claim that was taken over while its request still ran: the late one must not happen as well."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Admin
from idempotency.errors import IdempotencyKeyInUse
from idempotency.models import IdempotentRequest
from idempotency.services import ABANDONED_AFTER, StoredAnswer, run_once


def test_the_slow_request_is_undone(anna: Admin) -> None:
    at = timezone.now()
    claim = {"admin": anna, "path": "/api/sites", "key": "k", "body": {}}

    def slow() -> StoredAnswer:
        # A retry finds the claim abandoned, and takes it.
        later = at + ABANDONED_AFTER + timedelta(seconds=1)
        IdempotentRequest.objects.filter(key="k").update(created_at=later)
        Admin.objects.filter(pk=anna.pk).update(email="changed@vendor.example")
        return StoredAnswer(200, {})

    with pytest.raises(IdempotencyKeyInUse):
        run_once(slow, **claim, at=at)
    anna.refresh_from_db()
    assert anna.email == "anna@vendor.example"
