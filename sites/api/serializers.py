"""What the sites API reads and prints. Nothing here writes."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from audit.models import Event
from common.api.fields import (
    IdField,
    InstantField,
    PhoneField,
    StrictBooleanField,
    StrictEmailField,
    StrictIntegerField,
    TextField,
    ZoneField,
)
from common.api.query import PageQuery, QueryBooleanField, QueryIdOrNoneField
from sites.events import SITE, SiteAction
from sites.limits import (
    DEFAULT_OVERLAP_HOURS,
    MAX_EMAIL_LENGTH,
    MAX_EXTENSION_DAYS,
    MAX_NAME_LENGTH,
    MAX_OVERLAP_HOURS,
    MAX_PHONE_LENGTH,
    MAX_REASON_LENGTH,
    MAX_SEARCH_LENGTH,
    MAX_VERSION_LENGTH,
    MAX_ZONE_LENGTH,
)
from sites.models import Site
from sites.receipts import AppliedState, ReceiptStage
from sites.representation import site_representation
from sites.status import SiteStatus

# The orders of the list by their names in the query, as lookups of Site.
ORDERINGS = {
    "name": "name",
    "created_at": "created_at",
    "license_expires_at": "license_expires_at",
    "last_seen_at": "pulse__last_seen_at",
}
ORDERING_CHOICES = [sign + name for name in ORDERINGS for sign in ("", "-")]
EVENT_ACTIONS = [(each.value.removeprefix(f"{SITE}."), each.label) for each in SiteAction]


class LastHeartbeatSerializer(serializers.Serializer[Any]):
    received_at = InstantField(source="last_seen_at")
    ip = serializers.CharField(source="last_seen_ip", allow_null=True)
    version = serializers.CharField()
    uptime_seconds = serializers.IntegerField()
    licensed = serializers.BooleanField(source="reply_licensed")
    locked = serializers.BooleanField(source="reply_locked")


class AgentSerializer(serializers.Serializer[Any]):
    lease_expires_at = InstantField(allow_null=True, help_text="When the newest lease that the agent asked for ends.")
    lease_revision = serializers.IntegerField(allow_null=True, help_text="The revision of the site in that lease.")
    held_revision = serializers.IntegerField(
        allow_null=True, help_text="The newest revision for which the agent says that it holds a lease."
    )
    holds_newer_decision = serializers.BooleanField(
        help_text="The agent holds a revision that the server never sent, as after a restore of an old backup, and keeps "
        "to it until an admin changes or confirms the site."
    )


class SiteSerializer(serializers.ModelSerializer[Site]):
    """The site representation, of a site of `Site.objects.with_state(at=…)`.

    The fields describe it for the API's documentation; `sites.representation` makes it.
    """

    locked_at = InstantField(allow_null=True)
    license_expires_at = InstantField()
    licensed = serializers.BooleanField(help_text="Active, and now before license_expires_at. Independent of the lock.")
    status = serializers.ChoiceField(choices=SiteStatus.choices)
    last_seen_at = InstantField(source="pulse.last_seen_at", allow_null=True)
    last_seen_ip = serializers.CharField(source="pulse.last_seen_ip", allow_null=True)
    version = serializers.CharField(source="pulse.version", allow_null=True)
    uptime_seconds = serializers.IntegerField(source="pulse.uptime_seconds", allow_null=True)
    due_at = InstantField(source="pulse.due_at", allow_null=True, help_text="When the next heartbeat is due.")
    created_at = InstantField()
    updated_at = InstantField()
    key_hint = serializers.CharField(help_text="The end of the newest key.")
    last_refused_at = InstantField(
        source="pulse.last_refused_at",
        allow_null=True,
        help_text="When a heartbeat that named the site was last refused for its key; noted at most once a minute.",
    )
    clone_suspected_at = InstantField(
        source="pulse.clone_suspected_at",
        allow_null=True,
        help_text="Since when two installations seem to use the site's key.",
    )
    delivered_revision = serializers.IntegerField(
        source="pulse.lease_revision",
        allow_null=True,
        help_text="The newest revision of the site that its agent was answered. Each change by an admin raises the revision.",
    )
    applied_revision = serializers.IntegerField(
        source="pulse.applied_revision", allow_null=True, help_text="The revision that the agent says it has applied."
    )
    applied_state = serializers.ChoiceField(
        source="pulse.applied_state",
        choices=AppliedState.choices,
        allow_null=True,
        help_text="What the agent makes of that revision; in the states of `LEASE_STOP_ON` the site does not serve.",
    )
    applied_at = InstantField(
        source="pulse.applied_at", allow_null=True, help_text="When the agent first reported that revision."
    )
    lock_known_since = InstantField(allow_null=True, help_text="Since when the site has been told that it is locked.")
    agent = AgentSerializer(allow_null=True, help_text="Null for a local backend that has not asked for a lease.")
    organization_id = IdField(allow_null=True, help_text="The chain to which the site belongs.")

    class Meta:
        model = Site
        fields = [
            "site_id",
            "name",
            "owner_name",
            "contact_email",
            "contact_phone",
            "timezone",
            "is_active",
            "is_locked",
            "lock_reason",
            "locked_at",
            "license_expires_at",
            "licensed",
            "status",
            "last_seen_at",
            "last_seen_ip",
            "version",
            "uptime_seconds",
            "due_at",
            "created_at",
            "updated_at",
            "key_hint",
            "last_refused_at",
            "clone_suspected_at",
            "delivered_revision",
            "applied_revision",
            "applied_state",
            "applied_at",
            "lock_known_since",
            "agent",
            "organization_id",
        ]
        read_only_fields = fields

    def to_representation(self, instance: Site) -> dict[str, Any]:
        return site_representation(instance)


class SiteDetailSerializer(SiteSerializer):
    last_heartbeat = LastHeartbeatSerializer(source="pulse", allow_null=True)

    class Meta(SiteSerializer.Meta):
        fields = [*SiteSerializer.Meta.fields, "last_heartbeat"]
        read_only_fields = fields

    def to_representation(self, instance: Site) -> dict[str, Any]:
        pulse = instance.pulse
        last_heartbeat = None if pulse.last_seen_at is None else LastHeartbeatSerializer(pulse).data
        return {**super().to_representation(instance), "last_heartbeat": last_heartbeat}


class RegisteredSiteSerializer(SiteSerializer):
    """For the description only: the site and its key."""

    secret_key = serializers.CharField(
        allow_null=True, help_text="Shown here once and never again; null when a retry repeats the answer."
    )

    class Meta(SiteSerializer.Meta):
        fields = [*SiteSerializer.Meta.fields, "secret_key"]
        read_only_fields = fields


@extend_schema_serializer(component_name="SiteEdit")
class EditSerializer(serializers.Serializer[Any]):
    """What PUT and PATCH may change."""

    name = TextField(max_length=MAX_NAME_LENGTH)
    owner_name = TextField(max_length=MAX_NAME_LENGTH)
    contact_email = StrictEmailField(max_length=MAX_EMAIL_LENGTH)
    contact_phone = PhoneField(max_length=MAX_PHONE_LENGTH, required=False)
    timezone = ZoneField(max_length=MAX_ZONE_LENGTH, required=False)
    license_expires_at = InstantField(required=False)
    is_active = StrictBooleanField(required=False)
    organization_id = IdField(required=False, allow_null=True, help_text="Null for none.")


@extend_schema_serializer(component_name="SiteRegistration")
class RegistrationSerializer(serializers.Serializer[Any]):
    name = TextField(max_length=MAX_NAME_LENGTH)
    owner_name = TextField(max_length=MAX_NAME_LENGTH)
    contact_email = StrictEmailField(max_length=MAX_EMAIL_LENGTH)
    contact_phone = PhoneField(max_length=MAX_PHONE_LENGTH, required=False)
    timezone = ZoneField(max_length=MAX_ZONE_LENGTH, required=False, help_text="An IANA zone; UTC when left out.")
    license_expires_at = InstantField(required=False, help_text="A year from now when left out.")
    organization_id = IdField(required=False, allow_null=True, help_text="None when left out.")


class LockSerializer(serializers.Serializer[Any]):
    reason = TextField(max_length=MAX_REASON_LENGTH, multiline=True)


class UnlockSerializer(serializers.Serializer[Any]):
    note = TextField(max_length=MAX_REASON_LENGTH, multiline=True, required=False, allow_null=True, allow_blank=True)


class ExtendSerializer(serializers.Serializer[Any]):
    """Either of the two."""

    days = StrictIntegerField(min_value=1, max_value=MAX_EXTENSION_DAYS, required=False)
    until = InstantField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("Give either days or until.", code="either_days_or_until")
        return attrs


class RotateSerializer(serializers.Serializer[Any]):
    overlap_hours = StrictIntegerField(min_value=0, max_value=MAX_OVERLAP_HOURS, default=DEFAULT_OVERLAP_HOURS)


class RotationSerializer(serializers.Serializer[Any]):
    secret_key = serializers.CharField(help_text="Shown here once and never again.")
    previous_key_expires_at = InstantField()


class EventSerializer(serializers.ModelSerializer[Event]):
    at = InstantField()
    action = serializers.ChoiceField(
        choices=EVENT_ACTIONS,
        source="short_action",
        read_only=True,
    )
    actor = serializers.CharField(source="actor_name", allow_null=True)
    token = serializers.CharField(
        source="token_name", required=False, help_text="Only if the actor's script called with a personal access token."
    )
    changes = serializers.DictField(child=serializers.ListField(), help_text="`{field: [before, after]}`")

    class Meta:
        model = Event
        fields = ["id", "at", "action", "actor", "role", "source", "token", "ip", "request_id", "reason", "changes"]
        read_only_fields = fields

    def to_representation(self, instance: Event) -> dict[str, Any]:
        represented = super().to_representation(instance)
        if instance.token_name is None:
            del represented["token"]
        return represented


class SiteListQuery(PageQuery):
    status = serializers.ChoiceField(choices=SiteStatus.choices, required=False)
    is_locked = QueryBooleanField(required=False)
    is_active = QueryBooleanField(required=False)
    licensed = QueryBooleanField(required=False)
    license_expires_before = InstantField(required=False)
    license_expires_after = InstantField(required=False)
    last_seen_before = InstantField(required=False)
    version = serializers.CharField(required=False, max_length=MAX_VERSION_LENGTH, trim_whitespace=False)
    clone_suspected = QueryBooleanField(required=False)
    organization_id = QueryIdOrNoneField(required=False, help_text="`none` for the sites of no organization.")
    receipt = serializers.ChoiceField(
        choices=ReceiptStage.choices,
        required=False,
        help_text="How far the newest change has come: not delivered to the site yet, delivered, applied by the site; or"
        " unreported, of a site whose agent reports nothing.",
    )
    search = TextField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        max_length=MAX_SEARCH_LENGTH,
        help_text="In name, owner, e-mail, phone and id; case-insensitive, every character literally.",
    )
    ordering = serializers.ChoiceField(choices=ORDERING_CHOICES, required=False)
