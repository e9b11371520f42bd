"""Files that arrive at the same moment, with real threads."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import Actor
from audit.models import Event as AuditEvent
from conftest import RegisteredSite, SignIn
from documents.files import prune
from documents.files.tests.conftest import stored_names
from documents.models import SiteFile
from sites.models import Site
from sites.services import restore_site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


def send(client: APIClient, path: str) -> Any:
    try:
        form = {"file": SimpleUploadedFile("note.txt", b"a" * 400), "kind": "other"}
        return client.post(path, form, format="multipart")
    finally:
        connection.close()


def test_a_site_that_is_restored_while_files_are_pruned_keeps_its_files(
    roma: RegisteredSite, anna: Admin, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The restoration has the site's lock when the pruning has found the site."""
    assert send(signed_in(anna), f"{roma.path}/upload").status_code == 201
    now = timezone.now()
    Site.objects.update(deregistered_at=now - timedelta(days=91))
    found, usual = Event(), prune.mark_files

    def mark_files(site_id: uuid.UUID, *, at: datetime) -> None:
        found.set()
        usual(site_id, at=at)

    def prune_in_thread() -> dict[str, int]:
        try:
            assert locked.wait(10)
            return prune.prune_files(at=now)
        finally:
            connection.close()

    monkeypatch.setattr(prune, "mark_files", mark_files)
    locked = Event()
    with ThreadPoolExecutor(1) as pool:
        pruning = pool.submit(prune_in_thread)
        with transaction.atomic():
            restore_site(uuid.UUID(roma.site_id), by=Actor(AuditEvent.Source.API, anna, ip="127.0.0.1"), at=now)
            locked.set()
            assert found.wait(10)
            time.sleep(0.3)  # until it waits for the lock
            assert not pruning.done()
        assert pruning.result(10) == {"files": 0, "files_without_a_row": 0}
    assert SiteFile.objects.get().deleted_at is None
    assert len(stored_names()) == 1


def test_files_at_once_never_exceed_the_quota(
    anna: Admin, signed_in: SignIn, roma: RegisteredSite, settings: Any
) -> None:
    settings.FILES_BYTES_PER_SITE = 1_000
    for _ in range(4):
        SiteFile.objects.all().delete()
        clients = [signed_in(anna) for _ in range(5)]
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(send, clients, [f"{roma.path}/upload"] * 5))
        assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
        rows = set(SiteFile.objects.values_list("stored_as", flat=True))
        assert len(rows) == 2
        assert rows <= set(stored_names())
    assert len(stored_names()) == 8, "what was refused has left nothing"
