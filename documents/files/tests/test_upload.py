"""An upload over the API, on to the bytes that are served."""

import hashlib
import io
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.models import Event
from conftest import RegisteredSite, SignIn
from documents.files.tests.conftest import ON_BOTH, PDF, TEXT, Upload, loaded, picture, stored_names
from documents.models import SiteFile
from sites.tests.conftest import assert_problem

pytestmark = [pytest.mark.django_db, ON_BOTH]

FIELDS = ["id", "name", "kind", "content_type", "size", "sha256", "uploaded_at", "uploaded_by", "url"]
ACCEPTED = {
    "application/pdf": (PDF, "contract.pdf"),
    "text/plain": (TEXT, "note.txt"),
    "image/png": (picture("PNG"), "front.png"),
    "image/jpeg": (picture("JPEG"), "front.jpg"),
    "image/webp": (picture("WEBP"), "front.webp"),
}


@pytest.mark.parametrize("content_type", ACCEPTED)
def test_a_file_is_stored_and_served(api: APIClient, upload: Upload, roma: RegisteredSite, content_type: str) -> None:
    content, name = ACCEPTED[content_type]
    answer = upload(content, name, kind="contract")
    assert answer.status_code == 201, answer.content
    file = answer.json()
    assert list(file) == FIELDS
    assert (file["name"], file["kind"], file["content_type"]) == (name, "contract", content_type)
    assert file["uploaded_by"] == "anna"
    assert answer["Location"] == f"{roma.path}/files/{file['id']}"
    assert api.get(answer["Location"]).json()["sha256"] == file["sha256"]
    for client, path in ((APIClient(), file["url"]), (api, f"{answer['Location']}/content")):
        sent = client.get(path)
        body = loaded(sent)
        assert (len(body), hashlib.sha256(body).hexdigest()) == (file["size"], file["sha256"])
        assert sent["Content-Type"].split(";")[0] == content_type
        assert sent["Content-Length"] == str(file["size"])


@pytest.mark.parametrize("content_type", ["application/pdf", "text/plain"])
def test_what_is_no_picture_is_stored_as_it_came(upload: Upload, content_type: str) -> None:
    content, name = ACCEPTED[content_type]
    assert loaded(APIClient().get(upload(content, name).json()["url"])) == content


@pytest.mark.parametrize("content_type", [each for each in ACCEPTED if each.startswith("image/")])
def test_pictures_look_the_same(upload: Upload, content_type: str) -> None:
    sent = loaded(APIClient().get(upload(*ACCEPTED[content_type]).json()["url"]))
    with Image.open(io.BytesIO(sent)) as shown:
        assert (shown.get_format_mimetype(), shown.size) == (content_type, (40, 20))
        red, blue = shown.convert("RGB").getpixel((5, 10)), shown.convert("RGB").getpixel((35, 10))
    assert red[0] > 200 > 60 > red[2]
    assert blue[2] > 200 > 60 > blue[0]


def test_the_list_has_pages_and_a_filter(api: APIClient, upload: Upload, roma: RegisteredSite) -> None:
    ids = [upload(kind=kind).json()["id"] for kind in ("other", "contract", "other")]
    whole = api.get(f"{roma.path}/files").json()
    assert [each["id"] for each in whole["results"]] == ids[::-1]
    assert (whole["count"], whole["next"], whole["previous"]) == (3, None, None)
    assert api.get(f"{roma.path}/files?page_size=2&page=2").json()["results"][0]["id"] == ids[0]
    assert [each["id"] for each in api.get(f"{roma.path}/files?kind=contract").json()["results"]] == [ids[1]]
    assert_problem(api.get(f"{roma.path}/files?kind=else"), 400, "invalid", "/kind")
    assert_problem(api.get(f"{roma.path}/files?colour=red"), 400, "invalid", "/colour")


def test_uploads_and_deletions_leave_events(api: APIClient, upload: Upload, roma: RegisteredSite) -> None:
    file = upload().json()
    assert api.delete(f"{roma.path}/files/{file['id']}").status_code == 204
    uploaded, deleted = Event.objects.filter(action__startswith="site.file").order_by("sequence")
    assert (uploaded.action, deleted.action) == ("site.file_uploaded", "site.file_deleted")
    assert uploaded.changes["sha256"] == [None, file["sha256"]]
    assert (deleted.changes["name"], deleted.actor_name) == (["note.txt", None], "anna")


def test_a_deleted_file_is_gone_everywhere(
    api: APIClient, upload: Upload, roma: RegisteredSite, django_capture_on_commit_callbacks: Any
) -> None:
    file = upload().json()
    path = f"{roma.path}/files/{file['id']}"
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete(path).status_code == 204
    for answer in (api.get(path), api.get(f"{path}/content"), APIClient().get(file["url"]), api.delete(path)):
        assert_problem(answer, 404, "file_not_found")
    assert api.get(f"{roma.path}/files").json()["count"] == 0
    assert stored_names() == []


def test_roles(upload: Upload, roma: RegisteredSite, ben: Admin, vera: Admin, signed_in: SignIn) -> None:
    support, viewer = signed_in(ben), signed_in(vera)
    file = upload(client=support).json()
    path = f"{roma.path}/files/{file['id']}"
    assert_problem(upload(client=viewer), 403, "permission_denied")
    assert_problem(viewer.delete(path), 403, "permission_denied")
    assert viewer.get(path).json()["name"] == "note.txt"
    assert loaded(viewer.get(f"{path}/content")) == TEXT
    nobody = APIClient()
    for answer in (upload(client=nobody), nobody.get(path), nobody.get(f"{path}/content"), nobody.delete(path)):
        assert_problem(answer, 401, "not_authenticated")
    assert support.delete(path).status_code == 204


def test_a_file_of_another_site_is_not_found(api: APIClient, upload: Upload, register: Any) -> None:
    file = upload().json()
    other = register()
    for path in (f"{other.path}/files/{file['id']}", f"{other.path}/files/{file['id']}/content"):
        assert_problem(api.get(path), 404, "file_not_found")
    assert_problem(api.delete(f"{other.path}/files/{file['id']}"), 404, "file_not_found")
    assert_problem(api.get(f"{other.path}/files/nonsense"), 404, "file_not_found")


def test_a_deregistered_site_has_no_files(api: APIClient, upload: Upload, roma: RegisteredSite) -> None:
    file = upload().json()
    api.delete(roma.path)
    paths = (f"{roma.path}/files", f"{roma.path}/files/{file['id']}", file["url"])
    for answer in (upload(), *map(api.get, paths), api.delete(paths[1])):
        assert_problem(answer, 404, "site_not_found")


@pytest.mark.parametrize("fields", [{"kind": "nonsense"}, {"kind": None}])
def test_the_kind_must_be_one_of_the_three(upload: Upload, fields: dict[str, Any]) -> None:
    assert_problem(upload(**fields), 400, "invalid", "/kind")
    assert not SiteFile.objects.exists()


def test_an_empty_file_is_refused(upload: Upload) -> None:
    assert_problem(upload(b""), 400, "invalid", "/file")
    assert stored_names() == []


def test_json_is_another_media_type(api: APIClient, roma: RegisteredSite) -> None:
    assert_problem(api.post(f"{roma.path}/upload", {"kind": "other"}), 415, "unsupported_media_type")


def test_a_row_says_when_and_by_whom(upload: Upload, anna: Admin) -> None:
    upload()
    row = SiteFile.objects.get()
    assert row.uploaded_by == anna
    assert abs((timezone.now() - row.uploaded_at).total_seconds()) < 60
    assert stored_names() == [row.stored_as]
