"""Uploading a firmware."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.models import Event
from conftest import SignIn
from fleet.firmware.files import incoming
from fleet.firmware.models import Firmware
from fleet.firmware.tests.conftest import BYTES, FACTS, Upload, files_in, form
from sites.tests.conftest import assert_problem, newest_event

pytestmark = pytest.mark.django_db


def test_an_upload_is_answered_with_its_hash_and_size(upload: Upload, anna: Admin) -> None:
    facts = {"hardware": "pi-5", "notes": "Two\nlines", "min_from": "0.9.0"}
    answer = upload(**facts)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    created_at = body.pop("created_at")
    assert body == {
        **FACTS,
        **facts,
        "id": body["id"],
        "sha256": hashlib.sha256(BYTES).hexdigest(),
        "size": len(BYTES),
        "url": f"/api/firmware/{body['id']}/file",
        "manifest": None,
        "withdrawn": False,
        "withdrawn_at": None,
    }
    assert created_at.endswith("Z")
    assert answer["Location"] == f"/api/firmware/{body['id']}"
    assert Firmware.objects.get().created_by == anna


def test_the_file_is_in_the_folder_under_a_name_of_ours(upload: Upload, folder: Path) -> None:
    upload()
    firmware = Firmware.objects.get()
    assert files_in(folder) == [firmware.file_name]
    assert (folder / firmware.file_name).read_bytes() == BYTES


def test_an_upload_is_an_event(upload: Upload, anna: Admin) -> None:
    upload(hardware="pi-5")
    event = newest_event()
    assert (event.action, event.subject_name, event.actor_name) == ("firmware.uploaded", "till 1.0.0", "anna")
    assert event.changes["sha256"] == [None, hashlib.sha256(BYTES).hexdigest()]
    assert event.changes["hardware"] == [None, "pi-5"]


def test_texts_that_are_left_out_or_empty_are_none(upload: Upload) -> None:
    assert upload(hardware="", min_from="", notes="").status_code == 201
    firmware = Firmware.objects.get()
    assert (firmware.hardware, firmware.min_from, firmware.notes) == (None, None, "")


def test_unknown_fields_are_ignored_also_twice(upload: Upload) -> None:
    assert upload(color=["red", "blue"]).status_code == 201


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"product": None}, "product"),
        ({"product": ""}, "product"),
        ({"product": "../till"}, "product"),
        ({"product": "-till"}, "product"),
        ({"product": "t" * 65}, "product"),
        ({"version": None}, "version"),
        ({"version": "1.0"}, "version"),
        ({"version": "01.0.0"}, "version"),
        ({"version": " 1.0.0"}, "version"),
        ({"version": "1.0.0-" + "a" * 60}, "version"),
        ({"channel": None}, "channel"),
        ({"channel": "nightly"}, "channel"),
        ({"channel": "Stable"}, "channel"),
        ({"hardware": "p" * 65}, "hardware"),
        ({"hardware": "pi\x005"}, "hardware"),
        ({"notes": "n" * 10_001}, "notes"),
        ({"notes": "n\x07"}, "notes"),
        ({"min_from": "1.x"}, "min_from"),
        ({"min_from": "1.0.1"}, "min_from"),
        ({"version": ["1.0.0", "1.0.1"]}, "version"),
        ({"file": None}, "file"),
        ({"file": "text"}, "file"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_left(
    upload: Upload, folder: Path, facts: dict[str, Any], field: str
) -> None:
    answer = upload(**facts)
    assert_problem(answer, 400, "invalid", f"/{field}")
    assert files_in(folder) == []
    assert not Firmware.objects.exists()


def test_all_wrong_fields_are_named(upload: Upload) -> None:
    assert_problem(upload(product="", version="1"), 400, "invalid", "/product", "/version")


def test_an_empty_file_is_refused(upload: Upload, folder: Path) -> None:
    assert_problem(upload(b""), 400, "invalid", "/file")
    assert files_in(folder) == []


def test_two_files_are_refused(api: APIClient, folder: Path) -> None:
    both = {**form(), "file": [form()["file"], form()["file"]]}
    assert_problem(api.post("/api/firmware", both, format="multipart"), 400, "invalid", "/file")
    assert files_in(folder) == []


def test_files_of_other_names_are_forgotten(upload: Upload, folder: Path) -> None:
    assert upload(other=form()["file"]).status_code == 201
    assert len(files_in(folder)) == 1


def test_the_same_version_of_a_product_is_refused(upload: Upload, folder: Path) -> None:
    upload()
    before = files_in(folder)
    assert_problem(upload(b"other", channel="beta"), 409, "firmware_exists")
    assert files_in(folder) == before
    assert upload(product="display").status_code == 201
    assert upload(version="1.0.0+2").status_code == 201


@pytest.mark.parametrize("path", ["/api/firmware", "/api/firmware/", "/api/v1/firmware", "/api/v1/firmware/"])
def test_a_file_over_the_limit_is_refused(api: APIClient, folder: Path, settings: Any, path: str) -> None:
    settings.FIRMWARE_MAX_BYTES = len(BYTES)
    over = form(BYTES + b"x")
    assert_problem(api.post(path, over, format="multipart"), 413, "body_too_large")
    assert files_in(folder) == []
    assert api.post(path, form(), format="multipart").status_code == 201


def test_a_body_far_over_the_limit_is_not_read(api: APIClient, folder: Path, settings: Any) -> None:
    settings.API_BODY_LIMITS = {"/api/firmware": len(BYTES)}
    assert_problem(api.post("/api/firmware/", form(), format="multipart"), 413, "body_too_large")
    assert not folder.exists()


def test_other_bodies_keep_their_limit(api: APIClient) -> None:
    answer = api.post("/api/sites", {"name": "x" * 70_000})
    assert_problem(answer, 413, "body_too_large")


def test_a_disk_without_room_is_said_before_a_byte_is_written(
    upload: Upload, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = incoming.RESERVED_BYTES + 100
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("usage", (), {"free": free}))
    assert_problem(upload(), 507, "firmware_storage_full")
    assert files_in(folder) == []


def test_a_disk_that_gets_full_leaves_nothing(upload: Upload, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sync(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", sync)
    assert_problem(upload(), 507, "firmware_storage_full")
    assert files_in(folder) == []


def test_a_folder_that_cannot_be_used_is_said(upload: Upload, folder: Path) -> None:
    folder.write_text("a file in its place")
    answer = upload()
    assert_problem(answer, 503, "firmware_storage_unavailable")
    assert answer["Retry-After"]


def test_json_is_not_read(api: APIClient) -> None:
    assert_problem(api.post("/api/firmware", FACTS, format="json"), 415, "unsupported_media_type")


def test_only_sysadmins_upload(ben: Admin, vera: Admin, signed_in: SignIn, device: APIClient, folder: Path) -> None:
    for admin in (ben, vera):
        answer = signed_in(admin).post("/api/firmware", form(), format="multipart")
        assert_problem(answer, 403, "permission_denied")
    for client in (device, APIClient()):
        assert_problem(client.post("/api/firmware", form(), format="multipart"), 401, "not_authenticated")
    assert not folder.exists()
    assert not Event.objects.filter(action="firmware.uploaded").exists()
