"""All kinds of wrong credentials get the same answer, after the same statements."""

import re
import uuid
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from audit.actors import COMMAND
from common.keys import base62
from conftest import RegisteredSite
from heartbeat.models import Heartbeat
from heartbeat.tests.calls import call, unknown_id, wrong_key
from sites.services import restore_site

Credentials = tuple[str | None, str | None]
Kind = Callable[[APIClient, RegisteredSite], Credentials]


def superseded(api: APIClient, site: RegisteredSite) -> Credentials:
    assert api.post(f"{site.path}/rotate-key", {"overlap_hours": 0}).status_code == 200
    return site.site_id, site.key


def revoked(api: APIClient, site: RegisteredSite) -> Credentials:
    new = api.post(f"{site.path}/rotate-key", {"overlap_hours": 24}).json()["secret_key"]
    assert call(site.site_id, site.key).status_code == 200
    assert [call(site.site_id, new).status_code for _ in range(2)] == [200, 200]
    return site.site_id, site.key


def deregistered(api: APIClient, site: RegisteredSite) -> Credentials:
    assert api.delete(site.path).status_code == 204
    return site.site_id, site.key


def another_sites(api: APIClient, site: RegisteredSite) -> Credentials:
    body = {"name": "Napoli", "owner_name": "Ciro", "contact_email": "ciro@napoli.example"}
    return site.site_id, api.post("/api/sites", body).json()["secret_key"]


KINDS: dict[str, Kind] = {
    "unknown id": lambda _, site: (unknown_id(), site.key),
    "id of zeros": lambda _, site: (str(uuid.UUID(int=0)), site.key),
    "id in braces": lambda _, site: (f"{{{site.site_id}}}", site.key),
    "id without dashes": lambda _, site: (site.site_id.replace("-", ""), site.key),
    "id as a URN": lambda _, site: (f"urn:uuid:{site.site_id}", site.key),
    "id with an underscore": lambda _, site: (f"{site.site_id[:-2]}_{site.site_id[-1]}", site.key),
    "empty id": lambda _, site: ("", site.key),
    "junk id": lambda _, site: ("' OR 1=1 --", site.key),
    "non-ASCII id": lambda _, site: ("Größe", site.key),
    "very long id": lambda _, site: ("0" * 4000, site.key),
    "wrong key": lambda _, site: (site.site_id, wrong_key()),
    "another site's key": another_sites,
    "key of the wrong checksum": lambda _, site: (site.site_id, site.key[:-6] + base62(1, 6)),
    "key in other case": lambda _, site: (site.site_id, site.key.swapcase()),
    "key cut short": lambda _, site: (site.site_id, site.key[:-1]),
    "empty key": lambda _, site: (site.site_id, ""),
    "junk key": lambda _, site: (site.site_id, "psk_Ünsinn"),
    "key after its overlap": superseded,
    "revoked key": revoked,
    "deregistered site": deregistered,
    "no id": lambda _, site: (None, site.key),
    "no key": lambda _, site: (site.site_id, None),
    "neither": lambda *_: (None, None),
}
EXPECTED = (
    b'{"type": "urn:portcullis:problem:invalid_site_credentials", '
    b'"title": "The site id or the site key is not valid", "status": 401, '
    b'"detail": "The site id or the site key is not valid", "code": "invalid_site_credentials"}'
)


def without_values(sql: str) -> str:
    return re.sub(r"'[^']*'|\b[0-9a-f]{32,}\b|\b\d+\b", "?", sql)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_wrong_credentials_of_any_kind_get_the_same_answer(api: APIClient, roma: RegisteredSite, kind: Kind) -> None:
    assert call(roma.site_id, roma.key).status_code == 200
    credentials = kind(api, roma)
    rows = Heartbeat.objects.count()
    answer = call(*credentials)
    assert (answer.status_code, answer.content) == (401, EXPECTED)
    assert (answer["Content-Type"], answer["WWW-Authenticate"]) == (
        "application/problem+json",
        'SiteKey realm="heartbeat"',
    )
    assert Heartbeat.objects.count() == rows


def test_all_kinds_of_wrong_credentials_run_the_same_statements(api: APIClient, roma: RegisteredSite) -> None:
    """So the time of the answer does not reveal whether the site exists."""
    asked = set()
    for name in ("unknown id", "junk id", "wrong key", "junk key", "key after its overlap", "deregistered site"):
        credentials = KINDS[name](api, roma)
        call(*credentials)
        with CaptureQueriesContext(connection) as queries:
            call(*credentials)
        asked.add(tuple(without_values(query["sql"]) for query in queries if "sites_site" in query["sql"]))
    assert len(asked) == 1


def test_an_id_may_be_in_upper_case(roma: RegisteredSite) -> None:
    assert call(roma.site_id.upper(), roma.key).status_code == 200


def test_both_keys_authenticate_during_an_overlap(api: APIClient, roma: RegisteredSite) -> None:
    new = api.post(f"{roma.path}/rotate-key", {"overlap_hours": 1}).json()["secret_key"]
    assert [call(roma.site_id, key).status_code for key in (new, roma.key)] == [200, 200]


def test_one_use_of_the_old_key_and_one_of_the_new_key_revoke_neither(api: APIClient, roma: RegisteredSite) -> None:
    assert call(roma.site_id, roma.key).status_code == 200
    new = api.post(f"{roma.path}/rotate-key", {"overlap_hours": 1}).json()["secret_key"]
    assert [call(roma.site_id, key).status_code for key in (new, roma.key)] == [200, 200]


def test_the_key_of_a_restored_site_authenticates_again(api: APIClient, roma: RegisteredSite) -> None:
    api.delete(roma.path)
    assert call(roma.site_id, roma.key).status_code == 401
    restore_site(uuid.UUID(roma.site_id), by=COMMAND, at=timezone.now())
    assert call(roma.site_id, roma.key).status_code == 200
