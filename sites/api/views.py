"""`/api/sites`. Each method reads the request, calls one service and prints the answer."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from audit.models import Event
from common.api.paging import CursorPages, NumberedPages, bigint_position
from common.api.query import CursorQuery
from common.api.views import ViewSet, etag, expected_revisions
from idempotency.api import IdempotencyMixin
from idempotency.services import StoredAnswer
from sites import services
from sites.api import documentation as documented
from sites.api.serializers import (
    ORDERINGS,
    EditSerializer,
    EventSerializer,
    ExtendSerializer,
    LockSerializer,
    RegistrationSerializer,
    RotateSerializer,
    RotationSerializer,
    SiteDetailSerializer,
    SiteListQuery,
    SiteSerializer,
    UnlockSerializer,
)
from sites.errors import SiteNotFound
from sites.events import SITE
from sites.listing.pages import find_page
from sites.listing.query import SiteQuery
from sites.models import Site
from sites.querysets import containing, licensed_at, unlicensed_at
from sites.receipts import receipt_on_pulse
from sites.status import status_conditions
from sites.validation import read_site_id


class EventPages(CursorPages):
    ordering = "-sequence"
    position = staticmethod(bigint_position)


def site_query(query: dict[str, Any], *, at: datetime) -> SiteQuery:
    """What the list's query parameters ask for."""
    on_site = conditions(
        query,
        is_locked="is_locked",
        is_active="is_active",
        license_expires_before="license_expires_at__lt",
        license_expires_after="license_expires_at__gt",
        organization_id="organization",
    )
    if "licensed" in query:
        on_site &= licensed_at(at) if query["licensed"] else unlicensed_at(at)
    on_text = containing(query["search"]) if query.get("search") else Q()
    on_pulse = conditions(query, last_seen_before="last_seen_at__lt", version="version")
    if "clone_suspected" in query:
        on_pulse &= Q(clone_suspected_at__isnull=not query["clone_suspected"])
    if "receipt" in query:
        on_pulse &= receipt_on_pulse(query["receipt"])
    if "status" in query:
        on_pulse &= status_conditions(at, pulse="")[query["status"]]
    ordering = query.get("ordering", "name")
    return SiteQuery(
        at=at,
        on_site=on_site,
        on_text=on_text,
        on_pulse=on_pulse,
        order=ORDERINGS[ordering.removeprefix("-")],
        descending=ordering.startswith("-"),
    )


def conditions(query: dict[str, Any], **lookups: str) -> Q:
    """The lookups of those parameters that were given."""
    return Q(*((lookup, query[name]) for name, lookup in lookups.items() if name in query))


class SiteViewSet(IdempotencyMixin, ActorMixin, ViewSet):
    """Register sites and manage their licences, locks and keys."""

    lookup_field = "site_id"
    lookup_value_regex = "[^/]+"
    queryset = Site.objects.none()
    serializer_class = SiteSerializer
    pagination_class = NumberedPages
    required_permissions = {
        "list": "sites.view_site",
        "retrieve": "sites.view_site",
        "create": "sites.add_site",
        "update": "sites.change_site",
        "partial_update": "sites.change_site",
        "destroy": "sites.deregister_site",
        "lock": "sites.lock_site",
        "unlock": "sites.unlock_site",
        "extend": "sites.extend_license",
        "rotate_key": "sites.rotate_site_key",
        "events": "audit.view_event",
    }
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "retrieve": (400, 401, 403, 404),
        "create": (400, 401, 403, 409),
        "update": (400, 401, 403, 404, 412),
        "partial_update": (400, 401, 403, 404, 412),
        "destroy": (400, 401, 403, 404),
        "lock": (400, 401, 403, 404),
        "unlock": (400, 401, 403, 404),
        "extend": (400, 401, 403, 404, 409),
        "rotate_key": (400, 401, 403, 404),
        "events": (400, 401, 403, 404),
    }

    queries = {"list": SiteListQuery, "events": CursorQuery}

    # --- The collection ---

    @documented.list_sites
    def list(self, request: Request) -> Response:
        query = site_query(self.read_query(), at=timezone.now())
        page = find_page(query, self.paginator.rows(request))
        return self.paginator.response(request, SiteSerializer(page.sites, many=True).data, total=page.total)

    @documented.register_site
    def create(self, request: Request) -> Response:
        facts = self.read_body(RegistrationSerializer)

        def register() -> StoredAnswer:
            at = timezone.now()
            registration = services.register_site(**facts, by=self.actor(), at=at)
            site = self.site_with_state(registration.site.pk, at=at)
            return StoredAnswer(
                status=201,
                body={**SiteSerializer(site).data, "secret_key": registration.secret_key},
                headers={"Location": f"{request.path.rstrip('/')}/{site.pk}", "ETag": etag(site.revision)},
                secret=("secret_key",),
            )

        return self.run_once(register)

    # --- One site ---

    @documented.retrieve_site
    def retrieve(self, request: Request, site_id: str) -> Response:
        site = self.site_with_state(read_site_id(site_id), at=timezone.now())
        return Response(SiteDetailSerializer(site).data, headers={"ETag": etag(site.revision)})

    @documented.replace_site
    def update(self, request: Request, site_id: str) -> Response:
        return self.edit(site_id, partial=False)

    @documented.update_site
    def partial_update(self, request: Request, site_id: str) -> Response:
        return self.edit(site_id, partial=True)

    def edit(self, site_id: str, *, partial: bool) -> Response:
        wanted = read_site_id(site_id)
        changes = self.read_body(EditSerializer, partial=partial)
        return self.changed(
            services.update_site,
            wanted,
            changes=changes,
            expected_revisions=expected_revisions(self.request),
        )

    @documented.deregister_site
    def destroy(self, request: Request, site_id: str) -> Response:
        services.deregister_site(read_site_id(site_id), by=self.actor(), at=timezone.now())
        return Response(status=204)

    @documented.lock_site
    @action(detail=True, methods=["post"])
    def lock(self, request: Request, site_id: str) -> Response:
        return self.changed(services.lock_site, read_site_id(site_id), **self.read_body(LockSerializer))

    @documented.unlock_site
    @action(detail=True, methods=["post"])
    def unlock(self, request: Request, site_id: str) -> Response:
        return self.changed(services.unlock_site, read_site_id(site_id), **self.read_body(UnlockSerializer))

    @documented.extend_license
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, site_id: str) -> Response:
        wanted = read_site_id(site_id)
        facts = self.read_body(ExtendSerializer)

        def extend() -> StoredAnswer:
            at = timezone.now()
            services.extend_license(wanted, by=self.actor(), at=at, **facts)
            site = self.site_with_state(wanted, at=at)
            return StoredAnswer(status=200, body=dict(SiteSerializer(site).data), headers={"ETag": etag(site.revision)})

        return self.run_once(extend)

    @documented.rotate_key
    @action(detail=True, methods=["post"], url_path="rotate-key")
    def rotate_key(self, request: Request, site_id: str) -> Response:
        wanted = read_site_id(site_id)
        overlap = timedelta(hours=self.read_body(RotateSerializer)["overlap_hours"])
        rotation = services.rotate_key(wanted, by=self.actor(), at=timezone.now(), overlap=overlap)
        return Response(RotationSerializer(rotation).data)

    @documented.list_events
    @action(detail=True, methods=["get"], pagination_class=EventPages)
    def events(self, request: Request, site_id: str) -> Response:
        wanted = read_site_id(site_id)
        if not Site.objects.live().filter(pk=wanted).exists():
            raise SiteNotFound
        page = self.paginate_queryset(Event.objects.of(SITE, wanted).newest_first())
        return self.get_paginated_response(EventSerializer(page, many=True).data)

    # --- What the actions share ---

    def changed(self, service: Callable[..., Site], site_id: uuid.UUID, **facts: Any) -> Response:
        at = timezone.now()
        # One transaction: the answer shows this very change, not a later one.
        with transaction.atomic():
            service(site_id, by=self.actor(), at=at, **facts)
            site = self.site_with_state(site_id, at=at)
        return Response(SiteSerializer(site).data, headers={"ETag": etag(site.revision)})

    def site_with_state(self, site_id: uuid.UUID, *, at: datetime) -> Site:
        site = Site.objects.live().with_state(at=at).filter(pk=site_id).first()
        if site is None:
            raise SiteNotFound
        return site
