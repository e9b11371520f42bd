from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from conftest import RegisteredSite

Share = Callable[..., str]


@pytest.fixture
def share(api: Any, roma: RegisteredSite) -> Share:
    """Share the page of a site, that of `roma` by default, and return the path of the link."""

    def share(site: RegisteredSite = roma, **facts: Any) -> str:
        answer = api.post(f"{site.path}/share", facts)
        assert answer.status_code == 201
        return str(answer.data["url"]).removeprefix("http://testserver")

    return share


@pytest.fixture
def visitor() -> Client:
    """Without cookies, and as strict about forged forms as a server."""
    return Client(enforce_csrf_checks=True)
