"""Asking for access. The caller learns nothing from it: not who is an admin, who waits, or who was rejected.

A stranger may ask with the address of another person. That neither keeps the owner from asking nor gives the stranger
anything: each password is a request of its own, one network gets only some of an address's places, and a sysadmin decides
(docs/decisions/0122).
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.access_requests.hashes import hash_for
from accounts.access_requests.limits import write_in_place_of_request
from accounts.access_requests.querysets import AccessRequestQuerySet
from accounts.google.identity import GoogleIdentity
from accounts.models import AccessRequest, Admin, GoogleAccount
from accounts.usernames import username_of_email
from common.errors import InvalidInput
from common.web.client_address import address_bucket, wider_buckets

# Of the places of an e-mail address: those that one network may have, counting the requests that were rejected lately.
PLACES_PER_NETWORK = 2
# An attempt fails only if another request for the same place or of the same person was stored at that moment.
ATTEMPTS = AccessRequest.PLACES + 1

log = logging.getLogger("portcullis.accounts")


@dataclass(frozen=True)
class Asker:
    """`email` is as `username_of_email` makes it; `address` is where the request comes from."""

    name: str
    email: str
    reason: str
    address: str | None


def check_new_password(password: str, *, email: str) -> None:
    """Raises Django's ValidationError for a weak password."""
    validate_password(password, Admin(username=email, email=email))


def ask_with_password(asker: Asker, password: str, *, at: datetime) -> None:
    """Store a request, or the new reason of the same one that waits, or nothing. Raises Busy."""
    hashed = hash_for(asker.email, password)
    request = request_of(asker, at=at)
    request.password, request.password_digest = hashed.encoded, hashed.digest
    store(request, AccessRequest.objects.filter(password_digest=hashed.digest), at=at)


def ask_with_google(identity: GoogleIdentity, *, reason: str, address: str | None, at: datetime) -> None:
    """Store a request of a Google account, or the new reason of the one that waits, or nothing. Raises InvalidInput."""
    try:
        email = username_of_email(identity.email)
    except ValidationError as error:
        message = "The address of the Google account cannot become a user name: it is too long, or has other letters."
        raise InvalidInput(message, field="id_token") from error
    request = request_of(Asker(identity.name or email, email, reason, address), at=at)
    request.google_subject = identity.subject
    store(request, AccessRequest.objects.filter(google_subject=identity.subject), at=at)


def request_of(asker: Asker, *, at: datetime) -> AccessRequest:
    return AccessRequest(name=asker.name, email=asker.email, reason=asker.reason, address=asker.address, created_at=at)


def store(request: AccessRequest, same: AccessRequestQuerySet, *, at: datetime) -> None:
    """`same` are the requests of the same identity."""
    for _ in range(ATTEMPTS):
        try:
            with transaction.atomic():
                store_unless_known(request, same, at=at)
        except IntegrityError:
            continue
        return
    log.warning("a request for access was not stored, because others took its place %s times", ATTEMPTS)


def store_unless_known(request: AccessRequest, same: AccessRequestQuerySet, *, at: datetime) -> None:
    """Every case reads the same and writes once, so that the time taken tells nothing."""
    waiting, place = same.waiting(), free_place(request, at=at)
    is_barred = any([is_admin_already(request), same.rejected_lately(at=at).exists()])
    if waiting.exists():
        waiting.update(reason=request.reason or F("reason"))
    elif is_barred or (place is None and not request.google_subject):
        write_in_place_of_request()
    else:
        request.place = place or 1
        request.save(force_insert=True)


def is_admin_already(request: AccessRequest) -> bool:
    """By the user name that the request would get, or by the Google account."""
    accounts = GoogleAccount.objects.filter(subject=request.google_subject)
    return any([Admin.objects.filter(username__iexact=request.email).exists(), accounts.exists()])


def free_place(request: AccessRequest, *, at: datetime) -> int | None:
    """Of those for which passwords compete under one e-mail address; None if all are taken, or too many by this network."""
    of_address = AccessRequest.objects.filter(google_subject="", email=request.email)
    counted = of_address.waiting() | of_address.rejected_lately(at=at)
    network = widest_network(request.address)
    addresses = counted.values_list("address", flat=True)
    if sum(widest_network(address) == network for address in addresses) >= PLACES_PER_NETWORK:
        return None
    taken = set(of_address.waiting().values_list("place", flat=True))
    return next((place for place in range(1, AccessRequest.PLACES + 1) if place not in taken), None)


def widest_network(address: str | None) -> str:
    """What one customer of a provider may own: an IPv4 address, or the /48 of an IPv6 address."""
    return [address_bucket(address), *wider_buckets(address)][-1]
