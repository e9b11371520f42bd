"""Asking for access. The caller learns nothing from it: not who is an admin, who waits, or who was rejected.

A stranger may ask with the address of another person. That neither keeps the owner from asking nor gives the stranger
anything: each password is a request of its own, which competes with others for a place (see `places`), and a sysadmin
decides (docs/decisions/0122).
"""

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.access_requests.hashes import hash_for
from accounts.access_requests.limits import write_in_place_of_request
from accounts.access_requests.places import Place, place_for, widest_network
from accounts.access_requests.querysets import AccessRequestQuerySet
from accounts.google.identity import GoogleIdentity
from accounts.models import AccessRequest, Admin, GoogleAccount
from accounts.usernames import username_of_email
from common.errors import InvalidInput
from common.values import without_format_characters

# An attempt fails only if another request for the same place or of the same person was stored at that moment.
ATTEMPTS = AccessRequest.PLACES + 1


class PlaceLost(Exception):
    """The request that was to give way was decided, or has given way to another one."""


log = logging.getLogger("portcullis.accounts")

MAX_NAME_LENGTH = 150


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
    """Store a request, unless the same one waits or it may not be. Raises Busy."""
    hashed = hash_for(asker.email, password)
    request = request_of(asker, at=at)
    request.password, request.password_digest = hashed.encoded, hashed.digest
    store(request, AccessRequest.objects.filter(password_digest=hashed.digest), at=at)


def ask_with_google(identity: GoogleIdentity, *, reason: str, address: str | None, at: datetime) -> None:
    """Store a request of a Google account, unless one waits or it may not be. Raises InvalidInput."""
    try:
        email = username_of_email(identity.email)
    except ValidationError as error:
        message = "The address of the Google account cannot become a user name: it is too long, or has other letters."
        raise InvalidInput(message, field="id_token") from error
    request = request_of(Asker(identity.name or email, email, reason, address), at=at)
    request.google_subject = identity.subject
    store(request, AccessRequest.objects.filter(google_subject=identity.subject), at=at)


def request_of(asker: Asker, *, at: datetime) -> AccessRequest:
    """A name of which nothing can be seen is replaced by the address."""
    name = without_format_characters(asker.name) or asker.email[:MAX_NAME_LENGTH]
    return AccessRequest(name=name, email=asker.email, reason=asker.reason, address=asker.address, created_at=at)


def store(request: AccessRequest, same: AccessRequestQuerySet, *, at: datetime) -> None:
    """`same` are the requests of the same identity."""
    for _ in range(ATTEMPTS):
        try:
            with transaction.atomic():
                store_unless_known(request, same, at=at)
        except (IntegrityError, PlaceLost):
            continue
        return
    log.warning("a request for access was not stored, because others took its place %s times", ATTEMPTS)


def store_unless_known(request: AccessRequest, same: AccessRequestQuerySet, *, at: datetime) -> None:
    """Every case reads the same and writes once, so that the time taken tells nothing."""
    is_known, is_barred = same.waiting().exists(), is_barred_from_asking(request, same, at=at)
    waiting = list(rivals_of(request).waiting().order_by("created_at", "pk"))
    place = Place(1) if request.google_subject else place_for(request.address, waiting)
    if is_known:
        # A sysadmin may have read the reason: it stays.
        same.waiting().filter(reason="").update(reason=request.reason)
    elif is_barred:
        write_in_place_of_request()
    elif place is None:
        AccessRequest.objects.filter(pk=waiting[0].pk).update(crowded_out=F("crowded_out") + 1)
    elif place.taken_from is None:
        request.place = place.number
        request.save(force_insert=True)
    else:
        replace(place.taken_from, request, place.number)


def rivals_of(request: AccessRequest) -> AccessRequestQuerySet:
    return AccessRequest.objects.filter(google_subject="", email=request.email)


def is_barred_from_asking(request: AccessRequest, same: AccessRequestQuerySet, *, at: datetime) -> bool:
    """For an admin, by the user name that the request would get or by the Google account; and for a day after a rejection.

    Who was rejected may choose another password: then their network says that it is them.
    """
    network = widest_network(request.address)
    rejected = rivals_of(request).rejected_lately(at=at).values_list("address", flat=True)
    was_rejected_here = [not request.google_subject and widest_network(address) == network for address in rejected]
    return any(
        [
            Admin.objects.filter(username__iexact=request.email).exists(),
            GoogleAccount.objects.filter(subject=request.google_subject).exists(),
            same.rejected_lately(at=at).exists(),
            *was_rejected_here,
        ]
    )


def replace(old: uuid.UUID, request: AccessRequest, place: int) -> None:
    """Write one request over another that waits. Its id is new: who approves the old one must not approve this one.

    Raises PlaceLost.
    """
    columns = {column.attname: getattr(request, column.attname) for column in AccessRequest._meta.concrete_fields}
    columns |= {"place": place, "crowded_out": F("crowded_out") + 1}
    if not AccessRequest.objects.waiting().filter(pk=old).update(**columns):
        raise PlaceLost
