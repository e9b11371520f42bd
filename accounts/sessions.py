"""The panel's sessions. Beside each stands whose it is, where it comes from and when it was last used."""

import hashlib
from datetime import timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.client_info import NOBODY, visitor_of

NOTED_EVERY = timedelta(minutes=5)


def digest_of(session_key: str) -> str:
    """What the table holds in place of the key: whoever reads the table, or a dump of it, cannot pose as anybody.

    A key is 165 random bits, so that a plain hash cannot be turned round by trying.
    """
    return hashlib.sha256(session_key.encode()).hexdigest()


def digest_of_session(request: HttpRequest) -> str:
    return digest_of(request.session.session_key or "")


class SessionStore(db.SessionStore):
    """Sessions in our own table, looked up only by keys that could be ours: a quoted cookie may hold anything, NUL included."""

    visitor = NOBODY
    row: Any = None

    @classmethod
    def get_model_class(cls) -> Any:
        from accounts.models import PanelSession  # models are not loaded when settings name this module

        return PanelSession

    def _validate_session_key(self, key: Any) -> bool:
        return isinstance(key, str) and key.isascii() and key.isalnum() and super()._validate_session_key(key)  # type: ignore[misc]

    def _get_session_from_db(self) -> Any:
        key = self.session_key or ""
        self.row = self.model.objects.filter(pk=digest_of(key), expire_date__gt=timezone.now()).first()
        if self.row is None:
            self._session_key = None
        return self.row

    def exists(self, session_key: str) -> bool:
        return super().exists(digest_of(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        now = timezone.now()
        return self.get_model_class()(
            session_key=digest_of(self._get_or_create_session_key()),  # type: ignore[attr-defined]
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            admin_id=data.get(SESSION_KEY),
            created_at=now,
            last_used_at=now,
            address=self.visitor.address,
            user_agent=self.visitor.user_agent,
        )

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            self.model.objects.filter(pk=digest_of(key)).delete()

    def note_use(self) -> None:
        """Say that it was used, if the last time that this was said is long enough ago."""
        now = timezone.now()
        if self.row is None or self.row.admin_id is None or self.row.last_used_at > now - NOTED_EVERY:
            return
        self.get_model_class().objects.filter(pk=self.row.pk).update(
            last_used_at=now, address=self.visitor.address, user_agent=self.visitor.user_agent
        )


class PanelSessionMiddleware(SessionMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.session.visitor = visitor_of(request)  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        if response.status_code < 500:
            request.session.note_use()  # type: ignore[attr-defined]
        return response
