"""Files that arrive at the same moment, with real threads."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import RegisteredSite, SignIn
from documents.files.tests.conftest import stored_names
from documents.models import SiteFile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


def send(client: APIClient, path: str) -> Any:
    try:
        form = {"file": SimpleUploadedFile("note.txt", b"a" * 400), "kind": "other"}
        return client.post(path, form, format="multipart")
    finally:
        connection.close()


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
