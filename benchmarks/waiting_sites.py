"""Sites that wait at the doorbell, without heartbeats: connections and nothing else. Run in a process of its own.

    python -m benchmarks.waiting_sites PORT FIRST LAST

Prints `waiting` once all wait, and a line for each ring, `SECONDS NUMBER`: the time by `time.time` and the number of the site.
It ends when its input ends.
"""

import asyncio
import random
import resource
import sys
import time

from benchmarks import seeding

CONNECT_AT_ONCE = 200
WAIT_SECONDS = (46, 55)


async def wait_for_ever(port: int, number: int, begun: asyncio.Semaphore, waiting: list[int]) -> None:
    """One wait after the other on one connection, as an agent does."""
    async with begun:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        waiting.append(number)
    since = 1
    address = f"198.18.{number // 250 % 250}.{number % 250}"
    while True:
        query = f"since={since}&wait={random.randint(*WAIT_SECONDS)}"
        head = f"GET /doorbell?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {address}\r\n"
        head += f"X-Site-ID: {seeding.site_id(number)}\r\nX-Site-Key: {seeding.site_key(number)}\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " in answer[:14]:
            since = int((await reader.readexactly(length_of(answer))).partition(b": ")[2].rstrip(b"}"))
            print(f"{time.time():.6f} {number}", flush=True)
        elif b" 503 " in answer[:14]:  # ten thousand begin at the same moment after they were all rung
            await reader.readexactly(length_of(answer))
            await asyncio.sleep(random.uniform(5, 15))
        elif b" 204 " not in answer[:14]:
            print(f"site {number}: {answer!r}", flush=True)
            return


def length_of(head: bytes) -> int:
    return int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


async def main(port: int, first: int, last: int) -> None:
    begun, waiting = asyncio.Semaphore(CONNECT_AT_ONCE), []
    sites = [asyncio.create_task(wait_for_ever(port, number, begun, waiting)) for number in range(first, last + 1)]
    while len(waiting) < len(sites):
        await asyncio.sleep(0.1)
    print("waiting", flush=True)
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    done, _ = await asyncio.wait([ended, *sites], return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(*map(int, sys.argv[1:4])))
