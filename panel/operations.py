"""What an admin page can do to one site or to many. Each is a permission, a form and a service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django import forms

from panel.site_forms import DeregisterForm, ExtendForm, LockForm, RestoreForm, UnlockForm
from sites import services
from sites.models import Site


@dataclass(frozen=True)
class Operation:
    """`applies_to` says for which sites a button is offered; the service decides again."""

    name: str
    label: str
    permission: str
    warning: str
    done: str
    form: type[forms.Form]
    service: Callable[..., Site]
    applies_to: Callable[[Site], bool]
    is_destructive: bool = False
    # Whether doing it twice does more than doing it once: then a form that is sent twice must not.
    is_cumulative: bool = False


def is_live(site: Site) -> bool:
    return site.deregistered_at is None


ALL = (
    Operation(
        name="lock",
        label="Lock",
        permission="sites.lock_site",
        warning="A locked site is refused service from its next heartbeat on, until somebody unlocks it.",
        done="Locked",
        form=LockForm,
        service=services.lock_site,
        applies_to=is_live,
        is_destructive=True,
    ),
    Operation(
        name="unlock",
        label="Unlock",
        permission="sites.unlock_site",
        warning="The site gets service again from its next heartbeat on.",
        done="Unlocked",
        form=UnlockForm,
        service=services.unlock_site,
        applies_to=lambda site: is_live(site) and site.is_locked,
    ),
    Operation(
        name="extend",
        label="Extend licence",
        permission="sites.extend_license",
        warning="The licence will end later.",
        done="Extended the licence of",
        form=ExtendForm,
        service=services.extend_license,
        applies_to=is_live,
        is_cumulative=True,
    ),
    Operation(
        name="deregister",
        label="Deregister",
        permission="sites.deregister_site",
        warning="The site is unknown from now on and its keys are refused: it stops working. Its history is kept.",
        done="Deregistered",
        form=DeregisterForm,
        service=services.deregister_site,
        applies_to=is_live,
        is_destructive=True,
    ),
    Operation(
        name="restore",
        label="Restore",
        permission="sites.restore_site",
        warning="The site comes back as it was, keys included.",
        done="Restored",
        form=RestoreForm,
        service=services.restore_site,
        applies_to=lambda site: not is_live(site),
    ),
)
OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in ALL}
