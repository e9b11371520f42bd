"""The incident about attacks on the sign-in. One covers all that go on at a time: an attacker may have many addresses."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.events import ADMIN, UNKNOWN_ADMIN, AdminAction
from alerts.incidents.services import NewIncident, open_incidents, resolve_incidents, update_incidents
from alerts.incidents.words import moment
from alerts.kinds import Kind
from alerts.models import Incident
from audit.models import Event
from common.web.client_address import address_bucket

LISTED = 5


@transaction.atomic
def judge_sign_ins(unresolved: Collection[str], *, at: datetime) -> tuple[int, int]:
    """Each address and admin over a limit leaves one event in each LOGIN_FAILURE_WINDOW. Two windows without one end it.

    `unresolved` are the kinds of which some may be unresolved.
    """
    blocks = list(
        Event.objects.filter(
            subject_type=ADMIN, action=AdminAction.SIGN_IN_BLOCKED, at__gt=at - 2 * settings.LOGIN_FAILURE_WINDOW
        ).order_by("sequence")
    )
    if not blocks and Kind.SIGN_IN_ATTACK not in unresolved:
        return 0, 0
    incidents = Incident.objects.unresolved().filter(kind=Kind.SIGN_IN_ATTACK)
    incident = incidents.select_related("acknowledged_by").select_for_update(of=("self",)).first()
    if not blocks:
        return 0, len(resolve_incidents([incident.pk], at=at)) if incident else 0
    attack = described(blocks)
    if incident is None:
        return len(open_incidents([attack], at=at)), 0
    if incident.detail != attack.detail:
        # Told again when it has doubled: an attack from a thousand addresses is eleven messages.
        has_grown = (attack.stage or 1) >= 2 * (incident.stage or 1)
        incident.title, incident.detail = attack.title, attack.detail
        incident.stage = attack.stage if has_grown else incident.stage
        update_incidents([incident], at=at, fields=("title", "detail", "stage"), is_told=has_grown)
    return 0, 0


def described(blocks: list[Event]) -> NewIncident:
    """`stage` is the number of addresses, or of admins if there are more."""
    addresses = list(dict.fromkeys(address_bucket(block.ip) for block in reversed(blocks) if block.ip))
    admins = list(dict.fromkeys(block.subject_name for block in reversed(blocks)))
    source = f"{len(addresses)} addresses" if len(addresses) > 1 else (addresses or ["an unknown address"])[0]
    known = [name for name in admins if name != UNKNOWN_ADMIN.name]
    target = known[0] if len(known) == 1 else f"{len(known)} admins" if known else "an unknown name"
    return NewIncident(
        Kind.SIGN_IN_ATTACK,
        f"Attack on the sign-in of {target} from {source}",
        f"{blocks[-1].reason}, at {moment(blocks[-1].at)}."
        f" Addresses: {listed(addresses)}. Names: {listed(admins)}. Further attempts of theirs are refused for a while.",
        since=blocks[0].at,
        site_count=0,
        stage=max(len(addresses), len(known), 1),
    )


def listed(words: list[str]) -> str:
    more = f" and {len(words) - LISTED} more" if len(words) > LISTED else ""
    return (", ".join(words[:LISTED]) or "none") + more
