from typing import Any

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """Sessions in the database, looked up only by keys that could be ours: a quoted cookie may hold anything, NUL included."""

    def _validate_session_key(self, key: Any) -> bool:
        return isinstance(key, str) and key.isascii() and key.isalnum() and super()._validate_session_key(key)  # type: ignore[misc]
