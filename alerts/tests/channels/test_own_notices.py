"""An admin's own notices by e-mail."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.models import Admin
from accounts.tests.side_by_side import side_by_side
from alerts.channels.own_notices import own_notices, set_own_notices
from alerts.channels.services import change_channel, delete_channel
from alerts.errors import ChannelInvalid, ChannelNotFound
from alerts.kinds import Kind
from alerts.models import AlertChannel, Delivery
from alerts.outbox.delivery import target_of
from alerts.tests.conftest import OpenIncident
from audit.actors import Actor
from audit.models import Event
from conftest import RegisteredSite


@pytest.fixture
def choose(ben: Admin) -> Callable[[str | None], None]:
    return lambda severity: set_own_notices(ben, severity, at=timezone.now())


Choose = Callable[[str | None], None]


def test_an_admin_gets_what_is_severe_enough_at_the_address_of_the_account(
    ben: Admin, choose: Choose, open_incident: OpenIncident, roma: RegisteredSite
) -> None:
    assert own_notices(ben) is None
    choose("critical")
    assert own_notices(ben) == "critical"
    open_incident(Kind.LICENSE_ENDED, site=roma)
    open_incident(Kind.SIGN_IN_ATTACK)
    delivery = Delivery.objects.get()
    assert delivery.incident is not None
    assert delivery.incident.kind == Kind.SIGN_IN_ATTACK
    Admin.objects.filter(pk=ben.pk).update(email="new@vendor.example")
    target = target_of(AlertChannel.objects.select_related("owner").get())
    assert target is not None
    assert (target.kind, target.address) == ("email", "new@vendor.example")


def test_another_choice_changes_the_same_channel(ben: Admin, choose: Choose) -> None:
    choose("critical")
    first = AlertChannel.objects.get()
    choose("info")
    assert AlertChannel.objects.get().pk == first.pk
    assert own_notices(ben) == "info"
    assert first.name.startswith("Notices of ben (")
    assert (first.owner, first.shown_address, bytes(first.sealed_address)) == (ben, "", b"")


def test_none_ends_them_and_what_waits_is_not_sent(ben: Admin, choose: Choose, open_incident: OpenIncident) -> None:
    choose(None)
    assert not AlertChannel.objects.exists()
    choose("info")
    open_incident()
    choose(None)
    assert own_notices(ben) is None
    assert Delivery.objects.get().state == Delivery.State.FAILED
    open_incident(subject="another")
    assert Delivery.objects.count() == 1
    choose("warning")
    assert own_notices(ben) == "warning"


def test_a_choice_ends_the_pauses_of_former_failures(choose: Choose) -> None:
    choose("info")
    AlertChannel.objects.update(failures=5, failing_since=timezone.now(), paused_until=timezone.now())
    choose("info")
    channel = AlertChannel.objects.get()
    assert (channel.failures, channel.failing_since, channel.paused_until) == (0, None, None)


def test_a_wrong_severity_is_refused(choose: Choose) -> None:
    with pytest.raises(ChannelInvalid):
        choose("grave")
    assert not AlertChannel.objects.exists()


def test_a_shared_channel_with_such_a_name_is_in_no_ones_way(ben: Admin, choose: Choose) -> None:
    for name in ("Notices of ben", "Notices of Ben"):
        AlertChannel.objects.create(name=name, kind="email", sealed_address=b"x", created_at=timezone.now())
    choose("info")
    assert own_notices(ben) == "info"


def test_the_longest_user_names_have_notices_too(db: None) -> None:
    for last in "yz":
        admin = Admin.objects.create_user("x" * 149 + last, "x@vendor.example")
        set_own_notices(admin, "info", at=timezone.now())
        assert own_notices(admin) == "info"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_choices_at_once_make_one_channel(ben: Admin, choose: Choose) -> None:
    for _ in range(5):
        side_by_side(lambda: choose("info"), lambda: choose("warning"))
        assert AlertChannel.objects.get().min_severity in ("info", "warning")
        AlertChannel.objects.all().delete()


def test_others_cannot_change_or_delete_them_and_no_event_tells_of_them(choose: Choose, by_anna: Actor) -> None:
    choose("info")
    own = AlertChannel.objects.get()
    with pytest.raises(ChannelNotFound):
        change_channel(own.pk, {"is_enabled": False}, by=by_anna, at=timezone.now())
    with pytest.raises(ChannelNotFound):
        delete_channel(own.pk, by=by_anna, at=timezone.now())
    assert not Event.objects.filter(subject_type="alert_channel").exists()
