"""The part of an erasure for sessions: forms that `panel.kept_forms` keeps, and messages."""

from collections.abc import Callable, Iterable

from accounts.models import PanelSession
from accounts.sessions import SessionStore

Mentions = Callable[[object], bool]


def sessions_that_mention(mentions: Mentions) -> list[PanelSession]:
    return [session for session in PanelSession.objects.all() if mentions(session.get_decoded())]


def forget_in_sessions(sessions: Iterable[PanelSession], mentions: Mentions) -> None:
    """Remove the entries that mention it. The people stay signed in."""
    for session in sessions:
        kept = {name: value for name, value in session.get_decoded().items() if not mentions(value)}
        PanelSession.objects.filter(pk=session.pk).update(session_data=SessionStore().encode(kept))
