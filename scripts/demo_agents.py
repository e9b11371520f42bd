"""The agents of the demo's restaurants: the package in `agent/src`, with a state folder for each site below var/demo."""

import sys
from typing import Any, Protocol

import run

sys.path.insert(0, str(run.ROOT / "agent" / "src"))

from portcullis_agent import Agent, Clock
from portcullis_agent.client import DoorbellConnection, RequestFailed

FOLDER = run.ROOT / "var" / "demo"
STARTED_SECONDS_AGO = 600
SECONDS_BETWEEN_CALLS_AS_TOLD = 6 * 3600


class Answer(Protocol):
    status: int
    body: Any


class Sender(Protocol):
    """Sends one request, and again if the server is busy."""

    url: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer: ...


class SteppedClock(Clock):
    """Moves on by six hours with each call, so that a restaurant's calls report uptimes as if it had called at its pace."""

    def __init__(self) -> None:
        self.passed = 0

    def monotonic(self) -> float:
        return super().monotonic() + self.passed


class DemoServer:
    """The control plane, through the demo's own client. `status` is that of its last answer."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.status = 0

    def heartbeat(self, site_id: str, site_key: str, body: dict[str, object]) -> dict[str, Any]:
        answer = self.sender.send("POST", "/api/heartbeat", body, X_Site_ID=site_id, X_Site_Key=site_key)
        self.status = answer.status
        if answer.status != 200:
            raise RequestFailed(f"The server answered {answer.status}.")
        return answer.body

    def key_set(self) -> dict[str, Any]:
        return self.sender.send("GET", "/.well-known/jwks.json").body or {}

    def changed_key_set(self) -> dict[str, Any] | None:
        return self.key_set()

    def open_doorbell(self, site_id: str, site_key: str) -> DoorbellConnection:
        raise RequestFailed("The demo's agents send heartbeats only.")


class DemoAgent:
    """A run of a restaurant's agent, from its start to its end."""

    def __init__(self, sender: Sender, name: str, *, site_id: str, site_key: str, version: str) -> None:
        self.clock, self.server = SteppedClock(), DemoServer(sender)
        self.agent = Agent(
            url=sender.url,
            site_id=site_id,
            site_key=site_key,
            state_dir=FOLDER / name,
            version=version,
            allow_http=True,
            clock=self.clock,
            server=self.server,
        )
        self.clock.passed = STARTED_SECONDS_AGO

    def call(self) -> tuple[int, str | None]:
        """One heartbeat: the status of the answer, and why no lease was stored."""
        result = self.agent.beat()
        self.clock.passed += SECONDS_BETWEEN_CALLS_AS_TOLD
        return self.server.status, result.reason

    def close(self) -> None:
        self.agent.close()
