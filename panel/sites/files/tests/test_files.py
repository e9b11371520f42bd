"""The files of a site in the panel."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import encode_multipart

from accounts.models import Admin
from audit.models import Event
from conftest import RegisteredSite
from documents.files.tests.conftest import PDF, TEXT, loaded, picture, use
from documents.models import SiteFile

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(ben: Admin) -> Client:
    """Of a person of support."""
    browser = Client()
    browser.force_login(ben)
    return browser


def pages(site: RegisteredSite) -> str:
    return f"/admin/sites/site/{site.site_id}"


def send(browser: Client, site: RegisteredSite, content: bytes = TEXT, name: str = "note.txt", **fields: Any) -> Any:
    """As the page's form does; None leaves a field out."""
    headers = fields.pop("headers", {})
    form = {"kind": "other", "file": SimpleUploadedFile(name, content), "complete": "yes", **fields}
    given = {field: value for field, value in form.items() if value is not None}
    return browser.post(f"{pages(site)}/files/add/", given, headers=headers)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def messages_of(browser: Client, site: RegisteredSite) -> str:
    return text_of(browser.get(f"{pages(site)}/change/"))


def test_a_file_is_uploaded_and_shown(browser: Client, roma: RegisteredSite, ben: Admin) -> None:
    answer = send(browser, roma, picture("JPEG"), "front.jpg", kind="photo")
    assert (answer.status_code, answer["Location"]) == (302, f"{pages(roma)}/change/#files")
    file = SiteFile.objects.get()
    page = messages_of(browser, roma)
    assert "Uploaded: front.jpg." in page
    for part in ("content", "preview", "delete"):
        assert f"{pages(roma)}/files/{file.pk}/{part}/" in page
    assert (file.kind, file.uploaded_by) == ("photo", ben)
    shown = browser.get(f"{pages(roma)}/files/{file.pk}/content/")
    assert (shown["Content-Type"], len(loaded(shown))) == ("image/jpeg", file.size)
    assert Event.objects.get(action="site.file_uploaded").source == "admin"


def test_a_script_is_answered_with_json(browser: Client, roma: RegisteredSite) -> None:
    headers = {"Accept": "application/json"}
    assert send(browser, roma, headers=headers).json() == {"url": f"{pages(roma)}/change/#files"}
    refused = send(browser, roma, b"<svg onload='alert(1)'>", headers=headers)
    assert (refused.status_code, refused.json()) == (
        400,
        {"error": "HTML, XML and scripts are not accepted as text."},
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"content": b"<html>"}, "HTML, XML and scripts are not accepted as text."),
        ({"content": b"PK\x03\x04"}, "Accepted are PDF, PNG, JPEG, WebP and plain text (UTF-8)."),
        ({"file": None}, "Choose a file first."),
        ({"content": b""}, "The submitted file is empty."),
        ({"complete": None}, "The upload was cut short."),
        ({"kind": "nonsense"}, "Select a valid choice."),
    ],
)
def test_what_is_refused_is_said(browser: Client, roma: RegisteredSite, fields: dict[str, Any], said: str) -> None:
    assert send(browser, roma, **fields).status_code == 302
    assert f"Not uploaded: {said}" in messages_of(browser, roma)
    assert not SiteFile.objects.exists()


def test_files_of_other_names_are_forgotten(browser: Client, roma: RegisteredSite) -> None:
    form = {"kind": "other", "file": TEXT, "other": TEXT, "complete": "yes"}
    for order in permutations(form):
        files = {name: SimpleUploadedFile("k", TEXT) for name in ("file", "other")}
        body = encode_multipart("xx", {name: {**form, **files}[name] for name in order})
        for cut in (0, 5):  # 5: without the last boundary
            sent = body[: len(body) - cut]
            answer = browser.post(f"{pages(roma)}/files/add/", sent, content_type="multipart/form-data; boundary=xx")
            assert answer.status_code == 302
    assert SiteFile.objects.exists()


def test_a_large_file_is_refused(browser: Client, roma: RegisteredSite, settings: Any) -> None:
    settings.FILE_MAX_BYTES = 1_000
    send(browser, roma, b"a" * 1_001)
    assert "Not uploaded: The file may have" in messages_of(browser, roma)
    send(browser, roma, b"a" * 1_000)
    assert SiteFile.objects.get().size == 1_000


def test_the_form_needs_its_token(ben: Admin, roma: RegisteredSite) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ben)
    assert send(browser, roma).status_code == 403
    assert not SiteFile.objects.exists()
    browser.get(f"{pages(roma)}/change/")
    token = browser.cookies["csrftoken"].value
    assert send(browser, roma, csrfmiddlewaretoken=token).status_code == 302
    assert SiteFile.objects.count() == 1


def test_a_file_is_deleted_with_a_reason(browser: Client, roma: RegisteredSite) -> None:
    send(browser, roma, PDF, "contract.pdf")
    file = SiteFile.objects.get()
    page = f"{pages(roma)}/files/{file.pk}/delete/"
    assert "contract.pdf" in text_of(browser.get(page))
    assert "This field is required" in text_of(browser.post(page, {"reason": " "}))
    refused = browser.post(page, {"reason": "wrong \x07customer"})
    assert (refused.status_code, list(refused.context["form"].errors)) == (200, ["reason"])
    assert browser.post(page, {"reason": "wrong customer"})["Location"] == f"{pages(roma)}/change/#files"
    assert Event.objects.get(action="site.file_deleted").reason == "wrong customer"
    assert "contract.pdf" in messages_of(browser, roma), "the message and the history name it"
    for path in (page, f"{pages(roma)}/files/{file.pk}/content/"):
        assert browser.get(path).status_code == 404


def test_a_preview_is_small(browser: Client, roma: RegisteredSite) -> None:
    send(browser, roma, picture("PNG", (1_200, 600)), "front.png")
    file = SiteFile.objects.get()
    shown = browser.get(f"{pages(roma)}/files/{file.pk}/preview/")
    assert (shown["Content-Type"], shown.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert len(shown.content) < 5_000
    send(browser, roma)
    note = SiteFile.objects.get(name="note.txt")
    assert browser.get(f"{pages(roma)}/files/{note.pk}/preview/").status_code == 404


def test_a_viewer_reads_only(vera: Admin, browser: Client, roma: RegisteredSite) -> None:
    send(browser, roma)
    viewer = Client()
    viewer.force_login(vera)
    page = text_of(viewer.get(f"{pages(roma)}/files/"))
    assert "note.txt" in page
    assert "data-file-form" not in page
    assert "/delete/" not in page
    assert send(viewer, roma).status_code == 403


def test_files_of_a_former_customer_can_still_be_read(browser: Client, api: Any, roma: RegisteredSite) -> None:
    send(browser, roma)
    file = SiteFile.objects.get()
    api.delete(roma.path)
    assert loaded(browser.get(f"{pages(roma)}/files/{file.pk}/content/")) == TEXT
    assert "data-file-form" not in messages_of(browser, roma)
    assert send(browser, roma).status_code == 404
    assert browser.get(f"{pages(roma)}/files/{file.pk}/delete/").status_code == 404


def test_the_page_of_the_site_shows_the_newest_six(browser: Client, roma: RegisteredSite) -> None:
    for number in range(7):
        send(browser, roma, name=f"note-{number}.txt")
    page = messages_of(browser, roma)
    assert f"{pages(roma)}/files/" in page
    assert 'class="file-name"' in page
    assert page.count('class="file-name"') == 6
    assert text_of(browser.get(f"{pages(roma)}/files/")).count('class="file-name"') == 7


def test_a_file_that_is_gone_from_the_storage_is_said(
    browser: Client, roma: RegisteredSite, settings: Any, tmp_path: Path
) -> None:
    use(settings, "documents.files.folder.FolderStorage", location=tmp_path)
    send(browser, roma)
    file = SiteFile.objects.get()
    default_storage.delete(file.stored_as)
    assert browser.get(f"{pages(roma)}/files/{file.pk}/content/").status_code == 302
    assert "The file is not in the storage" in messages_of(browser, roma)
