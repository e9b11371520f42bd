"""Changes by other requests while a heartbeat runs that takes several statements."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import Event
from conftest import RegisteredSite
from heartbeat import services
from sites.models import SitePulse
from sites.services import retire_older_keys


def test_a_rotation_during_a_heartbeat_does_not_retire_the_key_in_use(
    api: APIClient, roma: RegisteredSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = api.post(f"{roma.path}/rotate-key").data["secret_key"]
    assert roma.call_home(second).status_code == 200
    rotated = []

    def rotate_and_retire(*arguments: Any, **facts: Any) -> None:
        rotated.append(api.post(f"{roma.path}/rotate-key").data["secret_key"])
        retire_older_keys(*arguments, **facts)

    monkeypatch.setattr(services, "retire_older_keys", rotate_and_retire)
    assert roma.call_home(second).status_code == 200
    assert roma.call_home(second).status_code == 200
    assert roma.call_home(rotated[0]).status_code == 200
    assert len(rotated) == 1
    assert roma.call_home().status_code == 401


def test_if_the_older_keys_cannot_be_retired_the_call_is_rolled_back(
    roma: RegisteredSite, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the second use would be counted and the old keys would stay valid."""
    second = api.post(f"{roma.path}/rotate-key").data["secret_key"]
    assert roma.call_home(second).status_code == 200
    before = SitePulse.objects.values().get()

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("in between")

    with monkeypatch.context() as patched:
        patched.setattr(services, "retire_older_keys", fail)
        assert roma.call_home(second).status_code == 500
    assert SitePulse.objects.values().get() == before
    assert roma.call_home().status_code == 200
    assert roma.call_home(second).status_code == 200
    assert roma.call_home().status_code == 401
    assert Event.objects.filter(action="site.key_retired").count() == 1


def test_a_site_without_a_pulse_cannot_authenticate(roma: RegisteredSite) -> None:
    """This happens if the demo is removed while its sites call."""
    SitePulse.objects.all().delete()
    assert roma.call_home().status_code == 401


def test_a_site_that_is_deregistered_during_a_heartbeat_is_refused(
    api: APIClient, roma: RegisteredSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = api.post(f"{roma.path}/rotate-key").data["secret_key"]
    assert roma.call_home(second).status_code == 200
    authenticate = services.authenticate

    def deregister_first(*arguments: Any, **facts: Any) -> Any:
        assert api.delete(roma.path).status_code in (204, 404)
        return authenticate(*arguments, **facts)

    monkeypatch.setattr(services, "authenticate", deregister_first)
    assert roma.call_home(second).status_code == 401
