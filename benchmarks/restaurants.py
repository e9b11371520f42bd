"""Restaurants with the real agent, many in one process: `Agent.step` in a few threads, the waits in one event loop.

    python -m benchmarks.restaurants URL FIRST LAST FOLDER

FOLDER gets a state folder for each. Prints `ready` once each holds a lease and waits at the doorbell, and ends with its input.
"""

import asyncio
import json
import resource
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from benchmarks import seeding

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "agent" / "src"))

from portcullis_agent.agent import Agent
from portcullis_agent.client import RequestFailed
from portcullis_agent.doorbell import Wait

THREADS = 4
ANSWER_SECONDS = 30.0
CONNECT_AT_ONCE = asyncio.Semaphore(100)


class SharedServer:
    """The control plane for all agents of this process, with a connection for each thread."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.local = threading.local()
        self.set: dict[str, Any] = {}

    def client(self) -> httpx.Client:
        if not hasattr(self.local, "client"):
            self.local.client = httpx.Client(base_url=self.url, timeout=ANSWER_SECONDS)
        client: httpx.Client = self.local.client
        return client

    def heartbeat(self, site_id: str, site_key: str, body: dict[str, object]) -> dict[str, Any]:
        headers = {"X-Site-ID": site_id, "X-Site-Key": site_key, "Content-Type": "application/json"}
        try:
            answer = self.client().post("/api/heartbeat", headers=headers, content=json.dumps(body))
        except httpx.HTTPError as error:
            raise RequestFailed(str(error)) from error
        if answer.status_code != 200:
            raise RequestFailed(answer.text[:200], status=answer.status_code)
        return dict(answer.json())

    def key_set(self) -> dict[str, Any]:
        self.set = self.set or dict(self.client().get("/.well-known/jwks.json").json())
        return self.set

    def changed_key_set(self) -> dict[str, Any] | None:
        return None if self.set else self.key_set()


class Restaurant:
    def __init__(self, number: int, server: SharedServer, folder: Path, threads: ThreadPoolExecutor) -> None:
        self.number, self.threads = number, threads
        self.wake, self.look = asyncio.Event(), asyncio.Event()
        self.site_id, self.key = str(seeding.site_id(number)), seeding.site_key(number)
        self.agent = Agent(
            url=server.url, site_id=self.site_id, site_key=self.key, state_dir=folder / str(number), server=server
        )
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.is_waiting = asyncio.Event()

    async def beat_for_ever(self) -> None:
        while True:
            self.wake.clear()
            pause = await asyncio.get_running_loop().run_in_executor(self.threads, self.agent.step)
            self.look.set()
            await until(self.wake, pause)

    async def wait_for_ever(self) -> None:
        while True:
            self.look.clear()
            planned = self.agent.next_wait()
            if isinstance(planned, Wait):
                await self.wait_once(planned)
                self.wake.set()
            else:
                await until(self.look, planned)

    async def wait_once(self, wait: Wait) -> None:
        try:
            self.agent.wait_ended(await asyncio.wait_for(self.ask(wait), wait.seconds + ANSWER_SECONDS))
        except (OSError, asyncio.IncompleteReadError, TimeoutError, RequestFailed) as error:
            self.streams = None
            failure = error if isinstance(error, RequestFailed) else RequestFailed(repr(error))
            print(f"site {self.number}: {failure}", file=sys.stderr)
            self.agent.wait_failed(failure)

    async def ask(self, wait: Wait) -> int | None:
        parts = urlsplit(wait.url)
        if self.streams is None:
            async with CONNECT_AT_ONCE:
                self.streams = await asyncio.open_connection(parts.hostname, parts.port)
        reader, writer = self.streams
        writer.write(
            f"GET {parts.path}?since={wait.since}&wait={wait.seconds} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"X-Forwarded-For: 198.18.{self.number // 250 % 250}.{self.number % 250}\r\n"
            f"X-Site-ID: {self.site_id}\r\nX-Site-Key: {self.key}\r\n\r\n".encode()
        )
        self.is_waiting.set()
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        if status == 204:
            return None
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        if status != 200:
            raise RequestFailed(body.decode()[:200], status=status)
        return int(json.loads(body)["revision"])


async def until(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


async def main(url: str, first: int, last: int, folder: Path) -> None:
    server, threads = SharedServer(url), ThreadPoolExecutor(THREADS)
    restaurants = [Restaurant(number, server, folder, threads) for number in range(first, last + 1)]
    tasks = [asyncio.create_task(work) for each in restaurants for work in (each.beat_for_ever(), each.wait_for_ever())]
    ready = asyncio.gather(*(each.is_waiting.wait() for each in restaurants))
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    done, _ = await asyncio.wait([ready, *tasks], return_when=asyncio.FIRST_COMPLETED)
    if ready in done:
        print("ready", flush=True)
        done, _ = await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
