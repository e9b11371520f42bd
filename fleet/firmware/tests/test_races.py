"""Uploads and changes at the same moment, with real threads."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import COMMAND
from conftest import SignIn
from fleet.firmware.models import Firmware
from fleet.firmware.tests.conftest import BYTES, files_in, form
from licensing.models import SigningKey
from licensing.services import create_signing_key, retire_signing_key

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


def at_once(*calls: Any) -> list[Any]:
    def run(call: Any) -> Any:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]


def uploads(clients: list[APIClient], versions: list[str]) -> list[Any]:
    return [
        lambda client=client, version=version: client.post(
            "/api/firmware", form(BYTES + version.encode(), version=version), format="multipart"
        )
        for client, version in zip(clients, versions, strict=True)
    ]


@pytest.mark.parametrize("with_key", [True, False])
def test_of_uploads_of_one_version_one_wins(anna: Admin, signed_in: SignIn, folder: Path, with_key: bool) -> None:
    if with_key:
        create_signing_key(by=COMMAND, at=timezone.now())
    for number in range(5):
        clients = [signed_in(anna) for _ in range(4)]
        answers = at_once(*uploads(clients, [f"1.{number}.0"] * 4))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"firmware_exists"}
        assert len(files_in(folder)) == number + 1


def test_uploads_of_different_versions_do_not_disturb_each_other(anna: Admin, signed_in: SignIn, folder: Path) -> None:
    create_signing_key(by=COMMAND, at=timezone.now())
    clients = [signed_in(anna) for _ in range(4)]
    answers = at_once(*uploads(clients, [f"1.{number}.0" for number in range(4)]))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len(files_in(folder)) == 4


def test_no_manifest_is_left_with_a_key_that_left_the_set_at_the_same_moment(anna: Admin, signed_in: SignIn) -> None:
    """Either the upload was signed by the next key, or the leaked one is out of the set with it: never listed by the upload."""
    for number in range(8):
        at = timezone.now()
        leaked = create_signing_key(by=COMMAND, at=at, unless_there_is_one=True)
        create_signing_key(by=COMMAND, at=at)
        [upload] = uploads([signed_in(anna)], [f"1.{number}.0"])
        leak = lambda kid=leaked.kid, at=at: retire_signing_key(kid, by=COMMAND, at=at, now=True)  # noqa: E731
        answer, _ = at_once(upload, leak)
        assert answer.status_code == 201
        assert not SigningKey.objects.get(pk=leaked.kid).is_listed(at=at)
        firmware = Firmware.objects.get(version=f"1.{number}.0")
        assert firmware.signed_by is not None
        assert firmware.signed_by_id == leaked.kid or firmware.signed_by.stays_listed


def test_a_withdrawal_and_an_upload_with_the_same_key_keep_the_key(anna: Admin, signed_in: SignIn) -> None:
    key = create_signing_key(by=COMMAND, at=timezone.now())
    last = signed_in(anna).post("/api/firmware", form(version="0.0.0"), format="multipart").json()
    for number in range(8):
        client, path = signed_in(anna), f"/api/firmware/{last['id']}"
        [upload] = uploads([signed_in(anna)], [f"1.{number}.0"])
        answers = at_once(upload, lambda client=client, path=path: client.patch(path, {"withdrawn": True}))
        assert [answer.status_code for answer in answers] == [201, 200]
        assert SigningKey.objects.get(pk=key.kid).stays_listed
        last = answers[0].json()
