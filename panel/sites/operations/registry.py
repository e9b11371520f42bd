"""The operations that the panel offers for one site or for many, each with its permission, form, service and wording.

To rotate a key is for one site only and shows the new key once: `panel.sites.registration` has its page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from heartbeat.clones import dismiss_clone
from panel.sites.operations.expected_results import (
    ExpectedResult,
    expect_activate,
    expect_add_tags,
    expect_confirm,
    expect_deactivate,
    expect_deregister,
    expect_dismiss_clone,
    expect_lock,
    expect_new_expiry,
    expect_remove_tags,
    expect_restore,
    expect_unlock,
    is_registered,
    refused,
)
from panel.sites.operations.forms import (
    ActivateForm,
    ConfirmForm,
    DeactivateForm,
    DeregisterForm,
    DismissCloneForm,
    LockForm,
    OperationForm,
    RestoreForm,
    UnlockForm,
)
from panel.sites.operations.license_forms import ExtendForm, SetExpiryForm
from panel.sites.operations.results import ShownValues, locked_words, new_expiry_words, tags_words
from panel.sites.operations.tag_forms import AddTagsForm, RemoveTagsForm
from panel.widgets.times import plural
from sites import services
from sites.errors import SiteNotDeregistered, SiteNotFound
from sites.models import Site


@dataclass(frozen=True)
class Operation:
    """`verb` and `past` with the `noun` make the texts: "Extend 12 licences", "Not extended.", "Extended 12 licences"."""

    name: str
    verb: str
    past: str
    permission: str
    warning: str
    form: type[OperationForm]
    service: Callable[..., Site]
    # For which sites the site's page offers it; the service decides again.
    applies_to: Callable[[Site], bool]
    expect: Callable[[Site, datetime], ExpectedResult]
    # The fields that the page shows and the person decides on. A site on which one has changed since is refused, unless the
    # operation is unconditional; then the result says what the operation has replaced.
    compared_fields: tuple[str, ...]
    # Of a changed site.
    done_words: Callable[[Site, ShownValues], str]
    noun: str = "site"
    # If the verb and the noun do not make it.
    own_label: str = ""
    # Whether it takes service from the site: drawn in red (decision 86).
    takes_service: Callable[[Site], bool] = lambda site: False
    # The restaurant is told at its next heartbeat, and the page says when that is due.
    is_told: bool = True
    # Runs even if the site has changed since the page was opened.
    is_unconditional: bool = False
    # What the service raises if somebody has done the same before.
    already_done_errors: tuple[type[Exception], ...] = ()
    # The name of the operation that undoes this one, which the result page offers, and for which changed sites it does.
    opposite: str = ""
    is_undone_by_opposite: Callable[[Site], bool] = lambda site: True

    @property
    def label(self) -> str:
        """As in "Lock" or "Extend licence"."""
        if self.own_label:
            return self.own_label
        return self.verb if self.noun == "site" else f"{self.verb} {self.noun}"

    def label_for(self, count: int) -> str:
        """As in "Lock 12 sites"; for a single site the plain label."""
        return self.label if count == 1 else f"{self.verb} {plural(count, self.noun)}"

    def expected_result(self, site: Site, at: datetime) -> ExpectedResult:
        if not is_registered(site) and self.name not in ("deregister", "restore"):
            return refused("Deregistered: restore it first")
        return self.expect(site, at)


ALL = (
    Operation(
        name="lock",
        verb="Lock",
        past="locked",
        permission="sites.lock_site",
        warning="A locked restaurant is refused service until somebody unlocks it, and sees the reason.",
        form=LockForm,
        service=services.lock_site,
        applies_to=is_registered,
        expect=expect_lock,
        compared_fields=("lock_reason", "locked_at"),
        done_words=locked_words,
        takes_service=lambda site: not site.is_locked,
        is_unconditional=True,
        opposite="unlock",
        # Where another reason was replaced, unlocking would take away a lock that was there before.
        is_undone_by_opposite=lambda site: site.just_changed["lock_reason"][0] is None,
    ),
    Operation(
        name="unlock",
        verb="Unlock",
        past="unlocked",
        permission="sites.unlock_site",
        warning="An unlocked restaurant gets service again, if it has a licence.",
        form=UnlockForm,
        service=services.unlock_site,
        applies_to=lambda site: is_registered(site) and site.is_locked,
        expect=expect_unlock,
        # Also the time: the page has not shown a newer lock, even if its reason is the same.
        compared_fields=("lock_reason", "locked_at"),
        done_words=lambda site, shown: "Unlocked",
        opposite="lock",
    ),
    Operation(
        name="extend",
        verb="Extend",
        past="extended",
        noun="licence",
        permission="sites.extend_license",
        warning="The licence will end later.",
        form=ExtendForm,
        service=services.extend_license,
        applies_to=is_registered,
        expect=expect_new_expiry,
        compared_fields=("license_expires_at",),
        done_words=new_expiry_words,
    ),
    Operation(
        name="set_expiry",
        verb="Set",
        past="changed",
        noun="expiry date",
        permission="sites.set_license_expiry",
        warning="The licence will end at that time, earlier or later than its current end."
        " Without a licence a site gets no service.",
        form=SetExpiryForm,
        service=services.set_license_expiry,
        applies_to=is_registered,
        expect=expect_new_expiry,
        compared_fields=("license_expires_at",),
        done_words=new_expiry_words,
    ),
    Operation(
        name="deactivate",
        verb="Deactivate",
        past="deactivated",
        permission="sites.deactivate_site",
        warning="An inactive restaurant has no licence, even if its licence has not expired, and gets no service.",
        form=DeactivateForm,
        service=services.deactivate_site,
        applies_to=lambda site: is_registered(site) and site.is_active,
        expect=expect_deactivate,
        compared_fields=("is_active",),
        done_words=lambda site, shown: "Deactivated",
        takes_service=lambda site: site.is_active,
        opposite="activate",
    ),
    Operation(
        name="activate",
        verb="Activate",
        past="activated",
        permission="sites.deactivate_site",
        warning="An active restaurant has its licence, unless it has expired.",
        form=ActivateForm,
        service=services.activate_site,
        applies_to=lambda site: is_registered(site) and not site.is_active,
        expect=expect_activate,
        compared_fields=("is_active",),
        done_words=lambda site, shown: "Activated",
        opposite="deactivate",
    ),
    Operation(
        name="deregister",
        verb="Deregister",
        past="deregistered",
        permission="sites.deregister_site",
        warning="Its keys are refused from now on, and the restaurant is not told why. It can work for as long as its software"
        " allows: with an agent, usually until its last lease ends. To stop it sooner, lock the site, and deregister it only"
        " after it has been told. The history is kept, and the site can be restored.",
        form=DeregisterForm,
        service=services.deregister_site,
        applies_to=is_registered,
        expect=expect_deregister,
        compared_fields=("name", "is_active", "lock_reason", "locked_at", "license_expires_at", "deregistered_at"),
        done_words=lambda site, shown: "Deregistered",
        takes_service=is_registered,
        is_told=False,
        already_done_errors=(SiteNotFound,),
        opposite="restore",
    ),
    Operation(
        name="restore",
        verb="Restore",
        past="restored",
        permission="sites.restore_site",
        warning="The site comes back as it was, with its keys.",
        form=RestoreForm,
        service=services.restore_site,
        applies_to=lambda site: not is_registered(site) and site.erased_at is None,
        expect=expect_restore,
        compared_fields=("deregistered_at",),
        done_words=lambda site, shown: "Restored",
        already_done_errors=(SiteNotDeregistered,),
        opposite="deregister",
    ),
    Operation(
        name="confirm",
        verb="Confirm",
        past="confirmed",
        noun="present state",
        permission="sites.lock_site",
        warning="Agents that know a newer decision than this control plane, as after a restore of an old backup, will follow"
        " the state shown here from their next heartbeat on.",
        form=ConfirmForm,
        service=services.confirm_site,
        applies_to=lambda site: is_registered(site) and services.newer_revision(site) is not None,
        expect=expect_confirm,
        compared_fields=("is_active", "lock_reason", "locked_at", "license_expires_at"),
        done_words=lambda site, shown: "Present state confirmed",
    ),
    Operation(
        name="dismiss_clone",
        verb="Dismiss",
        past="dismissed",
        noun="clone suspicion",
        permission="sites.dismiss_clone",
        warning="For a site whose key only one installation uses, or does from now on. Further heartbeats of both"
        " raise the suspicion again.",
        form=DismissCloneForm,
        service=dismiss_clone,
        applies_to=lambda site: is_registered(site) and site.clone_suspected_at is not None,
        expect=expect_dismiss_clone,
        # A suspicion that was raised again since is another one.
        compared_fields=("clone_suspected_at",),
        is_told=False,
        done_words=lambda site, shown: "Clone suspicion dismissed",
    ),
    Operation(
        name="add_tags",
        verb="Tag",
        past="tagged",
        own_label="Add tags",
        permission="sites.tag_site",
        warning="Tags are for you and your colleagues. The restaurant does not see them.",
        form=AddTagsForm,
        service=services.add_tags,
        applies_to=is_registered,
        expect=expect_add_tags,
        compared_fields=(),
        done_words=tags_words,
        is_told=False,
        is_unconditional=True,
    ),
    Operation(
        name="remove_tags",
        verb="Untag",
        past="untagged",
        own_label="Remove tags",
        permission="sites.tag_site",
        warning="Tags are for you and your colleagues. A tag that no site has is no longer offered.",
        form=RemoveTagsForm,
        service=services.remove_tags,
        applies_to=is_registered,
        expect=expect_remove_tags,
        compared_fields=(),
        done_words=tags_words,
        is_told=False,
        is_unconditional=True,
    ),
)
OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in ALL}
