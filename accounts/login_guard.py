"""Guessing at passwords is limited per address and per pair of user name and address, for the admin and the API alike.

Only failures count. An attacker at one address uses up the guesses of that address, never those of the admin elsewhere.
The counters stand in the database, so the limit holds across processes and does not open when Redis is gone.

A code of six digits is guessed sooner than a password, and addresses are cheap: so codes that were wrong although the password
was right are also counted for each admin, whatever the address. Only who knows the password can use that limit up.
"""

import hashlib
import time
from contextlib import suppress

from django.conf import settings
from django.core.cache import caches

from accounts.errors import TooManyLoginAttempts
from common.counters import SqlCounterCache
from common.web.client_address import address_bucket


class LoginGuard:
    """The limits as they apply to one attempt."""

    def __init__(self, username: str, address: str | None, *, asks_for_code: bool = False) -> None:
        bucket = address_bucket(address)
        folded = username.casefold()
        self.pair = "login:pair:" + hashlib.sha256(f"{bucket}\n{folded}".encode()).hexdigest()
        self.limits = {
            f"login:address:{bucket}": settings.LOGIN_FAILURES_PER_ADDRESS,
            self.pair: settings.LOGIN_FAILURES_PER_PAIR,
        }
        self.codes = "login:codes:" + hashlib.sha256(folded.encode()).hexdigest()
        if asks_for_code:
            self.limits[self.codes] = settings.LOGIN_CODE_FAILURES

    @property
    def counters(self) -> SqlCounterCache:
        cache = caches["sign_in_counters"]
        assert isinstance(cache, SqlCounterCache)
        return cache

    def refuse_if_exhausted(self) -> None:
        """Raises TooManyLoginAttempts.

        Asked before the password is checked and again after: guesses that ran side by side
        must not learn more than guesses one after the other.
        """
        for counter, limit in self.limits.items():
            if self.counters.get(counter, 0) >= limit:
                lapses_at = self.counters.expires_at(counter) or time.time()
                raise TooManyLoginAttempts(retry_after_seconds=int(lapses_at - time.time()) + 1)

    def count_failure(self, *, password_was_right: bool = False) -> None:
        """Raises TooManyLoginAttempts for a failure past the limit: of guesses made at once no more are answered."""
        window = settings.LOGIN_FAILURE_WINDOW.total_seconds()
        counted = [counter for counter in self.limits if password_was_right or counter != self.codes]
        counts = {counter: self.count(counter, window) for counter in counted}
        if any(count > self.limits[counter] for counter, count in counts.items()):
            self.refuse_if_exhausted()

    def count(self, counter: str, window: float) -> int:
        while not self.counters.add(counter, 1, window):
            # A success at this very moment forgets the counter, or it lapses: then this failure begins a new one.
            with suppress(ValueError):
                return self.counters.incr(counter)
        return 1

    def forget_failures_of_pair(self) -> None:
        """After a success. The address keeps its count: one good login must not buy fifty more guesses at others."""
        self.counters.delete(self.pair)
