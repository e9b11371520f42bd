"""`/api/locations`: sites as the fleet sees them, by the same services."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from common.api.paging import NumberedPages
from common.api.query import PageQuery
from common.api.views import ViewSet, etag
from common.instants import format_instant
from fleet.api.representation import device_counts
from fleet.api.serializers import CodeSerializer, LocationSerializer, NewCodeSerializer
from fleet.devices import services
from fleet.devices.models import Device
from sites.errors import SiteNotFound
from sites.models import Site
from sites.validation import read_site_id


class LocationViewSet(ActorMixin, ViewSet):
    lookup_field = "site_id"
    lookup_value_regex = "[^/]+"
    queryset = Site.objects.none()
    serializer_class = LocationSerializer
    pagination_class = NumberedPages
    required_permissions = {
        "list": "sites.view_site",
        "retrieve": "sites.view_site",
        "enrolment_codes": "devices.add_enrolmentcode",
    }
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "retrieve": (400, 401, 403, 404),
        "enrolment_codes": (400, 401, 403, 404),
    }
    queries = {"list": PageQuery}

    @extend_schema(operation_id="list_locations", summary="List locations", tags=["devices"], parameters=[PageQuery])
    def list(self, request: Request) -> Response:
        self.read_query()
        at = timezone.now()
        live = Site.objects.live()
        page = list(live.with_state(at=at).sorted_by("name")[self.paginator.rows(request)])
        return self.paginator.response(request, location_representations(page, at=at), total=live.count())

    @extend_schema(operation_id="retrieve_location", summary="Read a location", tags=["devices"])
    def retrieve(self, request: Request, site_id: str) -> Response:
        at = timezone.now()
        site = Site.objects.live().with_state(at=at).filter(pk=read_site_id(site_id)).first()
        if site is None:
            raise SiteNotFound
        return Response(location_representations([site], at=at)[0], headers={"ETag": etag(site.revision)})

    @extend_schema(
        operation_id="create_enrolment_code",
        summary="Make an enrolment code",
        tags=["devices"],
        request=NewCodeSerializer,
        responses={201: CodeSerializer},
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
        "organization_id": None,
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
