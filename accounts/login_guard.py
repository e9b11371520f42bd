"""Limits on failed sign-ins, by address and by pair of user name and address, for the panel and the API together.

Only failures count. An attacker uses up the attempts of their own address, not those of the admin at another address.
An IPv6 address counts as its /64; its /56 and its /48 have the same limits four and sixteen times as high, because one
customer may own as much. The counters are in the database, so that the limit holds across processes and without Redis.

A code of six digits is easier to guess than a password, and an attacker may have many addresses. Therefore wrong codes
after a correct password are also counted for each admin, from all addresses together.

The failure that reaches a limit is recorded as an event.
"""

import hashlib
import time

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.counters import sign_in_counters
from accounts.errors import TooManyLoginAttempts
from accounts.events import UNKNOWN_ADMIN, AdminAction, admin_subject
from accounts.metrics import BLOCKED_SIGN_INS
from accounts.models import Admin
from audit.actors import acting_system
from audit.services import record_event
from common.counters import SqlCounterCache
from common.metrics import count
from common.web.client_address import address_bucket, wider_buckets


class LoginGuard:
    """The limits that apply to one attempt. Without a user name, as for a forged token, only those of its address do."""

    def __init__(self, username: str | None, address: str | None, *, asks_for_code: bool = False) -> None:
        bucket = address_bucket(address)
        folded = (username or "").casefold()
        self.username, self.address = username, address
        self.pair = pair_counter(bucket, folded)
        self.codes = "login:codes:" + hashlib.sha256(folded.encode()).hexdigest()
        self.reasons = {self.codes: "Too many wrong codes after the right password"}
        # The widest network first and the pair last, as the last one that is reached gives the reason.
        self.limits = {}
        buckets = {**dict(reversed(wider_buckets(address).items())), bucket: 1}
        for network, times in buckets.items():
            self.limits[f"login:address:{network}"] = times * settings.LOGIN_FAILURES_PER_ADDRESS
            self.reasons[f"login:address:{network}"] = f"Too many failed attempts from this {place(times)}"
        for network, times in buckets.items() if username is not None else ():
            pair = pair_counter(network, folded)
            self.limits[pair] = times * settings.LOGIN_FAILURES_PER_PAIR
            self.reasons[pair] = f"Too many failed attempts with this user name from this {place(times)}"
        if asks_for_code:
            self.limits[self.codes] = settings.LOGIN_CODE_FAILURES

    @property
    def counters(self) -> SqlCounterCache:
        return sign_in_counters()

    def refuse_if_exhausted(self) -> None:
        """Raises TooManyLoginAttempts.

        Call it before the password is checked and again after, so that concurrent attempts learn no more than attempts one
        after the other.
        """
        counts = self.counters.get_many(self.limits)
        for counter, limit in self.limits.items():
            if counts.get(counter, 0) >= limit:
                count(BLOCKED_SIGN_INS)
                lapses_at = self.counters.expires_at(counter) or time.time()
                raise TooManyLoginAttempts(retry_after_seconds=int(lapses_at - time.time()) + 1)

    def count_failure(self, *, password_was_right: bool = False) -> None:
        """Raises TooManyLoginAttempts for a failure past the limit, also among concurrent attempts."""
        window = settings.LOGIN_FAILURE_WINDOW.total_seconds()
        counted = [counter for counter in self.limits if password_was_right or counter != self.codes]
        counts = {counter: self.counters.count(counter, window) for counter in counted}
        # A counter reaches its limit once in a window, so a flood of attempts does not cause a flood of events.
        reached = [counter for counter, count in counts.items() if count == self.limits[counter]]
        if reached:
            self.record_block(self.reasons[reached[-1]])
        if any(count > self.limits[counter] for counter, count in counts.items()):
            self.refuse_if_exhausted()

    @transaction.atomic
    def record_block(self, reason: str) -> None:
        """Record an event. For an unknown name it runs the same statements, and so takes as long.

        Such a name is not recorded: it may be a password that was typed into the wrong field.
        """
        try:
            subject = admin_subject(Admin.objects.get_by_natural_key(self.username))
        except Admin.DoesNotExist:
            subject = UNKNOWN_ADMIN
        by, now = acting_system(self.address), timezone.now()
        record_event(AdminAction.SIGN_IN_BLOCKED, subject=subject, by=by, at=now, reason=reason)

    def count_success(self) -> None:
        """Accept a correct answer within the limits, and delete the count of failures. Raises TooManyLoginAttempts."""
        self.refuse_if_exhausted()
        self.forget_failures_of_pair()

    def forget_failures_of_pair(self) -> None:
        """Delete the pair's count. The address keeps its own, so a sign-in does not allow more guesses at other admins.

        Wider networks keep theirs: there, somebody else may be guessing.
        """
        self.counters.delete(self.pair)


def pair_counter(network: str, folded_username: str) -> str:
    return "login:pair:" + hashlib.sha256(f"{network}\n{folded_username}".encode()).hexdigest()


def place(times: int) -> str:
    return "address" if times == 1 else "network"
