"""The rules of saved views that hold whoever calls the service."""

import uuid

import pytest
from django.utils import timezone

from accounts.models import Admin
from audit.actors import COMMAND, Actor
from audit.models import Event
from common.errors import InvalidInput, NotAllowed
from sites.errors import SavedViewNotFound
from sites.models import SavedView
from sites.saved_views import change_view, delete_view, save_view


def by(admin: Admin) -> Actor:
    return Actor(Event.Source.ADMIN, admin, None, None)


def test_only_who_may_share_saves_a_view_for_everybody(anna: Admin, ben: Admin) -> None:
    facts = {"name": "North", "query": "tag=north", "is_for_everybody": True, "at": timezone.now()}
    with pytest.raises(NotAllowed):
        save_view(**facts, by=by(ben))  # type: ignore[arg-type]
    assert not SavedView.objects.exists()
    assert save_view(**facts, by=by(anna)).owner is None  # type: ignore[arg-type]


def test_a_view_belongs_to_a_person(anna: Admin) -> None:
    with pytest.raises(NotAllowed):
        save_view(name="North", query="", is_for_everybody=False, by=COMMAND, at=timezone.now())
    view = SavedView.objects.create(owner=anna, name="North")
    with pytest.raises(NotAllowed):
        delete_view(view.pk, by=COMMAND, at=timezone.now())


def test_a_sysadmin_does_not_change_the_own_view_of_another(anna: Admin, ben: Admin) -> None:
    view = SavedView.objects.create(owner=ben, name="North")
    for pk in (view.pk, uuid.uuid4()):
        with pytest.raises(SavedViewNotFound):
            change_view(pk, name="South", by=by(anna), at=timezone.now())
        with pytest.raises(SavedViewNotFound):
            delete_view(pk, by=by(anna), at=timezone.now())
    assert SavedView.objects.get() == view


def test_a_query_that_is_too_long_is_refused(anna: Admin) -> None:
    with pytest.raises(InvalidInput):
        save_view(name="Long", query="q=" + "x" * 2000, is_for_everybody=False, by=by(anna), at=timezone.now())


def test_views_go_with_their_owner_and_those_for_everybody_stay(anna: Admin, ben: Admin) -> None:
    save_view(name="Mine", query="", is_for_everybody=False, by=by(ben), at=timezone.now())
    save_view(name="All", query="", is_for_everybody=True, by=by(anna), at=timezone.now())
    ben.delete()
    assert [view.name for view in SavedView.objects.all()] == ["All"]
