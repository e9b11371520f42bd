"""The program that encodes pictures: its limits and answers, and the previews that it makes."""

import base64
import io
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image, ImageOps
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import RegisteredSite
from documents.files import clean_picture, pictures, services
from documents.files.erasure import delete_files
from documents.files.errors import FileStorageFull
from documents.files.tests.conftest import ON_BOTH, Upload, chunk, picture, saved, stored_names
from documents.models import SiteFile
from sites.tests.conftest import assert_problem

pytestmark = pytest.mark.django_db

# A WebP whose EXIF says that its description is a fraction. Pillow cannot write that again.
DAMAGED_EXIF = base64.b64decode(
    "UklGRugAAABXRUJQVlA4WAoAAAAIAAAAJwAAEwAAVlA4IEIAAACQAwCdASooABQAPm02l0ikIyIhJWgAgA2JZwDPkoB+AAAr98NwAP7wm0P/5Bcs"
    "Lrka//yA/5Af8gP/498Ql180AABFWElGgAAAAE1NACoAAAAIAAQBDgAFAAAABgAAAD4BEgADAAAAAQAGAACHaQAEAAAAAQAAAAKIJQAEAAAAAQAA"
    "AAwAAAAAaGVsbG8AAAKQAwACAAAABQAAAGKSfAABAAAABQAAAGgAAAAAMjAyMAAATmlrb24AAAEABwACAAAAAk4AAAAAAAAA"
)


def bomb() -> bytes:
    """A small JPEG that is decoded anew for each of its many scans."""
    whole = saved(Image.new("RGB", (5_000, 5_000), "grey"), "JPEG", progressive=True, quality=50)
    starts = [at for at in range(len(whole) - 1) if whole[at : at + 2] == b"\xff\xda"]
    return whole[:-2] + whole[starts[4] : starts[5]] * 3_000 + b"\xff\xd9"


def empty_chunks() -> bytes:
    whole = picture("PNG")
    return whole[:33] + chunk(b"prVt", b"") * 800_000 + whole[33:]


@pytest.fixture
def change_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], None]:
    """Run a copy of the program in which one text is another one."""

    def change(usual: str, other: str) -> None:
        text = pictures.PROGRAM.read_text(encoding="utf-8")
        assert text.count(usual) == 1
        copy = tmp_path / "program.py"
        copy.write_text(text.replace(usual, other), encoding="utf-8")
        monkeypatch.setattr(pictures, "PROGRAM", copy)

    return change


def refusal(answer: Any) -> str:
    assert_problem(answer, 400, "invalid", "/file")
    assert stored_names() == []
    return str(answer.json()["detail"])


@pytest.mark.slow(seconds=5)
@pytest.mark.parametrize("made", [bomb, empty_chunks])
def test_a_small_file_that_takes_long_to_read_is_refused(upload: Upload, change_program: Any, made: Any) -> None:
    change_program("CPU_SECONDS = 8", "CPU_SECONDS = 1")
    assert refusal(upload(made())) == "The picture takes too long to read."


def test_a_picture_that_takes_too_much_memory_is_refused(upload: Upload, change_program: Any) -> None:
    change_program("MEMORY_BYTES = 1024**3", "MEMORY_BYTES = 120_000_000")
    assert refusal(upload(saved(Image.new("RGB", (4_000, 4_000)), "PNG"))) == "The picture takes too much memory."


@pytest.mark.parametrize("signal", ["SIGSEGV", "SIGABRT"])
def test_a_picture_that_crashes_the_decoder_is_damaged(upload: Upload, change_program: Any, signal: str) -> None:
    change_program("opened.load()", f"import os, signal; os.kill(os.getpid(), signal.{signal})")
    assert refusal(upload(picture("PNG"))) == "The picture is damaged."


def test_whatever_the_decoder_raises_the_picture_is_damaged(upload: Upload, change_program: Any) -> None:
    change_program("opened.load()", "raise AttributeError")
    assert refusal(upload(picture("PNG"))) == "The picture is damaged."


def test_a_picture_with_a_damaged_tag_is_accepted(upload: Upload) -> None:
    assert upload(DAMAGED_EXIF, "front.webp").status_code == 201


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    given = picture("PNG", exif=exif.tobytes())
    with Image.open(io.BytesIO(given)) as opened:
        expected = ImageOps.exif_transpose(opened)
    assert clean_picture.pixels_of(given, "PNG").tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [("ENOSPC", 507, "file_storage_full"), ("EIO", 503, "file_storage_unavailable")],
)
def test_a_disk_that_fails_is_not_the_picture_s_fault(
    upload: Upload, change_program: Any, error: str, status: int, code: str
) -> None:
    change_program("        Path(target).write_bytes(encoded)", f"        raise OSError(errno.{error}, 'x')")
    assert_problem(upload(picture("PNG")), status, code)
    assert stored_names() == []


def test_a_program_that_cannot_start_is_not_the_picture_s_fault(upload: Upload, change_program: Any) -> None:
    change_program("from PIL import Image", "from no_such_module import Image")
    assert_problem(upload(picture("PNG")), 503, "pictures_busy")


def test_a_program_that_hangs_is_ended(upload: Upload, change_program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SECONDS", 0.5)
    change_program("opened.load()", "import time; time.sleep(60)")
    assert_problem(upload(picture("PNG")), 503, "pictures_busy")


def test_an_upload_waits_for_another_picture_for_seconds_only(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "WAIT_SECONDS", 0.1)
    with pictures.one_at_a_time:
        answer = upload(picture("PNG"))
        assert_problem(answer, 503, "pictures_busy")
        assert answer["Retry-After"] == "5"
        assert upload().status_code == 201, "a text does not wait"
    assert upload(picture("PNG")).status_code == 201


def test_the_program_gets_no_secrets(
    upload: Upload, change_program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_KEY", "hidden")
    seen = tmp_path / "seen"
    change_program("opened.load()", f"import os; Path({str(seen)!r}).write_text(' '.join(os.environ))")
    upload(picture("PNG"))
    names = set(seen.read_text(encoding="utf-8").split())
    assert "PATH" in names
    assert names <= {"PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LC_CTYPE"}


@pytest.mark.parametrize("transparency", [{}, {"transparency": 60_000}])
def test_the_preview_of_a_grey_picture_with_sixteen_bits_is_as_grey(
    upload: Upload, transparency: dict[str, int]
) -> None:
    assert upload(saved(Image.new("I;16", (30, 30), 30_000), "PNG", **transparency)).status_code == 201
    with shown_preview() as preview:
        assert preview.getpixel((5, 5)) == pytest.approx((117, 117, 117), abs=3)


def test_the_preview_of_a_transparent_picture_is_on_white(upload: Upload) -> None:
    upload(saved(Image.new("RGBA", (600, 300), (0, 0, 0, 0)), "PNG"))
    with shown_preview() as preview:
        assert (preview.size, preview.getpixel((5, 5))) == ((216, 108), (255, 255, 255))


def test_a_picture_of_one_line_has_a_preview(upload: Upload) -> None:
    assert upload(saved(Image.new("1", (20_000, 1)), "PNG")).status_code == 201
    with shown_preview() as preview:
        assert preview.size == (216, 1)


def shown_preview() -> Image.Image:
    with default_storage.open(SiteFile.objects.get().preview_stored_as) as opened:
        return Image.open(io.BytesIO(opened.read()))


@ON_BOTH
def test_a_preview_is_stored_and_deleted_with_its_picture(
    upload: Upload, api: APIClient, roma: RegisteredSite, django_capture_on_commit_callbacks: Any
) -> None:
    file = upload(picture("PNG")).json()
    name = SiteFile.objects.get().stored_as
    assert stored_names() == [name, f"{name}.preview"]
    with django_capture_on_commit_callbacks(execute=True):
        api.delete(f"{roma.path}/files/{file['id']}")
    assert stored_names() == []


def test_a_preview_goes_with_an_erasure(
    upload: Upload, roma: RegisteredSite, django_capture_on_commit_callbacks: Any
) -> None:
    upload(picture("PNG"))
    with django_capture_on_commit_callbacks(execute=True):
        delete_files(uuid.UUID(roma.site_id))
    assert stored_names() == []


def test_a_picture_whose_preview_has_no_room_leaves_nothing(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = services.save_bytes

    def save_bytes(name: str, path: Path) -> None:
        if name.endswith(".preview"):
            raise FileStorageFull
        usual(name, path)

    monkeypatch.setattr(services, "save_bytes", save_bytes)
    assert_problem(upload(picture("PNG")), 507, "file_storage_full")
    assert stored_names() == []


def test_a_page_of_pictures_decodes_none(
    upload: Upload, anna: Admin, roma: RegisteredSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser may keep a preview, but must ask whether the file is still there."""
    upload(picture("PNG"))
    file = SiteFile.objects.get()
    monkeypatch.setattr(Image, "open", None)
    monkeypatch.setattr(pictures.subprocess, "run", None)
    browser = Client()
    browser.force_login(anna)
    path = f"/admin/sites/site/{roma.site_id}/files/{file.pk}/preview/"
    shown = browser.get(path)
    assert (shown.status_code, shown["Cache-Control"]) == (200, "private, no-cache")
    again = browser.get(path, headers={"If-None-Match": shown["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["Content-Security-Policy"] == shown["Content-Security-Policy"]
    SiteFile.objects.update(deleted_at=file.uploaded_at)
    assert browser.get(path, headers={"If-None-Match": shown["ETag"]}).status_code == 404
