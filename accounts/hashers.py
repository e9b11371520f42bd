"""The hash of passwords, and how many a process computes at a time."""

import threading
from types import TracebackType

from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts.errors import Busy

HASHES_AT_ONCE = 2
# Of the 8 threads of a worker at least 2 are left for heartbeats, however many sign in at once.
WAITING_AT_MOST = 4
WAIT_SECONDS = 2.0


class HashingSlots:
    """A semaphore for few waiters. As a context manager it raises Busy if no slot becomes free in WAIT_SECONDS."""

    def __init__(self) -> None:
        self.free = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self.lock = threading.Lock()
        self.waiting = 0

    def __enter__(self) -> None:
        if not (self.free.acquire(blocking=False) or self.wait()):
            raise Busy

    def wait(self) -> bool:
        with self.lock:
            if self.waiting >= WAITING_AT_MOST:
                return False
            self.waiting += 1
        try:
            return self.free.acquire(timeout=WAIT_SECONDS)
        finally:
            with self.lock:
                self.waiting -= 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.free.release()


hashing_slots = HashingSlots()


class Argon2Hasher(Argon2PasswordHasher):
    """argon2id with 19 MiB, 2 passes, 1 lane: OWASP's first recommendation (Password Storage Cheat Sheet, 2024).

    Django's own default takes 100 MiB and 8 lanes, with which a few logins at once exhaust a small server. Raises Busy.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with hashing_slots:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with hashing_slots:
            return super().verify(password, encoded)
