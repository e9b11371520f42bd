"""`/api/sites`. Each method reads the request, calls one service and prints the answer."""

import re
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
from rest_framework.serializers import Serializer

from audit.actors import Actor, acting_admin
from audit.models import Event
from common.api.paging import CursorPages, NumberedPages, bigint_position
from common.api.views import ViewSet
from idempotency.services import Answer, answer_once
from sites import services
from sites.api import documentation as documented
from sites.api.serializers import (
    CursorQuery,
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
from sites.listing import SiteList
from sites.models import Site
from sites.querysets import containing, licensed_at, status_conditions, unlicensed_at
from sites.validation import read_site_id


class EventPages(CursorPages):
    ordering = "-sequence"
    position = staticmethod(bigint_position)


def selected_sites(query: dict[str, Any], *, at: datetime) -> SiteList:
    """The live sites that the list's query parameters name, in their order."""
    of_site = conditions(
        query,
        is_locked="is_locked",
        is_active="is_active",
        license_expires_before="license_expires_at__lt",
        license_expires_after="license_expires_at__gt",
    )
    if "licensed" in query:
        of_site &= licensed_at(at) if query["licensed"] else unlicensed_at(at)
    of_text = containing(query["search"]) if query.get("search") else Q()
    of_pulse = conditions(query, last_seen_before="last_seen_at__lt", version="version")
    if "status" in query:
        of_pulse &= status_conditions(at, pulse="")[query["status"]]
    return SiteList(of_site, of_text, of_pulse, by=query.get("ordering", "name"), at=at)


def conditions(query: dict[str, Any], **lookups: str) -> Q:
    """The lookups of those parameters that were given."""
    return Q(*((lookup, query[name]) for name, lookup in lookups.items() if name in query))


def etag(site: Site) -> str:
    return f'"{site.revision}"'


def expected_revisions(request: Request) -> frozenset[int] | None:
    """The revisions that `If-Match` takes; None when it takes any. A tag that is none of ours matches none."""
    condition = request.headers.get("If-Match", "*").strip()
    if condition == "*":
        return None
    # A proxy that compresses marks the tag as weak; the revision in it is the same.
    return frozenset(int(tag) for tag in re.findall(r'(?:W/)?"([1-9]\d{0,8})"', condition, re.ASCII))


def utf8_header(value: str | None) -> str | None:
    """WSGI reads headers as Latin-1; clients write them in UTF-8."""
    try:
        return value if value is None else value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def canonical_path(request: Request) -> str:
    """The path by which a retry is known: /api/v1/sites/ is /api/sites."""
    return request.path.replace("/api/v1/", "/api/", 1).rstrip("/").lower()


class SiteViewSet(ViewSet):
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

    def known_query_parameters(self) -> set[str]:
        queries = {"list": SiteListQuery, "events": CursorQuery}
        query = queries.get(self.action or "")
        return set(query().fields) if query else set()

    # --- The collection ---

    @documented.list_sites
    def list(self, request: Request) -> Response:
        at = timezone.now()
        sites = selected_sites(SiteListQuery.read(request.query_params), at=at)
        page = self.paginate_queryset(sites)
        return self.get_paginated_response(SiteSerializer(page, many=True).data)

    @documented.register_site
    def create(self, request: Request) -> Response:
        facts = self.read(RegistrationSerializer)

        def register() -> Answer:
            at = timezone.now()
            registration = services.register_site(**facts, by=self.actor(), at=at)
            site = self.site_with_state(registration.site.pk, at=at)
            return Answer(
                status=201,
                body={**SiteSerializer(site).data, "secret_key": registration.secret_key},
                headers={"Location": f"{request.path.rstrip('/')}/{site.pk}", "ETag": etag(site)},
                secret=("secret_key",),
            )

        return self.answer(register)

    # --- One site ---

    @documented.retrieve_site
    def retrieve(self, request: Request, site_id: str) -> Response:
        site = self.site_with_state(read_site_id(site_id), at=timezone.now())
        return Response(SiteDetailSerializer(site).data, headers={"ETag": etag(site)})

    @documented.replace_site
    def update(self, request: Request, site_id: str) -> Response:
        return self.edit(site_id, partial=False)

    @documented.update_site
    def partial_update(self, request: Request, site_id: str) -> Response:
        return self.edit(site_id, partial=True)

    def edit(self, site_id: str, *, partial: bool) -> Response:
        wanted = read_site_id(site_id)
        changes = self.read(EditSerializer, partial=partial)
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
        return self.changed(services.lock_site, read_site_id(site_id), **self.read(LockSerializer))

    @documented.unlock_site
    @action(detail=True, methods=["post"])
    def unlock(self, request: Request, site_id: str) -> Response:
        return self.changed(services.unlock_site, read_site_id(site_id), **self.read(UnlockSerializer))

    @documented.extend_license
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, site_id: str) -> Response:
        wanted = read_site_id(site_id)
        facts = self.read(ExtendSerializer)

        def extend() -> Answer:
            at = timezone.now()
            services.extend_license(wanted, by=self.actor(), at=at, **facts)
            site = self.site_with_state(wanted, at=at)
            return Answer(status=200, body=dict(SiteSerializer(site).data), headers={"ETag": etag(site)})

        return self.answer(extend)

    @documented.rotate_key
    @action(detail=True, methods=["post"], url_path="rotate-key")
    def rotate_key(self, request: Request, site_id: str) -> Response:
        wanted = read_site_id(site_id)
        overlap = timedelta(hours=self.read(RotateSerializer)["overlap_hours"])
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

    # --- The three moves of every method: read, call, print ---

    def read(self, serializer: type[Serializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        body = serializer(data=self.request.data, partial=partial)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def actor(self) -> Actor:
        return acting_admin(self.request, Event.Source.API)

    def changed(self, service: Callable[..., Site], site_id: uuid.UUID, **facts: Any) -> Response:
        at = timezone.now()
        # One transaction: the answer shows this very change, not what somebody made of the site a moment later.
        with transaction.atomic():
            service(site_id, by=self.actor(), at=at, **facts)
            site = self.site_with_state(site_id, at=at)
        return Response(SiteSerializer(site).data, headers={"ETag": etag(site)})

    def answer(self, operate: Callable[[], Answer]) -> Response:
        """Do it, once for each Idempotency-Key."""
        key = utf8_header(self.request.headers.get("Idempotency-Key"))
        if key is None:
            with transaction.atomic():
                answer = operate()
        else:
            answer = answer_once(
                operate,
                admin=self.request.user,
                path=canonical_path(self.request),
                key=key,
                body=self.request.data,
                at=timezone.now(),
            )
        headers = {**answer.headers, **({"Idempotency-Replayed": "true"} if answer.replayed else {})}
        return Response(answer.body, status=answer.status, headers=headers)

    def site_with_state(self, site_id: uuid.UUID, *, at: datetime) -> Site:
        site = Site.objects.live().with_state(at=at).filter(pk=site_id).first()
        if site is None:
            raise SiteNotFound
        return site
