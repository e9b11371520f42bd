"""Admins with second factors, browsers half signed in, and a security key made of software."""

import hashlib
import json
import os
import random
from dataclasses import dataclass, field
from typing import Any

import pyotp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.utils import timezone
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_encode

from accounts.models import Admin, RecoveryCode, TotpDevice
from accounts.two_factor import services
from accounts.two_factor.codes import new_secret
from accounts.two_factor.encryption import digests
from audit.actors import COMMAND
from conftest import PASSWORD

LOGIN, SECOND = "/admin/login/", "/admin/login/second-factor/"
APP_PAGE, KEY_PAGE = "/admin/account/authenticator-app/add/", "/admin/account/security-keys/add/"


@dataclass
class App:
    """An authenticator app in somebody's hand."""

    admin: Admin
    secret: str
    recovery_codes: list[str]

    def code(self, *, steps_off: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(timezone.now(), counter_offset=steps_off)

    def fresh_code(self) -> str:
        """As after a while without use: what the device remembers lies long ago."""
        TotpDevice.objects.filter(admin=self.admin).update(last_step=0)
        return self.code()

    def wrong_code(self) -> str:
        right = {self.code(steps_off=off) for off in range(-2, 3)}
        return next(f"{number:06}" for number in range(10) if f"{number:06}" not in right)


def app_of(admin: Admin) -> App:
    secret = new_secret()
    added = services.add_totp(
        admin.pk, secret, code=pyotp.TOTP(secret).at(timezone.now()), by=COMMAND, at=timezone.now()
    )
    assert added is not None
    admin.refresh_from_db()
    return App(admin, secret, added.recovery_codes or [])


def browser(address: str = "192.0.2.1", host: str = "localhost") -> Client:
    return Client(REMOTE_ADDR=address, HTTP_HOST=host, raise_request_exception=False)


def after_password(
    username: str = "anna", password: str = PASSWORD, *, leads_to: str = "", address: str = "192.0.2.1"
) -> Client:
    """A browser that was told the password and is asked for more."""
    client = browser(address)
    answer = client.post(f"{LOGIN}?next={leads_to}", {"username": username, "password": password})
    assert (answer.status_code, answer["Location"]) == (302, SECOND), answer.content
    return client


def signed_in(username: str = "anna") -> Client:
    client = browser()
    client.force_login(Admin.objects.get(username=username))
    return client


def is_in(client: Client) -> bool:
    return bool(client.get("/admin/account/").status_code == 200)


@dataclass
class SoftKey:
    """A security key that does what the standard says; each part can be made to lie."""

    origin: str = "http://localhost"
    count: int = 0
    private: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))

    def client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def authenticator_data(self, host: str, flags: int, more: bytes = b"") -> bytes:
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big") + more

    def create(self, options: dict[str, Any], **changed: Any) -> str:
        asked = options["publicKey"]
        public = cbor.encode(dict(ES256.from_cryptography_key(self.private.public_key())))
        credential = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + public
        data = self.authenticator_data(changed.get("host", asked["rp"]["id"]), 0x41, credential)
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self.client_data("webauthn.create", changed.get("challenge", asked["challenge"]))
        return self.answer({"attestationObject": attestation, "clientDataJSON": client_data})

    def get(self, options: dict[str, Any], **changed: Any) -> str:
        asked = options["publicKey"]
        self.count += changed.get("counts_by", 1)
        data = self.authenticator_data(changed.get("host", asked["rpId"]), changed.get("flags", 0x01))
        kind = changed.get("kind", "webauthn.get")
        client_data = self.client_data(kind, changed.get("challenge", asked["challenge"]))
        signed = data + hashlib.sha256(client_data).digest()
        signature = changed.get("private", self.private).sign(signed, ec.ECDSA(hashes.SHA256()))
        return self.answer({"authenticatorData": data, "clientDataJSON": client_data, "signature": signature})

    def answer(self, response: dict[str, bytes]) -> str:
        own_id = websafe_encode(self.credential_id)
        parts = {name: websafe_encode(value) for name, value in response.items()}
        return json.dumps({"id": own_id, "rawId": own_id, "type": "public-key", "response": parts})


def register_key(client: Client, key: SoftKey, name: str = "blue", password: str = PASSWORD, **changed: Any) -> Any:
    options = client.get(KEY_PAGE).context["options"]
    answer = key.create(options, **changed)
    given = {"name": name, "password": password, "answer": answer}
    return client.post(KEY_PAGE, given | present_factor(client))


def present_factor(client: Client) -> dict[str, str]:
    """What the pages about one's own factors ask for besides the password: a recovery code made for this purpose."""
    person = Admin.objects.get(pk=client.session["_auth_user_id"])
    if not person.has_second_factor():
        return {}
    code = "".join(random.choices("0123456789abcdef", k=12))
    digest = digests(code, owner=person.pk)[0]
    RecoveryCode.objects.create(admin=person, digest=digest, created_at=timezone.now())
    return {"present_code": code}


def sign_in_with(client: Client, key: SoftKey, **changed: Any) -> Any:
    options = client.get(SECOND).context["options"]
    return client.post(SECOND, {"code": "", "answer": key.get(options, **changed)})
