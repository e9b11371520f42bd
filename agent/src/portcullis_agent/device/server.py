"""Requests of a device to the control plane, over one kept connection. Answers are not believed here, only read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

import httpx

from portcullis_agent.client import (
    MAX_ANSWER_BYTES,
    MAX_KEY_SET_BYTES,
    STEP_SECONDS,
    TOTAL_SECONDS,
    RequestFailed,
    answer_within,
    read_answer,
    read_object,
    read_retry_after,
    send,
)
from portcullis_agent.device.settings import DeviceSettings

KEPT_SECONDS = 70.0  # longer than two heartbeats are apart, shorter than proxies keep a connection
LONGEST_DETAIL = 200
INVALID_CODE = "invalid_enrolment_code"
DEVICE_EXISTS = "device_exists"


class ServerRefused(RequestFailed):
    """The server answered, and refused: `code` is that of its problem, "" if it named none."""

    def __init__(self, reason: str, retry_after: int | None, status: int, code: str) -> None:
        super().__init__(reason, retry_after, status)
        self.code = code


class DeviceServer(Protocol):
    """The control plane as a device sees it; the requests raise RequestFailed, or ServerRefused with a code."""

    settings: DeviceSettings

    def register(self, body: dict[str, object], *, as_device: bool) -> dict[str, Any]: ...

    def heartbeat(self, body: dict[str, object]) -> dict[str, Any]: ...

    def send_items(self, kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        """`kind` is `health` or `telemetry`."""

    def firmware(self, firmware_id: str) -> dict[str, Any]: ...

    def key_set(self) -> dict[str, Any]: ...


class HttpDeviceServer:
    """Redirects are not followed: a captive portal answers with one. Certificates are always checked.

    For one thread. `settings` may be replaced; the next request has its key.
    """

    def __init__(
        self, settings: DeviceSettings, step_seconds: float = STEP_SECONDS, total_seconds: float = TOTAL_SECONDS
    ) -> None:
        self.settings = settings
        self.step_seconds = step_seconds
        self.total_seconds = total_seconds
        self._client: httpx.Client | None = None

    def register(self, body: dict[str, object], *, as_device: bool) -> dict[str, Any]:
        return self._ask("POST", "/api/devices/register", body, with_key=as_device, repeat=False)

    def heartbeat(self, body: dict[str, object]) -> dict[str, Any]:
        return self._ask("POST", "/api/devices/heartbeat", body)

    def send_items(self, kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        member = {"health": "samples", "telemetry": "periods"}[kind]
        return self._ask("POST", f"/api/{kind}", {member: items})

    def firmware(self, firmware_id: str) -> dict[str, Any]:
        return self._ask("GET", f"/api/firmware/{firmware_id}")

    def key_set(self) -> dict[str, Any]:
        def read(response: httpx.Response) -> dict[str, Any]:
            return read_answer(response, MAX_KEY_SET_BYTES)

        return self._ask("GET", "/.well-known/jwks.json", with_key=False, read=read)

    def device_headers(self) -> dict[str, str]:
        return {"X-Device-ID": self.settings.id, "X-Device-Key": self.settings.device_key}

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, object] | None = None,
        *,
        with_key: bool = True,
        repeat: bool = True,
        read: Callable[[httpx.Response], dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """`repeat`: send it again, once, if the server closed the kept connection in the same instant."""
        is_kept = self._client is not None
        headers = self.device_headers() if with_key else {}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        client = self.client()
        try:
            return answer_within(
                self.total_seconds,
                lambda: send(client, method, self.settings.url + path, headers, content, read or read_device_answer),
            )
        except RequestFailed as failure:
            if failure.status is None:
                self.close()
            is_closed = isinstance(failure.__cause__, (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError))
            if not (is_kept and is_closed and repeat):
                raise
        return self._ask(method, path, body, with_key=with_key, repeat=False, read=read)

    def client(self) -> httpx.Client:
        """The kept client, or a new one; `close` ends it. RequestFailed if the certificates or the proxy are not usable."""
        limits = httpx.Limits(max_connections=1, keepalive_expiry=KEPT_SECONDS)
        headers = {"Accept-Encoding": "identity"}
        if self._client is not None:
            return self._client
        try:
            self._client = httpx.Client(
                timeout=self.step_seconds, follow_redirects=False, headers=headers, limits=limits
            )
            return self._client
        except (OSError, ValueError) as error:
            raise RequestFailed(f"The request cannot be sent: {error}.") from error


def read_device_answer(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer 200 or 201; ServerRefused for a problem, RequestFailed for everything else."""
    if response.status_code in {200, 201}:
        return read_object(response, MAX_ANSWER_BYTES)
    if response.status_code < 400:
        return read_answer(response)  # a redirect: RequestFailed
    retry_after = read_retry_after(response.headers.get("Retry-After"))
    try:
        problem = read_object(response, MAX_ANSWER_BYTES)
    except RequestFailed:
        problem = {}  # a proxy's page
    code, detail = _one_line(problem.get("code")), _one_line(problem.get("detail"))
    reason = f"The server answered {response.status_code}"
    if response.status_code == 401 and code != INVALID_CODE:
        reason = "The server does not accept this device's id and key (401)"
    elif code:
        reason += f" ({code}): {detail}" if detail else f" ({code})"
    raise ServerRefused(f"{reason.rstrip('.')}.", retry_after, response.status_code, code)


def _one_line(text: object) -> str:
    """At most 200 printable characters; "" if it is no text."""
    if not isinstance(text, str):
        return ""
    return "".join(character if character.isprintable() else " " for character in text)[:LONGEST_DETAIL]
