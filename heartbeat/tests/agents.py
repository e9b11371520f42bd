"""Agents in the field, as far as the server sees them: an installation, its runs, and the heartbeats that they send."""

import uuid
from typing import Any

from conftest import RegisteredSite
from licensing.models import SigningKey
from licensing.tests import verifier


def lease_claims(lease: str) -> dict[str, Any]:
    """The claims of a lease, read as an independent reader would: with the public keys and `cryptography` alone."""
    return verifier.read(lease, "portcullis-lease+jwt", dict(SigningKey.objects.values_list("kid", "x")))


class SimulatedAgent:
    """One run of an agent. `restarted` and `reinstalled` give the next run, `cloned` one that runs beside this one."""

    def __init__(self, site: RegisteredSite, instance_id: uuid.UUID | None = None) -> None:
        self.site = site
        self.instance_id = instance_id or uuid.uuid4()
        self.boot_id = uuid.uuid4()
        self.sequence = 0

    def restarted(self) -> "SimulatedAgent":
        return SimulatedAgent(self.site, self.instance_id)

    def reinstalled(self) -> "SimulatedAgent":
        return SimulatedAgent(self.site)

    cloned = restarted

    def next_body(self) -> dict[str, Any]:
        """The body of the next heartbeat, which may be sent later, twice or never."""
        self.sequence += 1
        return {
            "nonce": uuid.uuid4().hex,
            "instance_id": str(self.instance_id),
            "boot_id": str(self.boot_id),
            "sequence": self.sequence,
        }

    def send(self, body: dict[str, Any]) -> Any:
        answer = self.site.call_home(**body)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def beat(self) -> Any:
        return self.send(self.next_body())
