"""The pepper is changed without a new key for any site: each key moves to the new pepper at its next heartbeat."""

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from audit.models import Event
from common.keys import key_digest, pepper_id
from conftest import Register, RegisteredSite
from heartbeat.tests.calls import call, unknown_id, wrong_key
from sites.models import SiteKey

OLD, NEW = (f"the pepper of {name}, with 32 characters or more" for name in "AB")
only_old, both, only_new = ({"SITE_KEY_PEPPERS": peppers} for peppers in ([OLD], [NEW, OLD], [NEW]))


@pytest.fixture
def old(register: Register) -> RegisteredSite:
    """A site whose key was made with the old pepper."""
    with override_settings(**only_old):
        return register()


def status(site: RegisteredSite) -> int:
    return int(call(site.site_id, site.key).status_code)


def test_a_key_of_the_old_pepper_moves_to_the_new_one_at_its_next_heartbeat(old: RegisteredSite) -> None:
    with override_settings(**both):
        assert status(old) == 200
    with override_settings(**only_new):
        assert status(old) == 200
    key = SiteKey.objects.get()
    assert (key.digest, key.pepper) == (key_digest(old.key, NEW), pepper_id(NEW))


def test_a_key_that_did_not_move_is_refused_once_its_pepper_is_gone(old: RegisteredSite) -> None:
    with override_settings(**only_new):
        assert status(old) == 401
    with override_settings(**both):
        assert status(old) == 200


def test_new_keys_are_made_with_the_first_pepper(register: Register) -> None:
    with override_settings(**both):
        site = register()
    with override_settings(**only_new):
        assert status(site) == 200
    assert SiteKey.objects.get().pepper == pepper_id(NEW)


def test_a_machine_that_lists_the_new_pepper_second_moves_the_key_back_and_forth(old: RegisteredSite) -> None:
    """During a change the machines are restarted one after the other."""
    for peppers in ([OLD, NEW], [NEW, OLD], [OLD, NEW], [NEW, OLD]):
        with override_settings(SITE_KEY_PEPPERS=peppers):
            assert status(old) == 200


def test_both_keys_of_a_rotation_move(api: APIClient, old: RegisteredSite) -> None:
    with override_settings(**only_old):
        new = RegisteredSite(old.site_id, api.post(f"{old.path}/rotate-key").json()["secret_key"])
    with override_settings(**both):
        assert [status(old), status(new)] == [200, 200]
        assert set(SiteKey.objects.values_list("pepper", flat=True)) == {pepper_id(NEW)}
        assert status(new) == 200  # the second use, which retires the old key
        assert status(old) == 401


def test_a_key_without_a_recorded_pepper_gets_one_at_its_next_heartbeat(old: RegisteredSite) -> None:
    SiteKey.objects.update(pepper=None)
    with override_settings(**only_old):
        assert status(old) == 200
    assert SiteKey.objects.get().pepper == pepper_id(OLD)


def test_a_move_is_no_change_of_the_site(api: APIClient, old: RegisteredSite) -> None:
    before, etag = api.get(old.path).json(), api.get(old.path)["ETag"]
    with override_settings(**both):
        assert status(old) == 200
    assert api.get(old.path)["ETag"] == etag
    assert api.get(old.path).json()["key_hint"] == before["key_hint"]
    assert [event.short_action for event in Event.objects.newest_first()] == ["registered"]


@pytest.mark.parametrize("peppers", [[OLD], [NEW, OLD]], ids=["one", "two"])
def test_wrong_credentials_of_every_kind_run_the_same_statements(old: RegisteredSite, peppers: list[str]) -> None:
    kinds = [(unknown_id(), old.key), (old.site_id, wrong_key()), (old.site_id, "psk_junk"), ("junk", old.key)]
    counts = set()
    with override_settings(SITE_KEY_PEPPERS=peppers):
        call(*kinds[0])
        for site_id, key in kinds:
            with CaptureQueriesContext(connection) as queries:
                assert call(site_id, key).status_code == 401
            counts.add(sum("sites_sitekey" in query["sql"] for query in queries))
    assert len(counts) == 1


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="is about PostgreSQL's statement")
def test_after_the_move_a_heartbeat_is_one_statement_again(old: RegisteredSite) -> None:
    with override_settings(**both):
        assert status(old) == 200
        with CaptureQueriesContext(connection) as queries:
            assert status(old) == 200
    assert len(queries) == 1
