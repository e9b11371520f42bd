"""The part of an erasure for sessions: forms that `panel.kept_forms` keeps, and messages."""

import json
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

from django.db import transaction

from accounts.models import PanelSession
from accounts.sessions import SessionStore

Mentions = Callable[[object], bool]
# As panel.kept_forms and Django's django.contrib.messages name them. No other entry holds what somebody typed.
KEPT_FORM, MESSAGES = "kept_form", "_messages"


def sessions_that_mention(mentions: Mentions) -> list[PanelSession]:
    return [session for session in PanelSession.objects.all() if entries_that_mention(session.get_decoded(), mentions)]


def entries_that_mention(entries: MutableMapping[str, Any], mentions: Mentions) -> list[str]:
    values = {KEPT_FORM: entries.get(KEPT_FORM), MESSAGES: json.loads(entries.get(MESSAGES) or "null")}
    return [name for name, value in values.items() if mentions(value)]


@transaction.atomic
def forget_in_sessions(sessions: Iterable[PanelSession], mentions: Mentions) -> None:
    """Remove the entries that mention it. The people stay signed in."""
    found = PanelSession.objects.filter(pk__in=[session.pk for session in sessions])
    for session in found.select_for_update().order_by("pk"):
        entries = session.get_decoded()
        for name in entries_that_mention(entries, mentions):
            del entries[name]
        PanelSession.objects.filter(pk=session.pk).update(session_data=SessionStore().encode(entries))


def forget_typed_entries(session: MutableMapping[str, Any]) -> None:
    """Of the request that erases: its session was read before, and may be saved after the erasure."""
    for name in (KEPT_FORM, MESSAGES):
        session.pop(name, None)
