"""Authenticating with a personal access token, and recording its last use."""

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import Q

from accounts.errors import InvalidPersonalToken
from accounts.models import Admin, PersonalToken
from accounts.personal_tokens.keys import is_token, token_digest
from accounts.required_steps import required_step

# A use is written if the last one that was written is at least so old, from whatever address.
USES_RECORDED_EVERY = timedelta(minutes=1)
log = logging.getLogger("portcullis.accounts")


def admin_of_personal_token(secret: str, *, at: datetime) -> Admin:
    """The owner, restricted to what both the token and the owner may do at this moment.

    Raises InvalidPersonalToken, one error for all that can be wrong with a token and for a disabled owner, and the error of
    a step that the owner must take first, as at the sign-in.
    """
    if not is_token(secret):
        raise InvalidPersonalToken
    tokens = PersonalToken.objects.live(at=at).select_related("admin")
    token = tokens.filter(digest=token_digest(secret), admin__is_active=True).first()
    if token is None:
        raise InvalidPersonalToken
    admin = token.admin
    if step := required_step(admin, at=at):
        raise step
    admin.token = token
    return admin


def record_use(token: PersonalToken, *, address: str | None, at: datetime) -> None:
    """Write that the token is used, at most once in USES_RECORDED_EVERY for each token.

    It does not wait for a locked row, and a database that can only be read at the moment fails no request that only reads.
    """
    before = at - USES_RECORDED_EVERY
    if token.last_used_at is not None and token.last_used_at > before:
        return
    due = PersonalToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=before), pk=token.pk)
    try:
        with transaction.atomic():
            unlocked = due.select_for_update(skip_locked=True).values("pk")
            due.filter(pk__in=unlocked).update(last_used_at=at, last_used_from=address)
    except DatabaseError as error:
        log.warning("the use of the token %s was not recorded: %s", token.pk, error)
