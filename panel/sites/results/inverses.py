"""For each operation that can be undone: who may, what brings a site back, and the words for that.

What the site was before is in the event of the operation, `{field: [before, after]}`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.instants import parse_instant
from panel.widgets.times import in_zone
from sites import services
from sites.models import Site

Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Inverse:
    """`run` takes the site's id, the changes, and `explanation`, `by`, `at` and `expected_revisions`.

    `words` are for the page that confirms and for the result, as in "Will be unlocked" and "Unlocked".
    """

    permission: str
    run: Callable[..., Site]
    words: Callable[[Changes], tuple[str, str]]
    takes_service: bool = False
    is_told: bool = True


def undo_lock(site_id: Any, changes: Changes, *, explanation: str, **how: Any) -> Site:
    """Also where it replaced another reason, which comes back."""
    former = changes["lock_reason"][0]
    if former is None:
        return services.unlock_site(site_id, note=explanation, **how)
    return services.lock_site(site_id, reason=former, note=explanation, **how)


def undo_unlock(site_id: Any, changes: Changes, *, explanation: str, **how: Any) -> Site:
    return services.lock_site(site_id, reason=changes["lock_reason"][0], note=explanation, **how)


def undo_new_end(site_id: Any, changes: Changes, *, explanation: str, **how: Any) -> Site:
    return services.set_license_expiry(site_id, license_expires_at=former_end(changes), reason=explanation, **how)


def undo_by(service: Callable[..., Site]) -> Callable[..., Site]:
    def undo(site_id: Any, changes: Changes, *, explanation: str, **how: Any) -> Site:
        return service(site_id, reason=explanation, **how)

    return undo


def former_end(changes: Changes) -> datetime:
    return parse_instant(changes["license_expires_at"][0])


def lock_words(changes: Changes) -> tuple[str, str]:
    former = changes["lock_reason"][0]
    if former is None:
        return "Will be unlocked", "Unlocked"
    return f"Will be locked for “{former}” again", f"Locked for “{former}” again"


def end_words(changes: Changes) -> tuple[str, str]:
    before, after = (in_zone(parse_instant(value)) for value in changes["license_expires_at"])
    return f"Licence: {after} → {before}", f"Licence: {after} → {before}"


def plain_words(done: str) -> Callable[[Changes], tuple[str, str]]:
    return lambda changes: (f"Will be {done.lower()}", done)


SET_EXPIRY, DEACTIVATE = "sites.set_license_expiry", "sites.deactivate_site"
INVERSES: Mapping[str, Inverse] = {
    "lock": Inverse("sites.unlock_site", undo_lock, lock_words),
    "unlock": Inverse("sites.lock_site", undo_unlock, lock_words, takes_service=True),
    "extend": Inverse(SET_EXPIRY, undo_new_end, end_words, takes_service=True),
    "set_expiry": Inverse(SET_EXPIRY, undo_new_end, end_words, takes_service=True),
    "deactivate": Inverse(DEACTIVATE, undo_by(services.activate_site), plain_words("Activated")),
    "activate": Inverse(DEACTIVATE, undo_by(services.deactivate_site), plain_words("Deactivated"), takes_service=True),
    "deregister": Inverse("sites.restore_site", undo_by(services.restore_site), plain_words("Restored")),
    "restore": Inverse(
        "sites.deregister_site",
        undo_by(services.deregister_site),
        plain_words("Deregistered"),
        takes_service=True,
        is_told=False,
    ),
}
