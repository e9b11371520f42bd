"""The panel's sessions, with their admin, the client's address and program, and their last use.

A session ends SESSION_COOKIE_AGE after the sign-in, and SESSION_IDLE after its last use. The use is written only
USES_RECORDED times in SESSION_IDLE, so an idle session ends up to a twelfth of that time earlier.
"""

import hashlib
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.client_info import UNKNOWN_CLIENT, ClientInfo, client_info

USES_RECORDED = 12
# A page that refreshes itself sends this header with GET: an open page without a reader must not keep a session alive.
LIVE_REFRESH = "Live-Refresh"


def session_digest(session_key: str) -> str:
    """The table's primary key. Somebody who reads the table, or a dump of it, cannot use the sessions.

    A session key has 165 random bits, so that a plain hash cannot be reversed by trying.
    """
    return hashlib.sha256(session_key.encode()).hexdigest()


def current_session_digest(request: HttpRequest) -> str:
    return session_digest(request.session.session_key or "")


class SessionStore(db.SessionStore):
    """Sessions in PanelSession. A malformed key is not looked up: a cookie may hold any text, even NUL."""

    client = UNKNOWN_CLIENT
    row: Any = None

    @classmethod
    def get_model_class(cls) -> Any:
        from accounts.models import PanelSession  # Django imports this module before the models are loaded

        return PanelSession

    def _validate_session_key(self, key: Any) -> bool:
        return isinstance(key, str) and key.isascii() and key.isalnum() and super()._validate_session_key(key)  # type: ignore[misc]

    def _get_session_from_db(self) -> Any:
        key = self.session_key or ""
        self.row = self.get_model_class().live(at=timezone.now()).filter(pk=session_digest(key)).first()
        if self.row is None:
            self._session_key = None
        return self.row

    def exists(self, session_key: str) -> bool:
        return super().exists(session_digest(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """A new row. If only the key changes, as with a new password, the session keeps its beginning and its end."""
        now, row = timezone.now(), self.row
        is_same_sign_in = row is not None and row.admin_id is not None and str(row.admin_id) == data.get(SESSION_KEY)
        return self.get_model_class()(
            session_key=session_digest(self._get_or_create_session_key()),  # type: ignore[attr-defined]
            session_data=self.encode(data),
            expire_date=row.expire_date if is_same_sign_in else self.get_expiry_date(),
            admin_id=data.get(SESSION_KEY),
            created_at=row.created_at if is_same_sign_in else now,
            last_used_at=now,
            address=self.client.address,
            user_agent=self.client.user_agent,
        )

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            self.model.objects.filter(pk=session_digest(key)).delete()

    def record_use(self, *, is_refresh: bool) -> None:
        """Record that the session was used now, at most USES_RECORDED times in SESSION_IDLE.

        A refresh is no use, unless it comes from another address or program: that may be somebody else.
        """
        now = timezone.now()
        if is_refresh and self.row and self.client == ClientInfo(self.row.address, self.row.user_agent):
            return
        recorded_every = settings.SESSION_IDLE / USES_RECORDED
        if self.row is None or self.row.admin_id is None or self.row.last_used_at > now - recorded_every:
            return
        self.get_model_class().objects.filter(pk=self.row.pk).update(
            last_used_at=now, address=self.client.address, user_agent=self.client.user_agent
        )


class PanelSessionMiddleware(SessionMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.session.client = client_info(request)  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        if response.status_code < 500:
            is_refresh = request.method == "GET" and LIVE_REFRESH in request.headers
            request.session.record_use(is_refresh=is_refresh)  # type: ignore[attr-defined]
        return response
