"""What the tests of the import share: files, the two steps, and readers of the pages."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from sites.models import SiteImport

IMPORT = "/admin/sites/site/import/"
EXPORT = "/admin/sites/site/export.csv"
NEW = "name,owner_name,contact_email"


def upload(browser: Client, content: str | bytes, *, name: str = "sites.csv") -> Any:
    """The response after redirects: the preview, or the form with an error if the file cannot be read."""
    data = content.encode() if isinstance(content, str) else content
    return browser.post(IMPORT, {"file": SimpleUploadedFile(name, data, "text/csv")}, follow=True)


def lines(*rows: str) -> str:
    return "\r\n".join(rows) + "\r\n"


def results(answer: Any) -> list[str]:
    """The results of the rows of the page, in its order."""
    return [each["row"].result for each in answer.context["rows"]]


def problems(answer: Any) -> list[tuple[int, str, str]]:
    """Line, column and reason."""
    return [(each["row"].line, column, why) for each in answer.context["rows"] for column, why in each["row"].problems]


def refusal(answer: Any) -> str:
    """The reason why the whole file was refused."""
    assert answer.status_code == 200
    assert not SiteImport.objects.exists()
    [reason] = answer.context["form"].errors["file"]
    return str(reason)


def apply(browser: Client, started: SiteImport | None = None, **entries: str) -> Any:
    return browser.post(f"{IMPORT}{(started or SiteImport.objects.get()).pk}/", entries, follow=True)


def messages(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]
