"""The page of one site as a browser holds it: the form is read from the HTML, filled in and sent."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client
from django.utils.html import strip_tags

from accounts.models import Admin
from conftest import RegisteredSite


class SiteFormReader(HTMLParser):
    """The fields of `#site_form` as a browser sends them."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.inside, self.select = False, ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        self.inside = self.inside or given.get("id") == "site_form"
        if self.inside and tag == "select":
            self.select = given["name"]
        if self.inside and tag == "option" and "selected" in given:
            self.values[self.select] = given["value"]
        if self.inside and tag == "input" and given.get("name") and given["type"] != "submit":
            self.handle_input(given)

    def handle_input(self, given: dict[str, Any]) -> None:
        if given["type"] not in ("checkbox", "radio"):
            self.values[given["name"]] = given.get("value", "")
        elif "checked" in given:
            self.values[given["name"]] = given.get("value", "on")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "form"


@dataclass
class OpenPage:
    """A page that is open in a browser."""

    browser: Client
    path: str
    html: str = ""
    status: int = 200
    fields: dict[str, str] = field(default_factory=dict)

    def take(self, answer: Any) -> None:
        self.html, self.status = answer.content.decode(), answer.status_code
        reader = SiteFormReader()
        reader.feed(self.html)
        self.fields = reader.values

    def type(self, **values: str) -> "OpenPage":
        self.fields |= values
        return self

    def save(self) -> "OpenPage":
        self.take(self.browser.post(self.path, self.fields, follow=True))
        return self

    @property
    def text(self) -> str:
        """The visible text, with single spaces, also between cells."""
        parted = re.sub(r"</(t[dh]|d[td]|li|p|title|h[1-6])>", " ", self.html)
        return " ".join(strip_tags(parted).replace("\xa0", " ").split())


def open_page(admin: Admin, site: RegisteredSite) -> OpenPage:
    browser = Client()
    browser.force_login(admin)
    page = OpenPage(browser, f"/admin/sites/site/{site.site_id}/change/")
    page.take(browser.get(page.path))
    return page
