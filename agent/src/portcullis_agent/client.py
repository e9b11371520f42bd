"""Requests to the control plane, bounded in time and size. Answers are not believed here, only read."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from portcullis_agent.encoding import decode_object
from portcullis_agent.errors import AgentError

MAX_ANSWER_BYTES = 64 * 1024
MAX_RING_BYTES = 4 * 1024
MAX_KEY_SET_BYTES = 512 * 1024  # an endorsement has some 500 bytes, and each rotation leaves one
STEP_SECONDS = 10.0  # to connect, and for each read
TOTAL_SECONDS = 30.0
LONGEST_RETRY_AFTER_SECONDS = 24 * 60 * 60
LARGEST_REVISION = 2**53 - 1

_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{1,128}"\Z')


class RequestFailed(AgentError):
    """No usable answer. `retry_after` is what the server asked for, in seconds; `status` is None without any answer."""

    def __init__(self, reason: str, retry_after: int | None = None, status: int | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.status = status


class NotModified(RequestFailed):
    """304: the key set is the one that was read before."""


class DoorbellConnection(Protocol):
    """A connection to the doorbell, for one wait after the other."""

    def wait(self, url: str, *, since: int, seconds: int) -> int | None:
        """The revision above `since` that it rang for, or None if the time passed; RequestFailed."""

    def close(self) -> None:
        """End the wait that another thread is in, and refuse all further ones."""


class Server(Protocol):
    """The control plane as the agent sees it; the requests raise RequestFailed."""

    def heartbeat(self, site_id: str, site_key: str, body: dict[str, object]) -> dict[str, Any]: ...

    def key_set(self) -> dict[str, Any]: ...

    def changed_key_set(self) -> dict[str, Any] | None:
        """The key set, or None if it is the same as the last one that this object returned."""

    def open_doorbell(self, site_id: str, site_key: str) -> DoorbellConnection: ...


@dataclass(frozen=True)
class HttpServer:
    """Redirects are not followed: a captive portal answers with one. Certificates are always checked."""

    url: str
    step_seconds: float = STEP_SECONDS
    total_seconds: float = TOTAL_SECONDS
    _etag: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def heartbeat(self, site_id: str, site_key: str, body: dict[str, object]) -> dict[str, Any]:
        headers = {"X-Site-ID": site_id, "X-Site-Key": site_key, "Content-Type": "application/json"}
        return self._within_total_time("POST", "/api/heartbeat", headers, json.dumps(body).encode())

    def open_doorbell(self, site_id: str, site_key: str) -> HttpDoorbell:
        return HttpDoorbell({"X-Site-ID": site_id, "X-Site-Key": site_key}, self.step_seconds)

    def key_set(self) -> dict[str, Any]:
        return self._key_set({})

    def changed_key_set(self) -> dict[str, Any] | None:
        try:
            return self._key_set({"If-None-Match": self._etag[0]} if self._etag else {})
        except NotModified:
            return None

    def _key_set(self, headers: dict[str, str]) -> dict[str, Any]:
        def read(response: httpx.Response) -> dict[str, Any]:
            if response.status_code == 304 and headers:
                raise NotModified("The key set has not changed.")
            key_set = read_answer(response, MAX_KEY_SET_BYTES)
            etag = response.headers.get("ETag", "")
            self._etag[:] = [etag] if _ETAG.match(etag) else []
            return key_set

        return self._within_total_time("GET", "/.well-known/jwks.json", headers, None, read)

    def _within_total_time(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes | None,
        read: Callable[[httpx.Response], dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        try:
            client = httpx.Client(
                timeout=self.step_seconds, follow_redirects=False, headers={"Accept-Encoding": "identity"}
            )
        except (OSError, ValueError) as error:  # the certificates or a proxy's address that the environment names
            raise RequestFailed(f"The request cannot be sent: {error}.") from error
        try:
            return answer_within(
                self.total_seconds,
                lambda: send(client, method, self.url + path, headers, body, read or read_answer),
            )
        finally:
            client.close()


def answer_within(seconds: float, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer of a request that another thread sends; RequestFailed. Then the caller closes the client, which ends it.

    A server that sends a byte now and then never reaches a time-out of httpx.
    """
    request = _Request(call)
    try:
        request.start()
    except RuntimeError as error:  # the limit of threads is reached
        raise RequestFailed(f"The request cannot be sent: {error}.") from error
    request.join(seconds)
    if request.failure is not None:
        raise request.failure
    if request.answer is None:
        raise RequestFailed(f"No complete answer within {seconds:g} seconds.")
    return request.answer


class HttpDoorbell:
    """One kept connection, because each wait would need a new TLS handshake otherwise. A failure ends it.

    The answer must come within `step_seconds` after the time that was asked for. Redirects are not followed.
    """

    def __init__(self, headers: dict[str, str], step_seconds: float = STEP_SECONDS) -> None:
        self._headers = {**headers, "Accept-Encoding": "identity"}
        self._step_seconds = step_seconds
        self._client: httpx.Client | None = None
        self._socket: socket.socket | None = None
        self._is_waiting = self._is_closed = False

    def wait(self, url: str, *, since: int, seconds: int) -> int | None:
        # A server that sends a byte now and then never reaches a time-out of httpx.
        watch = threading.Timer(seconds + 2 * self._step_seconds, self._shut_down)
        watch.daemon = True
        answered, self._is_waiting = False, True
        try:
            watch.start()
            revision = self._ask(url, since, seconds)
            answered = True
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError, RuntimeError) as error:
            raise describe_error(error) from error
        finally:
            watch.cancel()
            self._is_waiting = False
            if not answered or self._is_closed:
                self._drop_client()
        return revision

    def _ask(self, url: str, since: int, seconds: int) -> int | None:
        if self._is_closed:
            raise RequestFailed("The connection to the doorbell is closed.")
        if self._client is None:
            limits = httpx.Limits(max_connections=1, keepalive_expiry=60)
            self._client = httpx.Client(headers=self._headers, follow_redirects=False, limits=limits)
        timeout = httpx.Timeout(self._step_seconds, read=seconds + self._step_seconds)
        address = httpx.URL(url).copy_merge_params({"since": since, "wait": seconds})
        extensions = {"trace": self._note_socket}
        with self._client.stream("GET", address, timeout=timeout, extensions=extensions) as response:
            if response.status_code == 204:
                response.read()  # else the connection is not kept
                return None
            revision = read_answer(response, MAX_RING_BYTES).get("revision")
        if not isinstance(revision, int) or isinstance(revision, bool) or not since < revision <= LARGEST_REVISION:
            raise RequestFailed("The answer is not the doorbell's: it has no newer revision.", status=200)
        return revision

    def _note_socket(self, event: str, info: dict[str, Any]) -> None:
        """httpx calls this at each step of a request; a read that waits can only be ended at the socket."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._is_closed:
                self._shut_down()

    def _shut_down(self) -> None:
        connected = self._socket
        if connected is not None:
            with suppress(OSError):  # it is not connected any more
                connected.shutdown(socket.SHUT_RDWR)

    def _drop_client(self) -> None:
        """The next one reads the certificates and the environment's proxy again."""
        client, self._client, self._socket = self._client, None, None
        if client is not None:
            client.close()

    def close(self) -> None:
        self._is_closed = True
        self._shut_down()
        if not self._is_waiting:  # else that thread does it
            self._drop_client()


class _Request(threading.Thread):
    def __init__(self, call: Callable[[], dict[str, Any]]) -> None:
        super().__init__(daemon=True, name="portcullis-agent-request")
        self.call = call
        self.answer: dict[str, Any] | None = None
        self.failure: RequestFailed | None = None

    def run(self) -> None:
        try:
            self.answer = self.call()
        except RequestFailed as failure:
            self.failure = failure
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError, RuntimeError) as error:
            self.failure = describe_error(error)
            self.failure.__cause__ = error


def describe_error(error: Exception) -> RequestFailed:
    if isinstance(error, httpx.TimeoutException):
        return RequestFailed("The server did not answer in time.")
    if isinstance(error, httpx.RemoteProtocolError):
        return RequestFailed(f"The answer was cut off or is no HTTP: {error}.")
    return RequestFailed(f"No connection to the server: {str(error) or type(error).__name__}.")


def send(
    client: httpx.Client,
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes | None,
    read: Callable[[httpx.Response], dict[str, Any]],
) -> dict[str, Any]:
    with client.stream(method, url, headers=headers, content=body) as response:
        return read(response)


def read_answer(response: httpx.Response, max_bytes: int = MAX_ANSWER_BYTES) -> dict[str, Any]:
    """The JSON object of an answer 200; RequestFailed for everything else."""
    if response.status_code != 200:
        retry_after = read_retry_after(response.headers.get("Retry-After"))
        raise RequestFailed(_describe(response), retry_after, response.status_code)
    return read_object(response, max_bytes)


def read_object(response: httpx.Response, max_bytes: int) -> dict[str, Any]:
    """The JSON object in an answer of any status; RequestFailed if there is none, or a larger one."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise RequestFailed("The answer is compressed, although it must not be.", status=response.status_code)
    data = b""
    for chunk in response.iter_raw(8 * 1024):
        data += chunk
        if len(data) > max_bytes:
            raise RequestFailed(f"The answer is larger than {max_bytes // 1024} KiB.", status=response.status_code)
    try:
        return decode_object(data)
    except (ValueError, RecursionError) as error:
        reason = "The answer is not the control plane's: it is not a JSON object."
        raise RequestFailed(reason, status=response.status_code) from error


def _describe(response: httpx.Response) -> str:
    if response.status_code == 401:
        return "The server does not accept this site's id and key (401)."
    if response.is_redirect:
        return f"The address answers with a redirect ({response.status_code}), as networks with a sign-in page do."
    return f"The server answered {response.status_code}."


def read_retry_after(value: str | None) -> int | None:
    """Seconds, at most a day. The form with a date is ignored: it needs a right clock."""
    if value is None or not (value.isascii() and value.isdigit()):
        return None
    return min(int(value[:10]), LONGEST_RETRY_AFTER_SECONDS)
