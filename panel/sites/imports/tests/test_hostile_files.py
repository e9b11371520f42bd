"""Unreadable, huge and hostile files are refused quickly with a sentence, never with a server error."""

import io
import time
import zipfile

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Admin
from panel.sites.imports.tests.importing import (
    IMPORT,
    NEW,
    apply,
    lines,
    problems,
    refusal,
    results,
    upload,
)
from panel.tests.screen import browser_of
from sites.models import Site, SiteImport

pytestmark = pytest.mark.any_database


def workbook() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>" * 100)
    return archive.getvalue()


GOOD = lines(NEW, "Café,B,c@d.example")
UNREADABLE = {
    "only a header": (lines(NEW), "no row below it"),
    "blank": (b"\r\n\r\n  \r\n", "empty"),
    "only a mark": (b"\xef\xbb\xbf", "empty"),
    "UTF-16": (GOOD.encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": (GOOD.encode("utf-16-be"), "UTF-16"),
    "UTF-32": (GOOD.encode("utf-32"), "UTF-16"),
    "Latin-1": (GOOD.encode("latin-1"), "not UTF-8 (line 2)"),
    "a NUL": (GOOD.replace("Café", "Ca\x00fé").encode(), "NUL"),
    "a lone surrogate": (GOOD.replace("Café", "\ud800").encode("utf-8", "surrogatepass"), "not UTF-8 (line 2)"),
    "a workbook": (workbook(), "workbook"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)), "not UTF-8"),
    "a page": (b"<!DOCTYPE html><html><body>Not found</body></html>", "Unknown: <!DOCTYPE html>"),
    "both delimiters": (b"name;owner_name,contact_email\na;b,c", "commas and semicolons"),
    "tabs": (b"name\towner_name\na\tb", "Unknown"),
    "a column twice": (b"name,owner_name,name\na,b,c", "more than once: name"),
    "a column without a name": (b"name,,owner_name\na,b,c", "(no name)"),
    "nothing to import": (b"status,is_locked\nonline,true", "No column that can be imported"),
    "an open quote": (f'{NEW}\nA,"B,c@d.example\n'.encode(), "Line 2 cannot be read as CSV"),
    "text behind a quote": (f'{NEW}\nA,"B"x,c@d.example\n'.encode(), "Line 2 cannot be read as CSV"),
    "a cell of half a megabyte": (f"{NEW}\n{'x' * 500_000},B,c@d.example\n".encode(), "Line 2 cannot be read"),
    "a million columns": (b"name" + b"," * 999_990 + b"\nx", "(no name), (no name), (no name)"),
    "a million names": (b"name," + b"a," * 499_000 + b"\nx", "Unknown: a, a, a, a, a and 498,996 more"),
    "more than a megabyte": (f"{NEW}\n".encode() + b"A,B,c@d.example\n" * 70_000, "more than 1,000,000 bytes"),
    "a million lines": (b"name\n" + b"a\n" * 499_000, "more than 1,000 rows"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_unreadable_file_is_refused_with_a_sentence(kind: str, anna: Admin) -> None:
    content, why = UNREADABLE[kind]
    started = time.monotonic()
    answer = upload(browser_of(anna), content)
    assert why in refusal(answer)
    assert len(answer.content) < 50_000
    assert time.monotonic() - started < 5


def test_a_missing_or_empty_file_is_refused_beside_its_field(anna: Admin) -> None:
    browser = browser_of(anna)
    for facts in ({}, {"file": "a,b"}, {"file": SimpleUploadedFile("empty.csv", b"")}):
        answer = browser.post(IMPORT, facts)
        assert answer.status_code == 200
        assert answer.context["form"].errors["file"]


WORST = {
    "wide": "x" * 130_000,
    "apostrophes": "'" * 130_000,
    "semicolons": ";" * 130_000,
    "formulas": ";=" * 65_000,
    "tabs": "x" + "\t" * 130_000 + "=",
    "tabs and apostrophes": "x" + "\t'" * 65_000,
    "lines": "x" + "\r\n" * 60_000 + "=",
    "script": "<script>alert(1)</script>" * 5_000,
}


@pytest.mark.parametrize("kind", WORST)
def test_a_huge_cell_is_refused_quickly_and_quoted_in_part(kind: str, anna: Admin) -> None:
    started = time.monotonic()
    answer = upload(browser_of(anna), f'{NEW}\n"{WORST[kind]}",B,c@d.example\n')
    assert time.monotonic() - started < 5
    assert results(answer) == ["refused"]
    assert "<script>alert" not in answer.content.decode()
    assert len(answer.content) < 50_000


def test_a_megabyte_of_bad_cells_is_refused_quickly(anna: Admin) -> None:
    started = time.monotonic()
    answer = upload(browser_of(anna), lines(NEW, *[";=" * 490] * 999))
    assert time.monotonic() - started < 10
    assert answer.context["refused"] == 999
    answer = upload(browser_of(anna), lines(NEW, *[f"{';=' * 480},B,c"] * 999))
    assert len(problems(answer)) == 100
    assert len(answer.content) < 300_000


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\x00b.csv", "=cmd.csv", "x" * 250 + ".csv", "<script>.csv", "名.csv"]
)
def test_a_hostile_file_name_does_no_harm(name: str, anna: Admin) -> None:
    browser = browser_of(anna)
    head = f'--sep\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + GOOD.encode() + b"\r\n--sep--\r\n"
    answer = browser.post(IMPORT, body, content_type="multipart/form-data; boundary=sep", follow=True)
    assert results(answer) == ["register"]
    assert "<script>." not in answer.content.decode()
    assert "/" not in SiteImport.objects.get().file_name
    assert apply(browser).status_code == 200
    assert Site.objects.count() == 1


def test_a_body_far_too_large_is_refused_before_it_is_read(anna: Admin) -> None:
    class Unread(io.BytesIO):
        def read(self, *size: int) -> bytes:
            raise AssertionError("nobody may read this")

    answer = browser_of(anna).generic(
        "POST",
        IMPORT,
        b"",
        content_type="multipart/form-data; boundary=sep",
        CONTENT_LENGTH=str(settings.PAGE_BODY_LIMIT_BYTES + 1),
        **{"wsgi.input": Unread()},
    )
    assert answer.status_code == 413
