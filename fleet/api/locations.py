"""`/api/locations`: sites as the fleet sees them, by the same services."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from common.api.paging import NumberedPages
from common.api.views import ViewSet, etag, expected_revisions
from common.instants import format_instant
from fleet.api.representation import device_counts
from fleet.api.serializers import (
    CodeSerializer,
    LocationListQuery,
    LocationSerializer,
    NewCodeSerializer,
    RegisteredLocationSerializer,
)
from fleet.devices import services
from fleet.devices.models import Device
from idempotency.api import IdempotencyMixin
from idempotency.services import StoredAnswer
from sites.api.documentation import (
    CREATED_ETAG,
    ETAG,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    REPLAYED,
    SITE,
    SITE_ID,
    answers,
    asks,
)
from sites.api.serializers import EditSerializer, RegistrationSerializer
from sites.errors import SiteNotFound
from sites.models import Site
from sites.representation import site_representation
from sites.services import register_site, update_site
from sites.validation import read_site_id

TAGS = ["locations"]
ORGANIZATION_ID = "5f0c9d1e-4c1f-4c39-9d53-0a4c1f5d2b77"
NEW_SITE = {name: SITE[name] for name in ("name", "owner_name", "contact_email", "timezone")}
NEVER_SEEN_SITE = {
    **SITE,
    **dict.fromkeys(("last_seen_at", "last_seen_ip", "version", "uptime_seconds", "due_at")),
    "status": "never_seen",
    "secret_key": "psk_…",
}
LOCATION = OpenApiParameter(
    "Location", str, OpenApiParameter.HEADER, response=[201], description="Where the location is."
)
A_LOCATION: OpenApiExample = answers(
    "a location",
    {
        "id": SITE["site_id"],
        "name": "Trattoria Roma",
        "organization_id": ORGANIZATION_ID,
        "timezone": "Europe/Rome",
        "status": "online",
        "licensed": True,
        "is_locked": False,
        "devices": {"total": 5, "online": 4, "late": 0, "offline": 1, "never_seen": 0, "stopped": 0},
    },
)


class LocationViewSet(IdempotencyMixin, ActorMixin, ViewSet):
    """Sites as the fleet sees them."""

    lookup_field = "site_id"
    lookup_value_regex = "[^/]+"
    queryset = Site.objects.none()
    serializer_class = LocationSerializer
    pagination_class = NumberedPages
    required_permissions = {
        "list": "sites.view_site",
        "retrieve": "sites.view_site",
        "create": "sites.add_site",
        "partial_update": "sites.change_site",
        "enrolment_codes": "devices.add_enrolmentcode",
    }
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "retrieve": (400, 401, 403, 404),
        "create": (400, 401, 403, 409),
        "partial_update": (400, 401, 403, 404, 412),
        "enrolment_codes": (400, 401, 403, 404),
    }
    queries = {"list": LocationListQuery}

    @extend_schema(operation_id="list_locations", summary="List locations", tags=TAGS, parameters=[LocationListQuery])
    def list(self, request: Request) -> Response:
        """By name."""
        query, at = self.read_query(), timezone.now()
        found = Site.objects.live()
        if "organization_id" in query:
            found = found.filter(organization=query["organization_id"])
        page = list(found.with_state(at=at).sorted_by("name")[self.paginator.rows(request)])
        return self.paginator.response(request, location_representations(page, at=at), total=found.count())

    @extend_schema(
        operation_id="create_location",
        summary="Register a location",
        tags=TAGS,
        parameters=[IDEMPOTENCY_KEY, CREATED_ETAG, LOCATION, REPLAYED],
        request=RegistrationSerializer,
        responses={201: RegisteredLocationSerializer},
        examples=[
            asks("a restaurant of a chain", {**NEW_SITE, "organization_id": ORGANIZATION_ID}),
            answers(
                "registered", {"id": SITE["site_id"], **NEVER_SEEN_SITE, "organization_id": ORGANIZATION_ID}, "201"
            ),
        ],
    )
    def create(self, request: Request) -> Response:
        """As registering a site, which it is."""
        facts = self.read_body(RegistrationSerializer)

        def register() -> StoredAnswer:
            at = timezone.now()
            registration = register_site(**facts, by=self.actor(), at=at)
            site = Site.objects.with_state(at=at).get(pk=registration.site.pk)
            return StoredAnswer(
                status=201,
                body={"id": str(site.pk), **site_representation(site), "secret_key": registration.secret_key},
                headers={"Location": f"{request.path.rstrip('/')}/{site.pk}", "ETag": etag(site.revision)},
                secret=("secret_key",),
            )

        return self.run_once(register)

    @extend_schema(
        operation_id="get_location",
        summary="Read a location",
        tags=TAGS,
        parameters=[SITE_ID, ETAG],
        examples=[A_LOCATION],
    )
    def retrieve(self, request: Request, site_id: str) -> Response:
        return self.represent(read_site_id(site_id), at=timezone.now())

    @extend_schema(
        operation_id="update_location",
        summary="Change a location",
        tags=TAGS,
        parameters=[SITE_ID, IF_MATCH, ETAG],
        request=EditSerializer(partial=True),
        responses=LocationSerializer,
        examples=[asks("another organization", {"organization_id": ORGANIZATION_ID}), A_LOCATION],
    )
    def partial_update(self, request: Request, site_id: str) -> Response:
        """As changing a site: what is left out stays as it is."""
        wanted, at = read_site_id(site_id), timezone.now()
        changes = self.read_body(EditSerializer, partial=True)
        with transaction.atomic():  # the answer shows this very change, not a later one
            update_site(wanted, changes, by=self.actor(), at=at, expected_revisions=expected_revisions(request))
            return self.represent(wanted, at=at)

    def represent(self, site_id: UUID, *, at: datetime) -> Response:
        site = Site.objects.live().with_state(at=at).filter(pk=site_id).first()
        if site is None:
            raise SiteNotFound
        return Response(location_representations([site], at=at)[0], headers={"ETag": etag(site.revision)})

    @extend_schema(
        operation_id="create_enrolment_code",
        summary="Make an enrolment code",
        tags=TAGS,
        parameters=[SITE_ID],
        request=NewCodeSerializer,
        responses={201: CodeSerializer},
        examples=[
            asks("for three devices", {"uses": 3, "expires_in_hours": 48}),
            answers("a code", {"code": "7Q2MX-…", "uses": 3, "expires_at": "2026-06-03T12:00:00Z"}, "201"),
        ],
    )
    @action(detail=True, methods=["post"], url_path="enrolment-codes")
    def enrolment_codes(self, request: Request, site_id: str) -> Response:
        """Devices register themselves with it at this location, up to `uses` of them, until it expires."""
        facts = self.read_body(NewCodeSerializer)
        new = services.create_enrolment_code(read_site_id(site_id), by=self.actor(), at=timezone.now(), **facts)
        body = {"code": new.code, "uses": new.row.uses, "expires_at": format_instant(new.row.expires_at)}
        return Response(body, status=201)


def location_representations(sites: Iterable[Site], *, at: datetime) -> list[dict[str, Any]]:
    """Expects sites of `Site.objects.with_state(at=…)`. The devices are counted in one statement for all of them."""
    sites = list(sites)
    counted = devices_by_status([site.pk for site in sites], at=at)
    return [location_representation(site, counted[site.pk]) for site in sites]


def location_representation(site: Site, counted: dict[str, int]) -> dict[str, Any]:
    state: Any = site
    return {
        "id": str(site.pk),
        "name": site.name,
        "organization_id": site.organization_id and str(site.organization_id),
        "timezone": site.timezone,
        "status": state.status,
        "licensed": state.licensed,
        "is_locked": site.is_locked,
        "devices": device_counts(counted),
    }


def devices_by_status(site_ids: list[UUID], *, at: datetime) -> dict[UUID, dict[str, int]]:
    counted: dict[UUID, dict[str, int]] = defaultdict(dict)
    rows = Device.objects.live().filter(site__in=site_ids).with_status(at=at).values_list("site", "status")
    for site_id, status, number in rows.annotate(number=Count("pk")).order_by():
        counted[site_id][status] = number
    return counted
