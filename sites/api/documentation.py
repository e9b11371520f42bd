"""What the API's description says of each sites endpoint."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from common.api.query import CursorQuery
from idempotency.api import IDEMPOTENCY_KEY, REPLAYED
from sites.api.serializers import (
    EditSerializer,
    EventSerializer,
    ExtendSerializer,
    LockSerializer,
    RegisteredSiteSerializer,
    RegistrationSerializer,
    RotateSerializer,
    RotationSerializer,
    SiteDetailSerializer,
    SiteListQuery,
    SiteSerializer,
    UnlockSerializer,
)

TAGS = ["sites"]
ID = "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11"
SITE = {
    "site_id": ID,
    "name": "Trattoria Roma",
    "owner_name": "Giulia Conti",
    "contact_email": "giulia@trattoria-roma.example",
    "contact_phone": "+39 06 5550 123",
    "timezone": "Europe/Rome",
    "is_active": True,
    "is_locked": False,
    "lock_reason": None,
    "locked_at": None,
    "license_expires_at": "2026-12-31T00:00:00Z",
    "licensed": True,
    "status": "online",
    "last_seen_at": "2026-06-01T12:00:00Z",
    "last_seen_ip": "203.0.113.7",
    "version": "1.0.0",
    "uptime_seconds": 12345,
    "due_at": "2026-06-01T17:59:00Z",
    "created_at": "2026-01-01T09:00:00Z",
    "updated_at": "2026-01-01T09:00:00Z",
    "key_hint": "…x7Qa",
    "last_refused_at": None,
    "clone_suspected_at": None,
    "delivered_revision": 1,
    "applied_revision": 1,
    "applied_state": "ok",
    "applied_at": "2026-06-01T12:00:00Z",
    "lock_known_since": None,
    "agent": {
        "lease_expires_at": "2026-07-01T12:00:00Z",
        "lease_revision": 1,
        "held_revision": 1,
        "holds_newer_decision": False,
    },
    "organization_id": None,
}
LAST_HEARTBEAT = {
    "received_at": "2026-06-01T12:00:00Z",
    "ip": "203.0.113.7",
    "version": "1.0.0",
    "uptime_seconds": 12345,
    "licensed": True,
    "locked": False,
}


def asks(name: str, value: dict[str, object]) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True)


def answers(name: str, value: dict[str, object], status: str = "200") -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=[status])


SITE_ID = OpenApiParameter("site_id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` you read; 412 when an admin's change came between.",
)
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200], description="Changes with each change by an admin."
)
CREATED_ETAG = OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[201])
LOCATION = OpenApiParameter("Location", str, OpenApiParameter.HEADER, response=[201], description="Where the site is.")

list_sites = extend_schema(
    operation_id="list_sites",
    summary="List sites",
    description="The live sites with their state, filtered, searched and sorted; by name unless asked otherwise.",
    tags=TAGS,
    parameters=[SiteListQuery],
    responses=SiteSerializer(many=True),
)
register_site = extend_schema(
    operation_id="register_site",
    summary="Register a site",
    description=(
        "Takes a restaurant in and answers with its `secret_key`, which is shown here once and never again. Give it to the"
        " site's local backend. If it is lost, rotate the key."
    ),
    tags=TAGS,
    parameters=[IDEMPOTENCY_KEY, CREATED_ETAG, LOCATION, REPLAYED],
    request=RegistrationSerializer,
    responses={201: RegisteredSiteSerializer},
    examples=[
        asks(
            "a restaurant",
            {
                "name": "Trattoria Roma",
                "owner_name": "Giulia Conti",
                "contact_email": "giulia@trattoria-roma.example",
                "contact_phone": "+39 06 5550 123",
                "timezone": "Europe/Rome",
                "license_expires_at": "2026-12-31T00:00:00Z",
            },
        ),
        answers(
            "registered",
            {
                **SITE,
                "status": "never_seen",
                "last_seen_at": None,
                "last_seen_ip": None,
                "version": None,
                "uptime_seconds": None,
                "due_at": None,
                "secret_key": "psk_…",
            },
            "201",
        ),
    ],
)
retrieve_site = extend_schema(
    operation_id="get_site",
    summary="Read a site",
    description="The site, and its last heartbeat as received.",
    tags=TAGS,
    parameters=[SITE_ID, ETAG],
    responses=SiteDetailSerializer,
    examples=[answers("a site", {**SITE, "last_heartbeat": LAST_HEARTBEAT})],
)
replace_site = extend_schema(
    operation_id="replace_site",
    summary="Change a site",
    description="Needs name, owner and e-mail; the other fields keep their value when left out.",
    tags=TAGS,
    parameters=[SITE_ID, IF_MATCH, ETAG],
    request=EditSerializer,
    responses=SiteSerializer,
    examples=[
        asks(
            "another owner",
            {"name": "Trattoria Roma", "owner_name": "Marco Conti", "contact_email": "marco@trattoria-roma.example"},
        ),
        answers("a site", SITE),
    ],
)
update_site = extend_schema(
    operation_id="update_site",
    summary="Change some fields of a site",
    description=(
        "Anything but name, owner, e-mail, phone, zone, `license_expires_at`, `is_active` and `organization_id` is ignored."
    ),
    tags=TAGS,
    parameters=[SITE_ID, IF_MATCH, ETAG],
    request=EditSerializer(partial=True),
    responses=SiteSerializer,
    examples=[asks("another zone", {"timezone": "Europe/Vienna"}), answers("a site", SITE)],
)
deregister_site = extend_schema(
    operation_id="deregister_site",
    summary="Deregister a site",
    description="The site is unknown from then on and its keys are refused. Its history is kept; an admin page restores it.",
    tags=TAGS,
    parameters=[SITE_ID],
    responses={204: None},
)
lock_site = extend_schema(
    operation_id="lock_site",
    summary="Lock a site",
    description="The site learns it with its next heartbeat. Locking again with another reason changes the reason.",
    tags=TAGS,
    parameters=[SITE_ID, ETAG],
    request=LockSerializer,
    responses=SiteSerializer,
    examples=[
        asks("a reason", {"reason": "unpaid invoice 118"}),
        answers(
            "locked",
            {**SITE, "is_locked": True, "lock_reason": "unpaid invoice 118", "locked_at": "2026-06-01T14:02:00Z"},
        ),
    ],
)
unlock_site = extend_schema(
    operation_id="unlock_site",
    summary="Unlock a site",
    description="The body may be empty. Unlocking an unlocked site changes nothing.",
    tags=TAGS,
    parameters=[SITE_ID, ETAG],
    request=UnlockSerializer,
    responses=SiteSerializer,
    examples=[asks("a note", {"note": "paid on 1 June"}), answers("unlocked", SITE)],
)
extend_license = extend_schema(
    operation_id="extend_license",
    summary="Extend a licence",
    description="`days` count from the later of now and the present end; `until` must be later than the present end.",
    tags=TAGS,
    parameters=[SITE_ID, IDEMPOTENCY_KEY, ETAG, REPLAYED],
    request=ExtendSerializer,
    responses=SiteSerializer,
    examples=[
        asks("a year more", {"days": 365}),
        asks("until a day", {"until": "2027-12-31T00:00:00Z"}),
        answers("extended", {**SITE, "license_expires_at": "2027-12-31T00:00:00Z"}),
    ],
)
rotate_key = extend_schema(
    operation_id="rotate_site_key",
    summary="Rotate a site's key",
    description=(
        "Makes a new key, shown here once and never again. The old one works on for `overlap_hours` (24), or until the site"
        " has used the new one twice. The body may be empty."
    ),
    tags=TAGS,
    parameters=[SITE_ID],
    request=RotateSerializer,
    responses=RotationSerializer,
    examples=[
        asks("two days of overlap", {"overlap_hours": 48}),
        answers("rotated", {"secret_key": "psk_…", "previous_key_expires_at": "2026-06-03T12:00:00Z"}),
    ],
)
list_events = extend_schema(
    operation_id="list_site_events",
    summary="What was done to a site",
    description="Newest first, in the order in which the changes took effect.",
    tags=TAGS,
    parameters=[SITE_ID, CursorQuery],
    responses=EventSerializer(many=True),
)
