"""Two sysadmins who give a view for everybody one name at the same moment: the second is told that it is taken."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Admin
from accounts.roles import Role
from audit.actors import Actor
from audit.models import Event
from conftest import PASSWORD
from sites.errors import SavedViewNameTaken
from sites.models import SavedView
from sites.saved_views import change_view, save_view

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def carla(db: None) -> Admin:
    return Admin.objects.create_user("carla", "carla@vendor.example", PASSWORD, role=Role.SYSADMIN)


def how(admin: Admin) -> Any:
    return {"by": Actor(Event.Source.ADMIN, admin, None, None), "at": timezone.now()}


def save(admin: Admin, name: str) -> SavedView:
    return save_view(name=name, query="tag=north", is_for_everybody=True, **how(admin))


def error_of(first: Callable[[], Any], second: Callable[[], Any]) -> list[Exception]:
    """What the second call ends with, which begins before the first one is committed."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            second()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        first()
        thread = threading.Thread(target=run)
        thread.start()
        wait_until_somebody_waits()
    thread.join(30)
    return errors


def wait_until_somebody_waits() -> None:
    end = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
            if cursor.fetchone() != (0,):
                return
            time.sleep(0.01)
    raise AssertionError("The second call does not wait for the first.")


def test_of_two_who_save_one_name_the_second_is_told_that_it_is_taken(anna: Admin, carla: Admin) -> None:
    [error] = error_of(lambda: save(anna, "North"), lambda: save(carla, "North"))
    assert isinstance(error, SavedViewNameTaken)
    assert SavedView.objects.count() == Event.objects.filter(subject_type="saved_view").count() == 1


def test_of_two_who_rename_to_one_name_the_second_is_told_that_it_is_taken(anna: Admin, carla: Admin) -> None:
    one, other = save(anna, "One"), save(carla, "Other")
    [error] = error_of(
        lambda: change_view(one.pk, name="North", **how(anna)),
        lambda: change_view(other.pk, name="North", **how(carla)),
    )
    assert isinstance(error, SavedViewNameTaken)
    assert set(SavedView.objects.values_list("name", flat=True)) == {"North", "Other"}
