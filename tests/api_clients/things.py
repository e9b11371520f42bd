"""What the examples of the API's description name by variables, made on a running server."""

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from tests.running_server import ADMIN, PASSWORD, Client, RunningServer, register

METRICS_TOKEN = "metrics-" + secrets.token_urlsafe(24)
PRODUCT, VERSION = "till", "2.4.0"
# There is no way of making one by a request, or it needs a mailbox or another server.
UNKNOWN = ("incident_id", "delivery_id", "access_request_id", "user_id", "id_token")
OF_A_SITE = {"site_id", "site_key", "device_id", "device_key", "enrolment_code", "file_id", "share_id"}
# The path and the body that create it, but for a name.
CREATED: dict[str, tuple[str, dict[str, Any]]] = {
    "organization_id": ("/api/organizations", {}),
    "alert_channel_id": ("/api/alert-channels", {"kind": "email", "address": "oncall@vendor.example"}),
    "token_id": ("/api/tokens", {"permissions": ["sites.view_site"]}),
}


@dataclass
class Things:
    """`values_for` makes what is asked for anew each time, so that one example may end or delete what another one reads."""

    server: RunningServer

    def __post_init__(self) -> None:
        self.api: Client = self.server.sign_in()

    def a_firmware(self) -> str:
        firmware = {"product": PRODUCT, "version": f"1.0.{secrets.randbelow(10**9)}", "channel": "stable"}
        answer = self.api.session.post(
            f"{self.server.url}/api/firmware",
            headers=self.api.headers,
            data=firmware,
            files={"file": secrets.token_bytes(16)},
            timeout=15,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def created(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.api.post(path, body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def values_for(self, variables: set[str]) -> dict[str, str]:
        """Raises KeyError for a variable that it does not know."""
        values = {"username": ADMIN, "password": PASSWORD, "metrics_token": METRICS_TOKEN, "product": PRODUCT}
        values |= {"access_token": self.api.headers["Authorization"].removeprefix("Bearer ")}
        values |= {name: str(uuid.uuid4()) for name in UNKNOWN}
        if variables & OF_A_SITE:
            values |= self.a_site_with_a_device()
        if variables & {"file_id", "share_id"}:
            values |= self.a_file_and_a_share(values["site_id"])
        if variables & {"firmware_id", "product"}:  # there is a newest version, too
            values["firmware_id"] = self.a_firmware()
        if "refresh" in variables:
            values["refresh"] = self.signed_in()["refresh"]
        for name in variables & CREATED.keys():
            path, body = CREATED[name]
            values[name] = self.created(path, {**body, "name": f"Example {uuid.uuid4()}"})["id"]
        if "rollout_id" in variables:
            body = {"firmware_id": self.a_firmware(), "name": "Tills"}
            values["rollout_id"] = self.created("/api/rollouts", body)["id"]
        return {"base_url": self.server.url} | {name: values[name] for name in variables}

    def signed_in(self) -> dict[str, Any]:
        answer = self.api.post("/api/auth/login", {"username": ADMIN, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        pair: dict[str, Any] = answer.json()
        return pair

    def a_file_and_a_share(self, site_id: str) -> dict[str, str]:
        answer = self.api.session.post(
            f"{self.server.url}/api/sites/{site_id}/upload",
            headers=self.api.headers,
            data={"kind": "contract"},
            files={"file": ("contract.txt", b"We agree.")},
            timeout=15,
        )
        assert answer.status_code == 201, answer.text
        return {"file_id": answer.json()["id"], "share_id": self.created(f"/api/sites/{site_id}/share", {})["id"]}

    def a_site_with_a_device(self) -> dict[str, str]:
        site = register(self.api, self.server)
        code = self.created(f"/api/locations/{site.site_id}/enrolment-codes", {"uses": 2})["code"]
        device = self.created("/api/devices/register", {"device_id": "display-1", "enrolment_code": code})
        return {
            "site_id": site.site_id,
            "site_key": site.key,
            "enrolment_code": code,
            "device_id": device["id"],
            "device_key": device["device_key"],
        }
