"""A browser without scripts that is signed in to the panel, for tests of servers and not of pages."""

import re
from typing import Any

import requests

from tests.running_server import ADMIN, PASSWORD, RunningServer

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class PanelSession:
    """Sends its cookies over plain HTTP, although they are for HTTPS; each request may go to another server."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}
        answer = self.submit("/admin/login/", username=ADMIN, password=PASSWORD)
        assert answer.status_code == 302, answer.text

    def submit(self, path: str, *, server: RunningServer | None = None, **fields: str) -> requests.Response:
        """Post a form with the token of a page; the sign-in page has one, and so has any page for who is signed in."""
        page = self.send("GET", "/admin/" if self.cookies else "/admin/login/", server=server).text
        token = TOKEN.search(page)
        assert token, page
        return self.send("POST", path, server=server, data={**fields, "csrfmiddlewaretoken": token[1]})

    def send(self, method: str, path: str, *, server: RunningServer | None = None, **options: Any) -> requests.Response:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        answer = requests.request(
            method, (server or self.server).url + path, headers=headers, allow_redirects=False, timeout=15, **options
        )
        self.cookies |= {cookie.name: cookie.value or "" for cookie in answer.cookies}
        return answer
