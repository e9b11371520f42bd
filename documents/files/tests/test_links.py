"""Signed links to the bytes of a file."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from documents.files.errors import FileLinkInvalid
from documents.files.links import LIFETIME, check_signature, sign
from documents.files.tests.conftest import TEXT, Upload, loaded
from sites.tests.conftest import assert_problem

SITE, FILE, OTHER = (uuid.UUID(int=number) for number in (1, 2, 3))


def test_a_link_works_for_five_minutes() -> None:
    at = timezone.now().replace(microsecond=0)
    signature = sign(SITE, FILE, at=at)
    check_signature(signature, site_id=SITE, file_id=FILE, at=at + LIFETIME)
    with pytest.raises(FileLinkInvalid):
        check_signature(signature, site_id=SITE, file_id=FILE, at=at + LIFETIME + timedelta(seconds=1))
    assert timedelta(minutes=5) == LIFETIME


@pytest.mark.parametrize(("site", "file"), [(OTHER, FILE), (SITE, OTHER), (FILE, SITE)])
def test_a_link_is_for_one_file_of_one_site(site: uuid.UUID, file: uuid.UUID) -> None:
    at = timezone.now()
    with pytest.raises(FileLinkInvalid):
        check_signature(sign(SITE, FILE, at=at), site_id=site, file_id=file, at=at)


@pytest.mark.django_db
def test_forged_links_are_refused(upload: Upload) -> None:
    url = upload().json()["url"]
    path, _, signature = url.partition("?signature=")
    end, _, signed = signature.partition(":")
    forged = [
        "",
        ":",
        "x",
        signed,
        f"{int(end) + 1}:{signed}",
        f"9999999999:{signed}",
        f"{end}:{signed[:-1]}",
        "ä:ö",
        "\0:\0",
    ]
    for each in forged:
        answer = APIClient().get(path, {"signature": each})
        assert answer.status_code in (400, 403), each
        assert answer.json()["code"] in ("file_link_invalid", "invalid"), each
    assert_problem(APIClient().get(f"{url}&signature=x"), 403, "file_link_invalid")
    assert loaded(APIClient().get(url)) == TEXT


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_link_with_another_method_is_a_405(upload: Upload, api: APIClient, method: str) -> None:
    url = upload().json()["url"]
    answer = getattr(api, method)(url)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "GET, HEAD"
    assert_problem(getattr(APIClient(), method)(url), 401, "not_authenticated")


@pytest.mark.django_db
def test_a_link_after_another_secret_key_is_refused(upload: Upload, settings: Any) -> None:
    url = upload().json()["url"]
    settings.SECRET_KEY = "another" * 8
    assert_problem(APIClient().get(url), 403, "file_link_invalid")


@pytest.mark.django_db
def test_a_link_opens_nothing_else(upload: Upload) -> None:
    url = upload().json()["url"]
    detail = url.replace("/content", "")
    assert_problem(APIClient().get(detail.partition("?")[0]), 401, "not_authenticated")
    assert APIClient().get(detail).status_code in (400, 401)
    assert APIClient().delete(detail).status_code in (400, 401)
