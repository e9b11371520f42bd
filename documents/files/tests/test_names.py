"""Names that mislead."""

from typing import Any

import pytest

from documents.files.names import MAX_NAME_LENGTH, clean_file_name
from documents.files.tests.conftest import Upload, stored_names

NAMES = {
    "contract.pdf": "contract.pdf",
    "Contract 2026.PDF": "Contract 2026.PDF",
    "../../etc/passwd": "passwd.pdf",
    "..\\..\\boot.ini": "boot.ini.pdf",
    "/etc/cron.d/x.pdf": "x.pdf",
    "a\x00b.pdf": "a b.pdf",
    "a\r\nSet-Cookie: x.pdf": "a Set-Cookie_ x.pdf",
    "invoice\u202efdp.exe": "invoice fdp.exe.pdf",
    "invoice\u200b.pdf": "invoice.pdf",
    'a"b<c>|?*.pdf': "a_b_c____.pdf",
    "CON.pdf": "_CON.pdf",
    "lpt1.txt": "_lpt1.txt.pdf",
    ".pdf": "pdf.pdf",
    "...": "file.pdf",
    "": "file.pdf",
    ".htaccess": "htaccess.pdf",
    "Größe e\u0301.pdf": "Größe \xe9.pdf",
    "\ud800.pdf": "pdf.pdf",
    "a" * 300 + ".pdf": "a" * (MAX_NAME_LENGTH - 4) + ".pdf",
}


@pytest.mark.parametrize(("given", "clean"), NAMES.items(), ids=range(len(NAMES)))
def test_a_name_is_cleaned(given: str, clean: str) -> None:
    assert clean_file_name(given, extensions=(".pdf",)) == clean


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["../../../escaped.txt", "/tmp/escaped.txt", "..\\escaped.txt"])
def test_a_path_in_a_name_leads_nowhere(upload: Upload, folder: Any, name: str) -> None:
    assert upload(name=name).json()["name"] == "escaped.txt"
    found = [path for path in folder.parent.rglob("*") if path.is_file()]
    assert [str(path.relative_to(folder)) for path in found] == stored_names()
    assert not (folder.parent / "escaped.txt").exists()
