"""What an admin page can do to one site or to many. Each is a permission, a form and a service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from panel.sites.operations import expected_results as fates
from panel.sites.operations.expected_results import Fate, is_live
from panel.sites.operations.forms import (
    ActivateForm,
    DeactivateForm,
    DeregisterForm,
    ExtendForm,
    LockForm,
    OperationForm,
    RestoreForm,
    SetExpiryForm,
    UnlockForm,
)
from sites import services
from sites.errors import SiteNotDeregistered, SiteNotFound
from sites.models import Site


@dataclass(frozen=True)
class Operation:
    """`applies_to` says for which sites a button is offered; the service decides again."""

    name: str
    label: str
    permission: str
    warning: str
    form: type[OperationForm]
    service: Callable[..., Site]
    applies_to: Callable[[Site], bool]
    # What the page says of a site before anything is done, and what the result says of it afterwards.
    fate: Callable[[Site, datetime], Fate]
    outcome: Callable[[Site], str]
    # What the page showed and the person decided on: changed by somebody else meanwhile, the site is left alone.
    decided_on: tuple[str, ...]
    is_destructive: bool = False
    # A lock is never refused: it always comes about, and the result says what it replaced.
    is_never_stale: bool = False
    # How the service says that somebody else did this very thing first.
    done_before: tuple[type[Exception], ...] = ()

    def fate_of(self, site: Site, at: datetime) -> Fate:
        if not is_live(site) and self.name not in ("deregister", "restore"):
            return Fate(fates.REFUSED, "Deregistered: restore it first")
        return self.fate(site, at)


ALL = (
    Operation(
        name="lock",
        label="Lock",
        permission="sites.lock_site",
        warning="A locked site is refused service from its next heartbeat on, until somebody unlocks it.",
        form=LockForm,
        service=services.lock_site,
        applies_to=is_live,
        fate=fates.of_lock,
        outcome=fates.after_lock,
        decided_on=("lock_reason", "locked_at"),
        is_destructive=True,
        is_never_stale=True,
    ),
    Operation(
        name="unlock",
        label="Unlock",
        permission="sites.unlock_site",
        warning="The site gets service again from its next heartbeat on.",
        form=UnlockForm,
        service=services.unlock_site,
        applies_to=lambda site: is_live(site) and site.is_locked,
        fate=fates.of_unlock,
        outcome=lambda site: "Unlocked",
        # The moment too: locked anew for the same reason is a lock that nobody on this page knows of.
        decided_on=("lock_reason", "locked_at"),
    ),
    Operation(
        name="extend",
        label="Extend licence",
        permission="sites.extend_license",
        warning="The licence will end later.",
        form=ExtendForm,
        service=services.extend_license,
        applies_to=is_live,
        fate=fates.of_extend,
        outcome=fates.after_expiry,
        decided_on=("license_expires_at",),
    ),
    Operation(
        name="set_expiry",
        label="Set expiry date",
        permission="sites.set_license_expiry",
        warning="The licence will end at that moment, earlier or later than now. Without a licence a site gets no service.",
        form=SetExpiryForm,
        service=services.set_license_expiry,
        applies_to=is_live,
        fate=fates.of_set_expiry,
        outcome=fates.after_expiry,
        decided_on=("license_expires_at",),
        is_destructive=True,
    ),
    Operation(
        name="deactivate",
        label="Deactivate",
        permission="sites.deactivate_site",
        warning="An inactive site has no licence from its next heartbeat on, whatever the end of its licence says.",
        form=DeactivateForm,
        service=services.deactivate_site,
        applies_to=lambda site: is_live(site) and site.is_active,
        fate=fates.of_deactivate,
        outcome=lambda site: "Inactive now",
        decided_on=("is_active",),
        is_destructive=True,
    ),
    Operation(
        name="activate",
        label="Activate",
        permission="sites.deactivate_site",
        warning="From its next heartbeat on the site has a licence again, as far as that has not ended.",
        form=ActivateForm,
        service=services.activate_site,
        applies_to=lambda site: is_live(site) and not site.is_active,
        fate=fates.of_activate,
        outcome=lambda site: "Active now",
        decided_on=("is_active",),
    ),
    Operation(
        name="deregister",
        label="Deregister",
        permission="sites.deregister_site",
        warning="The site is unknown from now on and its keys are refused: it stops working. Its history is kept.",
        form=DeregisterForm,
        service=services.deregister_site,
        applies_to=is_live,
        fate=fates.of_deregister,
        outcome=lambda site: "Deregistered",
        decided_on=("name", "is_active", "lock_reason", "locked_at", "license_expires_at", "deregistered_at"),
        is_destructive=True,
        done_before=(SiteNotFound,),
    ),
    Operation(
        name="restore",
        label="Restore",
        permission="sites.restore_site",
        warning="The site comes back as it was, keys included.",
        form=RestoreForm,
        service=services.restore_site,
        applies_to=lambda site: not is_live(site),
        fate=fates.of_restore,
        outcome=lambda site: "Restored",
        decided_on=("deregistered_at",),
        done_before=(SiteNotDeregistered,),
    ),
)
OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in ALL}
