"""The doorbell, an ASGI application: a site asks whether it was changed, and waits up to 55 seconds for the answer.

It has no authority: it says only that there is something new, and the site then sends a heartbeat. It shares nothing with the
web processes but the database. If it is away, sites notice changes at their next heartbeat.
"""

import asyncio
import json
import logging
import random
import uuid
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.http import HttpResponse

from common.api.problems import domain_problem, problem_response
from common.errors import DomainError, InvalidInput
from common.keys import key_digests
from common.web.client_address import address_bucket, first_untrusted, is_trusted, parse_address, warn_about
from common.web.request_ids import ACCEPTABLE, current_request_id
from doorbell.changes import ChangeFeed
from doorbell.errors import RETRY_AFTER_SECONDS, ChangesUnknown, TooManyWaits
from doorbell.lookups import LONGEST_SECONDS as LONGEST_CHECK_SECONDS
from doorbell.lookups import Caller, Credentials, DatabaseThread
from doorbell.waits import Wait, Waits
from heartbeat.errors import InvalidSiteCredentials
from heartbeat.failures import count_failure
from heartbeat.services import parse_site_id

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = dict[bytes, bytes]

WAITS_OF_A_SITE = 2
LONGEST_SECONDS = 55
SPREAD_SECONDS = 5  # of the ends of waits without `wait`, and of all waits when the process stops
MAX_REVISION = 2**53 - 1

log = logging.getLogger("portcullis.doorbell")


class Doorbell:
    def __init__(self) -> None:
        self.waits = Waits()
        self.changes = ChangeFeed(self.waits)
        self.credentials = Credentials()
        self.failures = DatabaseThread("failures")
        self.is_stopping = False
        self.paths = {"/", "/doorbell", (urlsplit(settings.DOORBELL_URL or "").path.rstrip("/") or "/")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
        elif scope["type"] == "http":
            await self.handle(scope, receive, send)

    async def live(self, receive: Receive, send: Send) -> None:
        """Listen for changes from the start of the process to its end."""
        await receive()
        listening = asyncio.create_task(self.changes.run())
        listening.add_done_callback(end_process_after_defect)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        listening.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    def stop(self) -> None:
        """Answer all waits within the next seconds, spread, so that the sites do not come to the next process all at once."""
        self.is_stopping = True
        now = asyncio.get_running_loop().time()
        for wait in self.waits.all():
            wait.end_by(now + random.uniform(0, SPREAD_SECONDS))  # noqa: S311 - no secret depends on it

    # --- A request ---

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = joined(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        current_request_id.set(request_id)
        try:
            response = await self.response_to(scope, headers, receive)
        except DomainError as error:
            response = domain_problem(error)
        except Exception:  # the last resort, as in the API: 500 as a problem
            log.exception("An error in the doorbell")
            response = problem_response(500, "server_error", "The server failed; the operator can find out why.")
        if response is None:  # the client has left
            return
        response["X-Request-ID"] = request_id
        response["Cache-Control"] = "no-store"
        if response.content:
            response["Content-Length"] = str(len(response.content))
        if self.is_stopping:
            response["Connection"] = "close"
        sent_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.items()]
        await send({"type": "http.response.start", "status": response.status_code, "headers": sent_headers})
        await send({"type": "http.response.body", "body": response.content})

    async def response_to(self, scope: Scope, headers: Headers, receive: Receive) -> HttpResponse | None:
        path = scope["path"].rstrip("/") or "/"
        if path in {"/health", "/doorbell/health"}:
            return self.health()
        if path not in self.paths:
            return problem_response(404, "not_found", "There is nothing at this address.")
        if scope["method"] != "GET":
            return problem_response(405, "method_not_allowed", "Only GET is allowed here.", headers={"Allow": "GET"})
        site_id, key = headers.get(b"x-site-id"), headers.get(b"x-site-key")
        if site_id is None or key is None:
            raise InvalidSiteCredentials
        since, seconds = read_query(scope["query_string"])
        address = client_address(scope, headers)
        wait = Wait(parse_site_id(site_id.decode("latin-1")), since, address_bucket(address))
        if self.waits.of_address(wait.address) >= settings.DOORBELL_WAITS_PER_ADDRESS:
            raise TooManyWaits(retry_after_seconds=random.randint(*RETRY_AFTER_SECONDS))  # noqa: S311
        caller = Caller(wait.site_id, tuple(key_digests(key.decode("latin-1"))))
        return await self.wait_for(wait, caller, address, seconds, receive)

    async def wait_for(
        self, wait: Wait, caller: Caller, address: str | None, seconds: float, receive: Receive
    ) -> HttpResponse | None:
        self.waits.open(wait)
        try:
            revision = await self.checked_revision(caller, address)
            if self.waits.accepted_of_site(wait.site_id) >= WAITS_OF_A_SITE or self.waits.begins_too_often(
                wait.site_id
            ):
                raise TooManyWaits(retry_after_seconds=random.randint(*RETRY_AFTER_SECONDS))  # noqa: S311
            self.waits.accept(wait)
            wait.announce(revision)
            if not wait.is_over and not self.is_stopping and await client_leaves(wait, seconds, receive):
                return None
        finally:
            self.waits.close(wait)
        if wait.is_over:
            return HttpResponse(json.dumps({"revision": wait.revision}), content_type="application/json")
        if not self.changes.are_known:
            raise ChangesUnknown
        return without_body()

    async def checked_revision(self, caller: Caller, address: str | None) -> int:
        """The site's revision. Raises InvalidSiteCredentials, TooManyFailures, ChangesUnknown."""
        try:
            async with asyncio.timeout(LONGEST_CHECK_SECONDS):
                revision = await self.credentials.revision_of(caller)
                if revision is None:
                    await self.failures.run(lambda: count_failure(address))
        except TimeoutError as error:
            raise ChangesUnknown from error
        if revision is None:
            raise InvalidSiteCredentials
        return revision

    def health(self) -> HttpResponse:
        if not self.changes.are_known or self.is_stopping:
            return problem_response(503, "unavailable", "Changes of sites are not known at the moment.")
        return HttpResponse(json.dumps({"status": "ok"}), content_type="application/json")


def joined(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Repeated headers are joined by commas, as WSGI does it for the heartbeat."""
    found: Headers = {}
    for name, value in headers:
        found[name] = found[name] + b"," + value if name in found else value
    return found


def without_body() -> HttpResponse:
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    del response["Content-Type"]
    return response


async def client_leaves(wait: Wait, seconds: float, receive: Receive) -> bool:
    """Wait until the client leaves, and return True; or until the wait ends, and return False."""
    try:
        async with asyncio.timeout(seconds) as wait.timeout:
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


def read_query(query: bytes) -> tuple[int, float]:
    """`since`, and for how many seconds to wait. Raises InvalidInput."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query), max_num_fields=10)
    except ValueError as error:
        raise InvalidInput("The query cannot be read.") from error
    values = dict(pairs)
    if unknown := values.keys() - {"since", "wait"}:
        raise InvalidInput("Unknown parameter.", field=sorted(unknown)[0][:100])
    if len(values) < len(pairs):
        raise InvalidInput("Give each parameter once.", field=pairs[0][0])
    since = whole_number(values, "since", minimum=0, maximum=MAX_REVISION)
    if "wait" in values:
        return since, whole_number(values, "wait", minimum=1, maximum=LONGEST_SECONDS)
    return since, random.uniform(LONGEST_SECONDS - SPREAD_SECONDS, LONGEST_SECONDS)  # noqa: S311 - no secret depends on it


def whole_number(values: dict[str, str], name: str, *, minimum: int, maximum: int) -> int:
    value = values.get(name, "")
    if not (
        value.isascii() and value.isdigit() and len(value) <= len(str(maximum)) and minimum <= int(value) <= maximum
    ):
        raise InvalidInput(f"Give a whole number from {minimum} to {maximum}.", field=name)
    return int(value)


def client_address(scope: Scope, headers: Headers) -> str | None:
    """As ClientAddressMiddleware finds it: X-Forwarded-For is believed only from a trusted proxy."""
    client = scope.get("client")
    peer = parse_address(client[0] if client else "")
    if is_trusted(peer) or (peer is None and settings.TRUST_UNIX_SOCKET):
        peer = first_untrusted(peer, headers.get(b"x-forwarded-for", b"").decode("latin-1"))
    elif b"x-forwarded-for" in headers:
        warn_about(peer)
    return str(peer) if peer else None


def end_process_after_defect(listening: "asyncio.Task[None]") -> None:
    """Without its listener the doorbell would always answer that nothing is new."""
    if not listening.cancelled() and (error := listening.exception()):
        log.critical("The doorbell no longer learns of changes", exc_info=error)
        raise SystemExit(1)
