"""People who ask for access over the API."""

from typing import Any

from rest_framework.test import APIClient

from accounts.models import AccessRequest

NORA = "nora@vendor.example"
CHOSEN = "kept in my own head 12"
OFFICE, ELSEWHERE, ABROAD = "192.0.2.1", "198.51.100.4", "203.0.113.9"


def ask(email: str = NORA, password: str = CHOSEN, *, address: str = OFFICE, **more: Any) -> Any:
    body = {"name": "Nora Conti", "email": email, "password": password, **more}
    return APIClient().post("/api/auth/request-access", body, format="json", REMOTE_ADDR=address)


def asked(email: str = NORA, password: str = CHOSEN, **more: Any) -> AccessRequest:
    """The request that waits after asking."""
    before = set(AccessRequest.objects.values_list("pk", flat=True))
    answer = ask(email, password, **more)
    assert answer.status_code == 202, answer.content
    stored: AccessRequest = AccessRequest.objects.exclude(pk__in=before).get()
    return stored


def url_of(request: AccessRequest, what: str) -> str:
    return f"/api/admin/access-requests/{request.pk}/{what}"
