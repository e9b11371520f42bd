"""What the tests of the import share: files, the two steps, and what the pages say."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Admin
from sites.models import SiteImport

IMPORT = "/admin/sites/site/import/"
EXPORT = "/admin/sites/site/export.csv"
NEW = "name,owner_name,contact_email"


def at_the_screen(admin: Admin) -> Client:
    browser = Client()
    browser.force_login(admin)
    return browser


def upload(browser: Client, content: str | bytes, *, name: str = "sites.csv") -> Any:
    """What the preview answers: the page it leads to, or the form that says why the file cannot be read."""
    data = content.encode() if isinstance(content, str) else content
    return browser.post(IMPORT, {"file": SimpleUploadedFile(name, data, "text/csv")}, follow=True)


def lines(*rows: str) -> str:
    return "\r\n".join(rows) + "\r\n"


def results(answer: Any) -> list[str]:
    """Of the rows of the first page, as shown: the worst first."""
    return [each["row"].result for each in answer.context["rows"]]


def problems(answer: Any) -> list[tuple[int, str, str]]:
    """Line, column and why."""
    return [(each["row"].line, column, why) for each in answer.context["rows"] for column, why in each["row"].problems]


def refusal(answer: Any) -> str:
    """Why the file as a whole was refused; nothing of it is kept."""
    assert answer.status_code == 200
    assert not SiteImport.objects.exists()
    [reason] = answer.context["form"].errors["file"]
    return str(reason)


def apply(browser: Client, started: SiteImport | None = None) -> Any:
    return browser.post(f"{IMPORT}{(started or SiteImport.objects.get()).pk}/", follow=True)


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]
