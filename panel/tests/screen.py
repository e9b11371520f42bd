"""A signed-in browser, and the page that confirms an operation as a browser holds it: opened now, sent later."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import Admin
from conftest import RegisteredSite
from sites.models import Site

LIST = "/admin/sites/site/"
ADD = "/admin/sites/site/add/"


def browser_of(admin: Admin) -> Client:
    """A test client in which the admin is signed in."""
    browser = Client()
    browser.force_login(admin)
    return browser


class FormReader(HTMLParser):
    """The hidden fields of a page's forms, without the CSRF token."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type") == "hidden" and given.get("name") != "csrfmiddlewaretoken":
            self.fields.setdefault(str(given["name"]), []).append(given.get("value") or "")


@dataclass
class Confirmation:
    """The page that confirms an operation, opened by POST for these sites."""

    admin: Admin
    operation: str
    sites: tuple[RegisteredSite, ...]
    answer: Any = None
    form: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.browser = browser_of(self.admin)
        self.path = f"{LIST}operate/{self.operation}/"
        self.receive(self.browser.post(self.path, {"site": [site.site_id for site in self.sites]}))

    def receive(self, answer: Any) -> None:
        self.answer = answer
        if hidden := FormReader(self.page).fields:
            self.form = dict(hidden)

    @property
    def page(self) -> str:
        return str(self.answer.content.decode())

    def send(self, **entries: str) -> "Confirmation":
        """Send the form and follow redirects."""
        sent = {**self.form, **entries}
        self.answer = self.browser.post(self.path, sent, follow=True)
        if 'name="confirmed"' in self.page:
            self.receive(self.answer)
        return self

    @property
    def messages(self) -> str:
        return " ".join(str(message) for message in self.answer.context["messages"])

    @property
    def results(self) -> dict[str, tuple[str, str]]:
        """From the result page: kind and words of each site's result, in the order of the page."""
        results = [row.result for row in self.answer.context["rows"]]
        return {
            result["name"]: (result["kind"], "; ".join(filter(None, (result["words"], result["told"]))))
            for result in results
        }

    @property
    def errors(self) -> dict[str, list[str]]:
        return {name: list(texts) for name, texts in self.answer.context["form"].errors.items()}

    @property
    def expected_results(self) -> dict[str, tuple[str, str]]:
        previews = self.answer.context["previews"]
        return {preview.site.name: (preview.expected.kind, preview.expected.words) for preview in previews}


def shown_extension(days: int) -> dict[str, str]:
    """The entries that extend by so many days, on a page that has shown the new ends."""
    return {"days": str(days), "shown_extension": f"{days}/", "shown_at": timezone.now().isoformat()}


def stored(site: RegisteredSite) -> Site:
    return Site.objects.get(pk=site.site_id)
