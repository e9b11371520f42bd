"""Signing in through the API, and tokens as a forger would make them."""

import base64
import hashlib
import hmac
import json
from typing import Any

from django.conf import settings
from rest_framework.test import APIClient

from conftest import PASSWORD

ADDRESS = "192.0.2.1"


def login(username: str = "anna", password: str = PASSWORD, *, address: str = ADDRESS, **more: Any) -> Any:
    body = {"username": username, "password": password, **more}
    return APIClient().post("/api/auth/login", body, format="json", REMOTE_ADDR=address)


def pair(username: str = "anna", password: str = PASSWORD) -> dict[str, Any]:
    answer = login(username, password)
    assert answer.status_code == 200, answer.content
    tokens: dict[str, Any] = answer.json()
    return tokens


def refresh(token: Any) -> Any:
    return APIClient().post("/api/auth/refresh", {"refresh": token}, format="json")


def logout(token: Any) -> Any:
    return APIClient().post("/api/auth/logout", {"refresh": token}, format="json")


def me(access: str) -> Any:
    return APIClient().get("/api/auth/me", headers={"Authorization": f"Bearer {access}"})


def is_unauthenticated(answer: Any) -> bool:
    """Whether it is a 401 as every 401 of ours is."""
    return (
        answer.status_code == 401
        and answer["Content-Type"] == "application/problem+json"
        and answer["WWW-Authenticate"].startswith("Bearer")
        and set(answer.json()) == {"type", "title", "status", "detail", "code"}
    )


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def signed(
    claims: dict[str, Any], *, key: str | None = None, algorithm: str = "HS256", digest: str = "sha256", **header: str
) -> str:
    """A token with these claims, signed with the server's own key unless another is given."""
    head = encoded(json.dumps({"alg": algorithm, "typ": "JWT", **header}).encode())
    message = f"{head}.{encoded(json.dumps(claims).encode())}"
    if algorithm.lower() == "none":
        return f"{message}."
    own = settings.SIMPLE_JWT["SIGNING_KEY"]
    mac = hmac.new((own if key is None else key).encode(), message.encode(), getattr(hashlib, digest))
    return f"{message}.{encoded(mac.digest())}"
