"""Google as far as we use it: a real HTTP server with its own keys, whose faults a test can choose."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

CLIENT_ID, CLIENT_SECRET = "portcullis-panel.apps.googleusercontent.com", "the secret of the client"
OTHER_CLIENT_ID = "portcullis-phone.apps.googleusercontent.com"


@cache
def private_key(key_id: str) -> rsa.RSAPrivateKey:
    """Made once in a process, because it takes longer than a test."""
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Person:
    """Somebody with a Google account."""

    subject: str = "108176814619778619437"
    email: str = "anna@vendor.example"
    name: str = "Anna Example"

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Of an ID token for us that was issued now. None takes a claim away."""
        now = int(timezone.now().timestamp())
        claims = {
            "iss": "https://accounts.google.com",
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "sub": self.subject,
            "email": self.email,
            "email_verified": True,
            "name": self.name,
            "iat": now,
            "exp": now + 3_600,
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}


@dataclass
class Code:
    """What the page for signing in has promised, for the token endpoint to check."""

    person: Person
    query: Mapping[str, str]


@dataclass
class FakeGoogle:
    """`person` is who is signed in to Google in the browser; None refuses the consent."""

    url: str = ""
    person: Person | None = field(default_factory=Person)
    key_ids: list[str] = field(default_factory=lambda: ["first"])
    cache_control: str | None = "public, max-age=3600, must-revalidate"
    is_away: bool = False
    claims: dict[str, Any] = field(default_factory=dict)
    certificate_requests: int = 0
    codes: dict[str, Code] = field(default_factory=dict)
    token_requests: list[dict[str, str]] = field(default_factory=list)
    # Answers the certificates with this body instead, and after so many seconds.
    certificate_body: bytes | None = None
    certificate_seconds: float = 0.0

    def id_token(self, person: Person | None = None, *, kid: str = "", **changed: Any) -> str:
        person = person or self.person or Person()
        key_id = kid or self.key_ids[0]
        return jwt.encode(person.claims(**changed), private_key(key_id), "RS256", headers={"kid": key_id})

    def rotate(self, *key_ids: str) -> None:
        self.key_ids = list(key_ids)

    def certificates(self) -> bytes:
        entries = [
            {
                **jwt.algorithms.RSAAlgorithm.to_jwk(private_key(key_id).public_key(), as_dict=True),
                "kid": key_id,
                "use": "sig",
                "alg": "RS256",
            }
            for key_id in self.key_ids
        ]
        return json.dumps({"keys": entries}).encode()

    def authorize(self, query: Mapping[str, str]) -> str:
        """Where the page for signing in sends the browser back to."""
        state = {"state": query["state"]}
        if self.person is None:
            return f"{query['redirect_uri']}?{urlencode({'error': 'access_denied', **state})}"
        code = secrets.token_urlsafe(16)
        self.codes[code] = Code(self.person, dict(query))
        return f"{query['redirect_uri']}?{urlencode({'code': code, **state})}"

    def exchange(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Of the token endpoint: each code once, for the client and the address that asked, with its verifier (RFC 7636)."""
        self.token_requests.append(dict(form))
        code = self.codes.pop(form.get("code", ""), None)
        if code is None or form.get("grant_type") != "authorization_code":
            return 400, {"error": "invalid_grant"}
        if (form.get("client_id"), form.get("client_secret")) != (code.query["client_id"], CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != code.query["code_challenge"] or code.query["code_challenge_method"] != "S256":
            return 400, {"error": "invalid_grant"}
        if form.get("redirect_uri") != code.query["redirect_uri"]:
            return 400, {"error": "redirect_uri_mismatch"}
        claims = {"aud": code.query["client_id"], "nonce": code.query["nonce"], **self.claims}
        return 200, {"id_token": self.id_token(code.person, **claims), "access_token": "ya29.x", "expires_in": 3_599}


def handler_of(google: FakeGoogle) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if google.is_away:
                return self.answer(503, b"away")
            if parts.path == "/certs":
                google.certificate_requests += 1
                time.sleep(google.certificate_seconds)
                return self.answer(
                    200,
                    google.certificates() if google.certificate_body is None else google.certificate_body,
                    **({} if google.cache_control is None else {"Cache-Control": google.cache_control}),
                )
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            return self.answer(302, b"", Location=google.authorize(query))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if google.is_away:
                return self.answer(503, b"away")
            status, content = google.exchange({name: values[0] for name, values in parse_qs(body).items()})
            return self.answer(status, json.dumps(content).encode())

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # the caller had no patience
                self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Nothing: it would stand between the results of the tests."""

    return Handler


@contextmanager
def fake_google() -> Iterator[FakeGoogle]:
    google = FakeGoogle()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(google))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    google.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield google
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def google_settings(google: FakeGoogle) -> dict[str, Any]:
    """The settings that make it our Google."""
    return {
        "GOOGLE_CLIENT_IDS": [CLIENT_ID, OTHER_CLIENT_ID],
        "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
        "GOOGLE_CERTS_URL": f"{google.url}/certs",
        "GOOGLE_AUTH_URL": f"{google.url}/authorize",
        "GOOGLE_TOKEN_URL": f"{google.url}/token",
    }
