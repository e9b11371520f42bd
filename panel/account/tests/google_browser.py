"""A browser on its way to Google and back."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3
from django.test import Client

START, CALLBACK, ACCOUNT = "/admin/google/", "/admin/google/callback/", "/admin/account/"
UNKNOWN = "/admin/google/unknown/"
AGAIN = f"{ACCOUNT}google/again/"
LINK, CONFIRM, UNLINK = f"{ACCOUNT}google/link/", f"{ACCOUNT}google/confirm/", f"{ACCOUNT}google/unlink/"


def start(client: Client, path: str = START) -> str:
    """Google's page, to which the browser is sent."""
    answer = client.get(path)
    assert answer.status_code == 302, answer.content
    return str(answer["Location"])


def at_google(url: str) -> str:
    """What the browser is told to open after the person chose an account; of our server, without its name."""
    answer = urllib3.request("GET", url, redirect=False, retries=False)
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def sign_in(client: Client, path: str = START) -> Any:
    return client.get(at_google(start(client, path)))


def said(client: Client, path: str = "/admin/login/") -> str:
    return " ".join(str(message) for message in client.get(path, follow=True).context["messages"])


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
