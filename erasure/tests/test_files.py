"""The bytes of a site's files go with an erasure."""

import uuid
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import Admin
from erasure.services import confirm_erasure, request_erasure
from erasure.tests.customers import by

pytestmark = pytest.mark.django_db


def test_the_bytes_are_gone_once_the_erasure_is_committed(
    site_id: uuid.UUID, anna: Admin, carla: Admin, django_capture_on_commit_callbacks: Any
) -> None:
    request_erasure(site_id, reason="ticket 12", by=by(anna), at=timezone.now())
    assert len(default_storage.listdir("sites")[1]) == 1
    with django_capture_on_commit_callbacks(execute=True):
        confirm_erasure(site_id, by=by(carla), at=timezone.now())
        assert len(default_storage.listdir("sites")[1]) == 1
    assert default_storage.listdir("sites")[1] == []
