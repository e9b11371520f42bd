"""An operation on several sites, its result page and its undo, as a browser has them."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from django.test import Client

from accounts.models import Admin
from conftest import Register, RegisteredSite
from panel.tests.screen import Confirmation, browser_of

NONCE = "n" * 16
ENTRIES: dict[str, dict[str, str]] = {
    "lock": {"reason": "unpaid"},
    "unlock": {"note": "paid"},
    "set_expiry": {
        "license_expires_at_0": "2020-01-01",
        "license_expires_at_1": "00:00:00",
        "reason": "ended by letter",
    },
    "deactivate": {"reason": "closed"},
    "activate": {"reason": "open"},
    "deregister": {"reason": "gone", "typed_count": "3"},
    "restore": {"reason": "back"},
}


def beat(site: RegisteredSite, revision: int, state: str) -> None:
    """A heartbeat of an agent that has applied this revision."""
    answer = site.call_home(nonce=NONCE, applied_revision=revision, applied_state=state)
    assert answer.status_code == 200, answer.content


def three(register: Register) -> tuple[RegisteredSite, ...]:
    return tuple(register(name=f"Site {number}") for number in range(3))


@dataclass
class Operated:
    """`browser` is that of the admin who looks at the result."""

    path: str
    browser: Client

    @property
    def answer(self) -> Any:
        return self.browser.get(self.path)

    @property
    def html(self) -> str:
        return str(self.answer.content.decode())

    @property
    def text(self) -> str:
        return " ".join(unescape(re.sub(r"<[^>]+>", "", self.html)).split())

    @property
    def rows(self) -> dict[str, str]:
        """By the name of the site its words, in the order of the page."""
        html = self.html.partition('<ul class="results"')[2].partition("</ul>")[0]
        found = re.findall(r'/change/">([^<]+)</a>.*?<span class="result-words">(.*?)</span>\s*</li>', html, re.DOTALL)
        return {name: " ".join(unescape(re.sub(r"<[^>]+>", "", words)).split()) for name, words in found}

    @property
    def undo_path(self) -> str:
        return f"{self.path}undo/"

    @property
    def undo_page(self) -> str:
        answer = self.browser.get(self.undo_path)
        assert answer.status_code == 200
        return " ".join(unescape(re.sub(r"<[^>]+>", "", answer.content.decode())).split())

    def undo(self) -> "Operated":
        assert self.browser.post(self.undo_path).status_code == 302
        return self

    def seen_by(self, admin: Admin) -> "Operated":
        return Operated(self.path, browser_of(admin))


def operate(admin: Admin, operation: str, sites: tuple[RegisteredSite, ...], **entries: str) -> Operated:
    confirmation = Confirmation(admin, operation, sites).send(**(entries or ENTRIES[operation]))
    return Operated(confirmation.answer.redirect_chain[-1][0], confirmation.browser)
