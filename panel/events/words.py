"""The words for events: one table for the dashboard, the page of a site or an admin, and the page of events."""

from collections.abc import Container, Mapping
from typing import NamedTuple

from django.urls import reverse

from accounts.events import ACCESS_REQUEST, ADMIN, UNKNOWN_ADMIN, AccessRequestAction, AdminAction
from alerts.events import (
    ALERT_CHANNEL,
    CUSTOMER_NOTICES,
    INCIDENT,
    ChannelAction,
    CustomerNoticesAction,
    IncidentAction,
)
from audit.events import EVENT_LIST, EventListAction
from audit.models import Event
from backup.events import DATABASE, DatabaseAction
from documents.shares.events import ShareAction
from fleet.devices.events import DEVICE, DeviceAction, EnrolmentAction
from fleet.firmware.events import FIRMWARE, FirmwareAction, FirmwareTargetAction
from fleet.rollouts.events import ROLLOUT, RolloutAction, WindowAction
from licensing.events import SIGNING_KEY, SigningKeyAction
from sites.events import (
    ORGANIZATION,
    SAVED_VIEW,
    SITE,
    SITE_LIST,
    OrganizationAction,
    SavedViewAction,
    SiteAction,
    SiteListAction,
)

# Edits of a single field that have a name of their own.
ACTIVATED, DEACTIVATED, EXPIRY_SET = "site.activated", "site.deactivated", "site.expiry_set"
SPECIFIC_EDITS = frozenset({ACTIVATED, DEACTIVATED, EXPIRY_SET})


class ActionWords(NamedTuple):
    """`label` stands alone; `phrase` stands between the actor's and the subject's name."""

    label: str
    phrase: str


ACTIONS: Mapping[str, ActionWords] = {
    SiteAction.REGISTERED: ActionWords("Registered", "registered"),
    SiteAction.UPDATED: ActionWords("Edited", "edited"),
    SiteAction.LOCKED: ActionWords("Locked", "locked"),
    SiteAction.LOCK_REASON_CHANGED: ActionWords("Lock reason changed", "changed the lock reason of"),
    SiteAction.UNLOCKED: ActionWords("Unlocked", "unlocked"),
    SiteAction.EXTENDED: ActionWords("Licence extended", "extended the licence of"),
    SiteAction.KEY_ROTATED: ActionWords("Key rotated", "rotated the key of"),
    SiteAction.KEY_RETIRED: ActionWords("Older keys retired, as the site used the new one", "retired the old key of"),
    SiteAction.DEREGISTERED: ActionWords("Deregistered", "deregistered"),
    SiteAction.CONFIRMED: ActionWords("Confirmed for an agent that held a newer decision", "confirmed the state of"),
    SiteAction.NOTE_ADDED: ActionWords("Note added", "added a note to"),
    SiteAction.CLONE_SUSPECTED: ActionWords(
        "Two installations seem to use the key", "found that two installations seem to use the key of"
    ),
    SiteAction.CLONE_DISMISSED: ActionWords(
        "Second installation dismissed", "dismissed the suspicion of a second installation of"
    ),
    SiteAction.TAGS_CHANGED: ActionWords("Tags changed", "changed the tags of"),
    SiteAction.RESTORED: ActionWords("Restored", "restored"),
    SiteAction.FILE_UPLOADED: ActionWords("File uploaded", "uploaded a file of"),
    SiteAction.FILE_DELETED: ActionWords("File deleted", "deleted a file of"),
    SiteAction.ERASURE_REQUESTED: ActionWords("Erasure requested", "requested the erasure of"),
    SiteAction.ERASURE_WITHDRAWN: ActionWords("Request for erasure withdrawn", "withdrew the request to erase"),
    SiteAction.ERASED: ActionWords("Personal data erased", "erased the personal data of"),
    SiteAction.LICENSE_NOTICE_SENT: ActionWords("Licence notice sent", "sent a licence notice to"),
    SiteAction.UNSUBSCRIBED: ActionWords("Unsubscribed from licence notices", "unsubscribed from the notices about"),
    SiteAction.SUBSCRIBED: ActionWords("Subscribed to licence notices again", "subscribed again to the notices about"),
    ShareAction.CREATED: ActionWords("Page shared", "made a link to the page of"),
    ShareAction.REVOKED: ActionWords("Link to the page revoked", "revoked a link to the page of"),
    ACTIVATED: ActionWords("Activated", "activated"),
    DEACTIVATED: ActionWords("Deactivated", "deactivated"),
    EXPIRY_SET: ActionWords("Licence end set", "set the licence end of"),
    OrganizationAction.CREATED: ActionWords("Organization added", "added the organization"),
    OrganizationAction.UPDATED: ActionWords("Organization changed", "changed the organization"),
    EnrolmentAction.CODE_CREATED: ActionWords("Enrolment code made", "made an enrolment code for"),
    EnrolmentAction.CODE_REVOKED: ActionWords("Enrolment code revoked", "revoked an enrolment code of"),
    DeviceAction.REGISTERED: ActionWords("Registered", "registered the device"),
    DeviceAction.REPLACED: ActionWords("Replaced by another box", "replaced the device"),
    DeviceAction.UPDATED: ActionWords("Edited", "edited the device"),
    DeviceAction.KEY_ROTATED: ActionWords("Key rotated", "rotated the key of the device"),
    DeviceAction.KEY_RETIRED: ActionWords(
        "Older keys retired, as the device used the new one", "retired the old key of the device"
    ),
    DeviceAction.RETIRED: ActionWords("Retired", "retired the device"),
    DeviceAction.COMMAND_SENT: ActionWords("Command sent", "sent a command to the device"),
    DeviceAction.CLONE_SUSPECTED: ActionWords(
        "Two boxes seem to use the key", "found that two boxes seem to use the key of the device"
    ),
    DeviceAction.CLONE_DISMISSED: ActionWords("Second box dismissed", "dismissed the suspicion of a second box:"),
    SiteListAction.EXPORTED: ActionWords("Exported", "exported"),
    EventListAction.EXPORTED: ActionWords("Exported", "exported"),
    SavedViewAction.CREATED: ActionWords("View saved for everybody", "saved for everybody the view"),
    SavedViewAction.CHANGED: ActionWords("View changed", "changed the view"),
    SavedViewAction.DELETED: ActionWords("View deleted", "deleted the view"),
    AdminAction.CREATED: ActionWords("Created", "created the admin"),
    AdminAction.ROLE_CHANGED: ActionWords("Role changed", "changed the role of"),
    AdminAction.EMAIL_CHANGED: ActionWords("E-mail changed", "changed the e-mail of"),
    AdminAction.DISABLED: ActionWords("Disabled", "disabled the admin"),
    AdminAction.ENABLED: ActionWords("Enabled", "enabled the admin"),
    AdminAction.PASSWORD_CHANGED: ActionWords("Password changed", "changed the password of"),
    AdminAction.PASSWORD_RESET: ActionWords("Password reset", "reset the password of"),
    AdminAction.AUTHENTICATOR_APP_ADDED: ActionWords("Authenticator app added", "added an authenticator app to"),
    AdminAction.AUTHENTICATOR_APP_REMOVED: ActionWords("Authenticator app removed", "removed the authenticator app of"),
    AdminAction.SECURITY_KEY_ADDED: ActionWords("Security key added", "added a security key to"),
    AdminAction.SECURITY_KEY_REMOVED: ActionWords("Security key removed", "removed a security key of"),
    AdminAction.RECOVERY_CODES_RENEWED: ActionWords("Recovery codes renewed", "renewed the recovery codes of"),
    AdminAction.SECOND_FACTORS_RESET: ActionWords("Second factor reset", "reset the second factor of"),
    AdminAction.GOOGLE_ACCOUNT_LINKED: ActionWords("Google account linked", "linked a Google account to"),
    AdminAction.GOOGLE_ACCOUNT_UNLINKED: ActionWords("Google account unlinked", "unlinked the Google account of"),
    AdminAction.BROWSER_SIGNED_OUT: ActionWords("Browser signed out", "signed out a browser of"),
    AdminAction.API_SIGN_IN_ENDED: ActionWords("API sign-in ended", "ended an API sign-in of"),
    AdminAction.SIGNED_OUT_ELSEWHERE: ActionWords("Signed out everywhere else", "signed out everywhere else:"),
    AdminAction.PASSWORD_CHANGE_REQUIRED: ActionWords(
        "New password required at the next sign-in", "requires a new password of"
    ),
    AdminAction.TOKEN_CREATED: ActionWords("Personal access token made", "made a personal access token for"),
    AdminAction.TOKEN_REVOKED: ActionWords("Personal access token revoked", "revoked a personal access token of"),
    AdminAction.SIGN_IN_BLOCKED: ActionWords("Sign-in blocked", "blocked the sign-in of"),
    AccessRequestAction.REJECTED: ActionWords("Request for access rejected", "rejected"),
    SigningKeyAction.CREATED: ActionWords("Signing key created", "created the signing key"),
    SigningKeyAction.ACTIVATED: ActionWords("Signing key activated", "activated the signing key"),
    SigningKeyAction.RETIRED: ActionWords("Signing key retired", "retired the signing key"),
    FirmwareAction.UPLOADED: ActionWords("Firmware uploaded", "uploaded the firmware"),
    FirmwareAction.WITHDRAWN: ActionWords("Firmware withdrawn", "withdrew the firmware"),
    FirmwareAction.REINSTATED: ActionWords("Firmware offered again", "offered again the firmware"),
    FirmwareAction.NOTES_CHANGED: ActionWords("Notes changed", "changed the notes of the firmware"),
    FirmwareAction.SIGNED: ActionWords("Manifest signed", "signed the manifest of the firmware"),
    FirmwareTargetAction.TARGET_CHANGED: ActionWords("Target firmware changed", "changed the target firmware of"),
    RolloutAction.CREATED: ActionWords("Roll-out created", "created the roll-out"),
    RolloutAction.STARTED: ActionWords("Roll-out started", "started the roll-out"),
    RolloutAction.WAVE_STARTED: ActionWords("Next wave started", "started the next wave of the roll-out"),
    RolloutAction.PAUSED: ActionWords("Roll-out paused", "paused the roll-out"),
    RolloutAction.RESUMED: ActionWords("Roll-out resumed", "resumed the roll-out"),
    RolloutAction.ABORTED: ActionWords("Roll-out aborted", "aborted the roll-out"),
    RolloutAction.FINISHED: ActionWords("Roll-out finished", "finished the roll-out"),
    RolloutAction.ROLLBACK_STARTED: ActionWords("Way back started", "started to roll back"),
    RolloutAction.ROLLED_BACK: ActionWords("Rolled back", "rolled back"),
    WindowAction.CHANGED: ActionWords("Maintenance window changed", "changed the maintenance window of"),
    CustomerNoticesAction.CHANGED: ActionWords("Notices to restaurants changed", "changed"),
    DatabaseAction.RESTORED: ActionWords("Restored from a backup", "restored from a backup:"),
    DatabaseAction.MIGRATED: ActionWords("Migrated through the API", "migrated"),
    DatabaseAction.MIGRATION_FAILED: ActionWords("Migration through the API failed", "tried to migrate"),
    IncidentAction.ACKNOWLEDGED: ActionWords("Acknowledged", "acknowledged the incident"),
    ChannelAction.CREATED: ActionWords("Channel added", "added the channel"),
    ChannelAction.CHANGED: ActionWords("Channel changed", "changed the channel"),
    ChannelAction.DELETED: ActionWords("Channel deleted", "deleted the channel"),
    ChannelAction.DISABLED: ActionWords(
        "Channel disabled, as its address does not exist any more", "disabled the channel"
    ),
    ChannelAction.TESTED: ActionWords("Test sent", "sent a test to the channel"),
    ChannelAction.SENT_AGAIN: ActionWords("Failed message sent again", "sent a failed message again to the channel"),
}
SUBJECT_TYPES: Mapping[str, str] = {
    SITE: "Site",
    ORGANIZATION: "Organization",
    DEVICE: "Device",
    SITE_LIST: "Site list",
    EVENT_LIST: "Event list",
    SAVED_VIEW: "Saved view",
    ADMIN: "Admin",
    ACCESS_REQUEST: "Request for access",
    SIGNING_KEY: "Signing key",
    DATABASE: "Database",
    CUSTOMER_NOTICES: "Customer notices",
    INCIDENT: "Incident",
    ALERT_CHANNEL: "Channel",
    FIRMWARE: "Firmware",
    ROLLOUT: "Roll-out",
}
# The other subjects have no page of their own here.
SUBJECT_PAGES: Mapping[str, str] = {
    SITE: "admin:sites_site_change",
    ORGANIZATION: "admin:sites_organization_change",
    DEVICE: "admin:devices_device_change",
    ADMIN: "admin:accounts_admin_change",
    INCIDENT: "admin:alerts_incident_change",
    ALERT_CHANNEL: "admin:channel",
    FIRMWARE: "admin:firmware_firmware_change",
    ROLLOUT: "admin:rollouts_rollout_change",
}
# Of pages that not every role may see.
SUBJECT_PERMISSIONS: Mapping[str, str] = {ALERT_CHANNEL: "alerts.manage_channels"}
SOURCES: Mapping[str, str] = {
    Event.Source.ADMIN: "in the panel",
    Event.Source.API: "over the API",
    Event.Source.COMMAND: "by a command",
    Event.Source.SYSTEM: "by the control plane itself",
}
ACTORS_WITHOUT_A_NAME: Mapping[str, str] = {
    Event.Source.SYSTEM: "The control plane",
    Event.Source.COMMAND: "A command",
}


def source_words(event: Event) -> str:
    words = SOURCES[event.source]
    return f"{words} with the token “{event.token_name}”" if event.token_name else words


def action_words(event: Event) -> ActionWords:
    """An action that is not in the table is shown by its own name."""
    plain = event.short_action.replace("_", " ")
    return ACTIONS.get(specific_action(event)) or ActionWords(plain.capitalize(), plain)


def specific_action(event: Event) -> str:
    """The event's action, or ACTIVATED, DEACTIVATED or EXPIRY_SET for an edit of that field alone."""
    if event.action != SiteAction.UPDATED:
        return event.action
    match list(event.changes):
        case ["is_active"]:
            return ACTIVATED if event.changes["is_active"][1] else DEACTIVATED
        case ["license_expires_at"]:
            return EXPIRY_SET
        case _:
            return event.action


def actor_words(event: Event) -> str:
    return event.actor_name or ACTORS_WITHOUT_A_NAME.get(event.source, "Unknown")


def subject_url(event: Event, permissions: Container[str]) -> str | None:
    """The subject's page in the panel, if there is one that a person with these permissions may see."""
    if (event.subject_type, event.subject_id) == (UNKNOWN_ADMIN.type, UNKNOWN_ADMIN.id):
        return None
    needed = SUBJECT_PERMISSIONS.get(event.subject_type)
    if needed and needed not in permissions:
        return None
    page = SUBJECT_PAGES.get(event.subject_type)
    return reverse(page, args=[event.subject_id]) if page else None


def actor_url(event: Event) -> str | None:
    """The actor's page in the panel, if an admin did it."""
    return reverse("admin:accounts_admin_change", args=[event.actor_id]) if event.actor_id else None
