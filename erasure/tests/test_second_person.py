"""An erasure needs two sysadmins, a deregistered site, and an end."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Admin
from accounts.services.admins import change_admin
from accounts.services.password_links import invite_admin, reset_password_by_link, set_password_by_link
from accounts.services.passwords import change_own_password, reset_password
from accounts.two_factor.services import reset_two_factor
from audit.actors import COMMAND
from audit.models import Event
from common.errors import DomainError
from conftest import PASSWORD, RegisteredSite
from erasure.errors import (
    ErasureAlreadyRequested,
    ErasureConfirmerTooNew,
    ErasureNeedsSecondPerson,
    ErasureNotRequested,
    ErasureRequestExpired,
    ErasureRequestOutdated,
    MayNotErase,
    ReasonNamesCustomer,
    RequesterMayNotErase,
)
from erasure.models import ErasureRequest
from erasure.prune import prune_erasure_requests
from erasure.services import confirm_erasure, request_erasure, withdraw_erasure
from erasure.tests.customers import add_sysadmin, by
from sites.errors import SiteErased, SiteNotDeregistered, SiteNotFound
from sites.models import Site
from sites.services import deregister_site, restore_site

WEEK = timedelta(days=7)


def request(site_id: uuid.UUID, admin: Admin, reason: str = "ticket 12") -> ErasureRequest:
    return request_erasure(site_id, reason=reason, by=by(admin), at=timezone.now())


def confirm(site_id: uuid.UUID, admin: Admin, **options: Any) -> Event:
    return confirm_erasure(site_id, by=by(admin), at=timezone.now(), **options)


def is_erased(site_id: uuid.UUID) -> bool:
    return Site.objects.filter(pk=site_id, erased_at__isnull=False, name="[erased]").exists()


def refuses(error: type[DomainError], call: Callable[[], Any], site_id: uuid.UUID) -> None:
    events = Event.objects.count()
    with pytest.raises(error):
        call()
    assert not is_erased(site_id)
    assert Event.objects.count() == events


def test_one_requests_and_another_confirms(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    assert not is_erased(closed)
    confirm(closed, carla)
    assert is_erased(closed)


def test_nobody_confirms_their_own_request(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    refuses(ErasureNeedsSecondPerson, lambda: confirm(closed, anna), closed)


def test_the_database_refuses_a_confirmation_by_the_requester(closed: uuid.UUID, anna: Admin) -> None:
    request(closed, anna)
    with pytest.raises(IntegrityError, match="erasurerequest_confirmed_by_another"), transaction.atomic():
        ErasureRequest.objects.update(confirmed_by=anna, confirmed_at=timezone.now())


def enable_again(anna: Admin, carla: Admin) -> None:
    for is_active in (False, True):
        change_admin(carla.pk, {"is_active": is_active}, by=by(anna), at=timezone.now())


def promote(anna: Admin, carla: Admin) -> None:
    for role in ("viewer", "sysadmin"):
        change_admin(carla.pk, {"role": role}, by=by(anna), at=timezone.now())


TAKEN_OVER: dict[str, Callable[[Admin, Admin], Any]] = {
    "promoted": promote,
    "enabled": enable_again,
    "password reset": lambda anna, carla: reset_password(carla.pk, PASSWORD, by=by(anna), at=timezone.now()),
    "link for a password": lambda anna, carla: reset_password_by_link(carla.pk, by=by(anna), at=timezone.now()),
    "second factors reset": lambda anna, carla: reset_two_factor(carla.pk, by=by(anna), at=timezone.now()),
}


@pytest.mark.parametrize("take_over", TAKEN_OVER.values(), ids=TAKEN_OVER)
def test_whose_account_was_taken_over_after_the_request_does_not_confirm(
    closed: uuid.UUID, anna: Admin, carla: Admin, take_over: Callable[[Admin, Admin], Any]
) -> None:
    request(closed, anna)
    take_over(anna, carla)
    refuses(ErasureConfirmerTooNew, lambda: confirm(closed, carla), closed)
    withdraw_erasure(closed, by=by(anna), at=timezone.now())
    request(closed, anna)
    confirm(closed, carla)


def test_whose_account_was_made_after_the_request_does_not_confirm(closed: uuid.UUID, anna: Admin) -> None:
    request(closed, anna)
    for second in (
        add_sysadmin("second"),
        invite_admin("third", email="t@x.example", role="sysadmin", by=by(anna), at=timezone.now()).admin,
    ):
        refuses(ErasureConfirmerTooNew, lambda second=second: confirm(closed, second), closed)


def test_a_password_link_from_before_the_request_is_not_used_after_it(closed: uuid.UUID, anna: Admin) -> None:
    link = invite_admin("second", email="s@x.example", role="sysadmin", by=by(anna), at=timezone.now())
    request(closed, anna)
    second = set_password_by_link(link.token, PASSWORD, by=by(link.admin), at=timezone.now())
    refuses(ErasureConfirmerTooNew, lambda: confirm(closed, second), closed)


def test_who_changes_their_own_password_may_confirm(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    change_own_password(carla, "another battery staple", by=by(carla), at=timezone.now())
    confirm(closed, carla)


@pytest.mark.parametrize("days", [7, 8])
def test_the_database_refuses_a_confirmation_after_the_end(
    closed: uuid.UUID, anna: Admin, carla: Admin, days: int
) -> None:
    made = request(closed, anna)
    with pytest.raises(IntegrityError, match="erasurerequest_confirmed_in_time"), transaction.atomic():
        ErasureRequest.objects.update(confirmed_by=carla, confirmed_at=made.requested_at + timedelta(days=days))


@pytest.mark.parametrize("missing", ["confirmed_by", "confirmed_at"])
def test_the_database_refuses_half_a_confirmation(closed: uuid.UUID, anna: Admin, carla: Admin, missing: str) -> None:
    request(closed, anna)
    values = {"confirmed_by": carla, "confirmed_at": timezone.now()} | {missing: None}
    with pytest.raises(IntegrityError, match="erasurerequest_confirmed_in_time"), transaction.atomic():
        ErasureRequest.objects.update(**values)


def test_the_database_refuses_a_request_without_a_reason_or_a_time(closed: uuid.UUID, anna: Admin) -> None:
    made = request(closed, anna)
    wrong = {
        "erasurerequest_has_reason": {"reason": ""},
        "erasurerequest_ends_after_its_beginning": {"expires_at": made.requested_at},
    }
    for constraint, values in wrong.items():
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            ErasureRequest.objects.update(**values)


def test_without_a_request_there_is_nothing_to_confirm(closed: uuid.UUID, carla: Admin) -> None:
    refuses(ErasureNotRequested, lambda: confirm(closed, carla), closed)


def test_only_sysadmins_request_and_confirm(closed: uuid.UUID, anna: Admin, ben: Admin, vera: Admin) -> None:
    for person in (ben, vera):
        refuses(MayNotErase, lambda person=person: request(closed, person), closed)
    request(closed, anna)
    for person in (ben, vera):
        refuses(MayNotErase, lambda person=person: confirm(closed, person), closed)
        refuses(MayNotErase, lambda person=person: withdraw_erasure(closed, by=by(person), at=timezone.now()), closed)


def test_a_command_without_an_admin_erases_nothing(closed: uuid.UUID, anna: Admin) -> None:
    request(closed, anna)
    refuses(MayNotErase, lambda: confirm_erasure(closed, by=COMMAND, at=timezone.now()), closed)


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "support"}])
def test_who_is_no_sysadmin_any_more_has_requested_in_vain(
    closed: uuid.UUID, anna: Admin, carla: Admin, change: dict[str, Any]
) -> None:
    request(closed, anna)
    Admin.objects.filter(pk=anna.pk).update(**change)
    refuses(RequesterMayNotErase, lambda: confirm(closed, carla), closed)


def test_a_site_that_is_in_service_is_not_erased(roma: RegisteredSite, anna: Admin) -> None:
    site_id = uuid.UUID(roma.site_id)
    refuses(SiteNotDeregistered, lambda: request(site_id, anna), site_id)


def test_the_database_keeps_an_erased_site_deregistered(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    confirm(closed, carla)
    with pytest.raises(IntegrityError, match="site_erased_stays_deregistered"), transaction.atomic():
        Site.objects.filter(pk=closed).update(deregistered_at=None)


def test_an_erased_site_is_neither_restored_nor_erased_again(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    confirm(closed, carla)
    for call in (
        lambda: restore_site(closed, by=by(anna), at=timezone.now()),
        lambda: request(closed, anna),
        lambda: confirm(closed, carla),
        lambda: withdraw_erasure(closed, by=by(anna), at=timezone.now()),
    ):
        with pytest.raises(SiteErased):
            call()


def test_a_restored_site_is_not_erased(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    restore_site(closed, by=by(anna), at=timezone.now())
    refuses(SiteNotDeregistered, lambda: confirm(closed, carla), closed)


def test_a_request_does_not_outlive_a_restoration(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    """Whoever deregisters the site again has not agreed to its erasure."""
    request(closed, anna)
    restore_site(closed, by=by(anna), at=timezone.now())
    deregister_site(closed, by=by(anna), at=timezone.now())
    refuses(ErasureRequestOutdated, lambda: confirm(closed, carla), closed)


def test_an_unknown_site_is_not_found(anna: Admin) -> None:
    with pytest.raises(SiteNotFound):
        request(uuid.uuid4(), anna)


# --- Ends ----------------------------------------------------------------------------------------------------------


def test_a_withdrawn_request_is_not_confirmed(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    withdraw_erasure(closed, by=by(carla), at=timezone.now())
    refuses(ErasureNotRequested, lambda: confirm(closed, carla), closed)
    newest = Event.objects.newest_first().first()
    assert newest
    assert (newest.action, newest.actor_name) == ("site.erasure_withdrawn", "carla")


def test_nothing_is_withdrawn_twice(closed: uuid.UUID, anna: Admin) -> None:
    request(closed, anna)
    withdraw_erasure(closed, by=by(anna), at=timezone.now())
    refuses(ErasureNotRequested, lambda: withdraw_erasure(closed, by=by(anna), at=timezone.now()), closed)


def test_a_request_that_was_made_anew_is_not_the_one_that_the_person_has_seen(
    closed: uuid.UUID, anna: Admin, carla: Admin
) -> None:
    seen = request(closed, anna).requested_at
    withdraw_erasure(closed, by=by(anna), at=timezone.now())
    made_anew = request(closed, anna, "ticket 13").requested_at
    refuses(ErasureNotRequested, lambda: confirm(closed, carla, requested_at=seen), closed)
    assert confirm(closed, carla, requested_at=made_anew).reason == "ticket 13"


def test_there_is_one_request_at_a_time(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    request(closed, anna)
    refuses(ErasureAlreadyRequested, lambda: request(closed, carla), closed)


def test_a_request_expires_after_a_week_and_can_be_made_again(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    made = request(closed, anna)
    after = made.requested_at + WEEK
    refuses(ErasureRequestExpired, lambda: confirm_erasure(closed, by=by(carla), at=after), closed)
    request_erasure(closed, reason="ticket 12", by=by(carla), at=after)
    confirm_erasure(closed, by=by(anna), at=after + WEEK - timedelta(seconds=1))
    assert is_erased(closed)


def test_the_time_is_a_setting(closed: uuid.UUID, anna: Admin, settings: Any) -> None:
    settings.ERASURE_CONFIRMED_WITHIN = timedelta(days=1)
    made = request(closed, anna)
    assert made.expires_at - made.requested_at == timedelta(days=1)


def test_prune_deletes_expired_requests_only(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    made = request(closed, anna)
    assert prune_erasure_requests(at=made.expires_at - timedelta(seconds=1)) == {"erasure_requests": 0}
    assert prune_erasure_requests(at=made.expires_at) == {"erasure_requests": 1}
    request(closed, anna)
    confirm(closed, carla)
    assert prune_erasure_requests(at=timezone.now() + WEEK) == {"erasure_requests": 0}


# --- The reason stays ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason", ["Giulia asked for it", "by GIULIA, in writing", "mail from somebody@else.example", "Trattoria Roma left"]
)
def test_a_reason_that_names_the_customer_is_refused(closed: uuid.UUID, anna: Admin, reason: str) -> None:
    refuses(ReasonNamesCustomer, lambda: request(closed, anna, reason), closed)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_reason_is_required(closed: uuid.UUID, anna: Admin, reason: str) -> None:
    with pytest.raises(DomainError):
        request(closed, anna, reason)
    assert not ErasureRequest.objects.exists()
