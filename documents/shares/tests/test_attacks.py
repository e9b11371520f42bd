"""Who has a link has one page and nothing else; and what several requests do at the same moment."""

import json
import threading
import uuid
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import Actor
from audit.models import Event
from conftest import RegisteredSite
from documents.models import ShareLink
from documents.shares.errors import ShareLinkExists, TooManyShareLinks
from documents.shares.services import create_share_link
from documents.shares.tests.conftest import Share
from documents.shares.tokens import PREFIX, generate_token
from sites.tests.test_saved_view_races import error_of


def test_the_token_of_a_link_is_no_credential_elsewhere(share: Share, roma: RegisteredSite) -> None:
    token = share().removeprefix("/s/")
    stranger = APIClient()
    for path in ("/api/sites", roma.path, f"{roma.path}/shares", "/api/auth/me"):
        assert stranger.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    site = RegisteredSite(roma.site_id, token)
    assert site.call_home().status_code == 401
    assert Client().get("/admin/", {"token": token}).status_code == 302


def test_the_key_of_a_site_opens_no_page(roma: RegisteredSite, visitor: Client) -> None:
    for token in (roma.key, PREFIX + roma.key.removeprefix("psk_"), roma.site_id, str(uuid.uuid4())):
        assert visitor.get(f"/s/{token}").status_code == 404


def test_a_similar_token_opens_no_page(share: Share, visitor: Client) -> None:
    path = share()
    token = path.removeprefix("/s/")
    similar = (token.swapcase(), token.upper(), token[:-1], token + "0", f"%20{token}", f"{token}%00")
    for other in similar:
        assert visitor.get(f"/s/{other}").status_code == 404
    assert visitor.get(f"{path}?digest=x&next=//evil.example").status_code == 200


def test_what_people_typed_is_text_on_the_page(api: Any, roma: RegisteredSite, share: Share, visitor: Client) -> None:
    path = share()
    script = "<script>alert(1)</script>"
    api.patch(roma.path, {"name": script})
    api.post(f"{roma.path}/lock", {"reason": f"{script}\n<b>x</b>"})
    page = visitor.get(path).content.decode()
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page
    shown = json.loads(visitor.get(path, headers={"Accept": "application/json"}).content)
    assert shown["name"] == script


def test_a_page_that_a_cache_kept_is_none_of_ours(
    api: Any, roma: RegisteredSite, share: Share, visitor: Client
) -> None:
    """Nothing in an answer lets a cache ask whether its copy is still good, and get a yes."""
    path = share()
    answer = visitor.get(path)
    api.delete(f"{roma.path}/shares/{ShareLink.objects.get().pk}")
    tried = {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT", "If-None-Match": "*", "Range": "bytes=0-10"}
    assert visitor.get(path, headers=tried).status_code == 404
    assert not {"ETag", "Last-Modified", "Expires"} & set(answer.headers)


# --- At the same moment ---


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_form_that_arrives_twice_at_once_makes_one_link(anna: Admin, roma: RegisteredSite) -> None:
    link_id, by = uuid.uuid4(), Actor(Event.Source.ADMIN, anna)

    def create() -> None:
        create_share_link(uuid.UUID(roma.site_id), link_id=link_id, by=by, at=timezone.now())

    [error] = error_of(create, create)
    assert isinstance(error, ShareLinkExists)
    assert ShareLink.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_exceed_the_limit(
    anna: Admin, roma: RegisteredSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("documents.shares.services.MAX_OPEN_LINKS", 1)
    by = Actor(Event.Source.ADMIN, anna)

    def create() -> None:
        create_share_link(uuid.UUID(roma.site_id), by=by, at=timezone.now())

    [error] = error_of(create, create)
    assert isinstance(error, TooManyShareLinks)
    assert ShareLink.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_visit_does_not_wait_for_a_change_of_the_site(share: Share, roma: RegisteredSite, api: Any) -> None:
    """As long as an admin's change is not committed, the page shows what was before."""
    path = share()
    with transaction.atomic():
        api.post(f"{roma.path}/lock", {"reason": "unpaid"})
        seen: list[int | str] = []

        def visit() -> None:
            try:
                answer = Client().get(path)
                seen.extend([answer.status_code, "Locked" in answer.content.decode().partition("<dl>")[0]])
            finally:
                connection.close()

        thread = threading.Thread(target=visit)
        thread.start()
        thread.join(20)
    assert seen == [200, False]


def test_tokens_do_not_repeat() -> None:
    assert len({generate_token() for _ in range(1_000)}) == 1_000
