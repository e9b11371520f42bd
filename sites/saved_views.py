"""Changes of saved views, one function each. `by.admin` is the person; a view for everybody leaves events."""

import uuid
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Admin
from audit.actors import Actor
from audit.services import Changes, Subject, record_event
from common.errors import InvalidInput, NotAllowed
from common.values import clean_text, without_invisible_ends
from sites.errors import SavedViewNameTaken, SavedViewNotFound, TooManySavedViews
from sites.events import SAVED_VIEW, SavedViewAction
from sites.limits import MAX_VIEW_NAME_LENGTH, MAX_VIEW_QUERY_LENGTH, MAX_VIEWS
from sites.models import SavedView

# The parameters of the list whose values the history has: filters with fixed options, the order and the columns.
# Whatever else the query has, somebody typed.
RECORDED = frozenset(
    {
        "clone_suspected",
        "columns",
        "is_active__exact",
        "is_locked__exact",
        "licensed",
        "newer_decision",
        "o",
        "receipt",
        "registration",
        "status",
        "told_of_lock",
        "view",
    }
)


@transaction.atomic
def save_view(*, name: str, query: str, is_for_everybody: bool, by: Actor, at: datetime) -> SavedView:
    """Raises InvalidInput, NotAllowed, SavedViewNameTaken, TooManySavedViews."""
    admin = person(by)
    if is_for_everybody and not admin.has_perm("sites.share_savedview"):
        raise NotAllowed
    view = SavedView(owner=None if is_for_everybody else admin, name=checked_name(name), query=checked_query(query))
    others = SavedView.objects.filter(owner=view.owner)
    if others.count() >= MAX_VIEWS:
        raise TooManySavedViews
    store(view, force_insert=True)
    record_if_shared(SavedViewAction.CREATED, view, {"filters": (None, recorded(view.query))}, by=by, at=at)
    return view


@transaction.atomic
def change_view(
    view_id: uuid.UUID, *, by: Actor, at: datetime, name: str | None = None, query: str | None = None
) -> SavedView:
    """Rename a view, or give it another query. Raises InvalidInput, SavedViewNotFound, SavedViewNameTaken.

    An empty query, of all sites, is refused: the page has it too if it was not opened from a list.
    """
    view = view_for_update(view_id, admin=person(by))
    before = (view.name, view.query)
    view.name = view.name if name is None else checked_name(name)
    if query == "":
        raise InvalidInput("Open the list first, as the view should have it.", field="query")
    view.query = view.query if query is None else checked_query(query)
    changes: dict[str, tuple[str, str]] = {}
    if view.name != before[0]:
        changes["name"] = (before[0], view.name)
    if view.query != before[1]:
        changes["filters"] = (recorded(before[1]), recorded(view.query, before=before[1]))
    if not changes:
        return view
    store(view, update_fields=["name", "query"])
    record_if_shared(SavedViewAction.CHANGED, view, changes, by=by, at=at)
    return view


@transaction.atomic
def delete_view(view_id: uuid.UUID, *, by: Actor, at: datetime) -> None:
    """Raises SavedViewNotFound."""
    view = view_for_update(view_id, admin=person(by))
    record_if_shared(SavedViewAction.DELETED, view, {"filters": (recorded(view.query), None)}, by=by, at=at)
    view.delete()


def person(by: Actor) -> Admin:
    """The admin, whose row is locked: of two requests of one person at once the second sees what the first did."""
    admin = Admin.objects.select_for_update(no_key=True).filter(pk=by.admin.pk).first() if by.admin else None
    if admin is None:
        raise NotAllowed
    return admin


def view_for_update(view_id: uuid.UUID, *, admin: Admin) -> SavedView:
    """A view that the admin may change."""
    views = SavedView.objects.changeable_by(admin)
    view: SavedView | None = views.select_for_update().filter(pk=view_id).first()
    if view is None:
        raise SavedViewNotFound
    return view


def store(view: SavedView, **how: Any) -> None:
    """The database says whether the name is taken: of two people who take it at once, both would find it free."""
    try:
        with transaction.atomic():
            view.save(**how)
    except IntegrityError as error:
        raise SavedViewNameTaken from error


def checked_name(name: str) -> str:
    try:
        return clean_text(without_invisible_ends(name), max_length=MAX_VIEW_NAME_LENGTH)
    except ValidationError as error:
        raise InvalidInput(error.messages[0], field="name") from error


def checked_query(query: str) -> str:
    try:
        return clean_text(query, max_length=MAX_VIEW_QUERY_LENGTH, blank=True)
    except ValidationError as error:
        raise InvalidInput("The list has too many filters to be saved.", field="query") from error


def recorded(query: str, *, before: str = "") -> str:
    """The query for the history, without what a person typed: it may name a customer, and only the view itself is erased."""
    old = dict(parse_qsl(before))
    words = []
    for name, value in parse_qsl(query):
        if name in RECORDED:
            words.append(f"{name}={value}")
        else:
            words.append(name if old.get(name, value) == value else f"{name} (changed)")
    return ", ".join(words)


def record_if_shared(action: SavedViewAction, view: SavedView, changes: Changes, *, by: Actor, at: datetime) -> None:
    if view.owner is None:
        record_event(action, subject=Subject(SAVED_VIEW, view.pk, view.name), by=by, at=at, changes=changes)
