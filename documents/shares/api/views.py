"""`/api/sites/{site_id}/share` and `…/shares`."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from common.api.paging import NumberedPages
from common.api.query import PageQuery
from common.api.views import ViewSet
from common.instants import format_instant
from documents.models import ShareLink
from documents.shares.api.serializers import CreatedShareLinkSerializer, NewShareLinkSerializer, ShareLinkSerializer
from documents.shares.errors import ShareLinkNotFound
from documents.shares.links import share_url
from documents.shares.services import create_share_link, revoke_share_link
from idempotency.api import IdempotencyMixin
from idempotency.services import StoredAnswer
from sites.api.documentation import IDEMPOTENCY_KEY, REPLAYED, SITE_ID, answers, asks
from sites.errors import SiteNotFound
from sites.models import Site
from sites.validation import read_id, read_site_id

TAGS = ["sites"]
ID = OpenApiParameter("id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH)
LINK_ID = "7b1f6f0a-3a52-4a0e-9f4e-1f2b6c8d9e10"
EXAMPLE = {
    "id": LINK_ID,
    "note": "for Giulia",
    "created_at": "2026-06-01T12:00:00Z",
    "created_by": "anna",
    "expires_at": "2026-08-30T12:00:00Z",
    "revoked_at": None,
    "last_opened_at": "2026-06-02T08:15:00Z",
}
CREATED = {"id": LINK_ID, "url": "https://licenses.example.com/s/psl_…", "expires_at": EXAMPLE["expires_at"]}


class ShareLinkViewSet(IdempotencyMixin, ActorMixin, ViewSet):
    """Links to the page of a site for the restaurant's owner."""

    queryset = ShareLink.objects.none()
    serializer_class = ShareLinkSerializer
    pagination_class = NumberedPages
    required_permissions = {
        "list": "documents.view_sharelink",
        "create": "documents.add_sharelink",
        "destroy": "documents.delete_sharelink",
    }
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "create": (400, 401, 403, 404, 409),
        "destroy": (400, 401, 403, 404),
    }
    queries = {"list": PageQuery}

    @extend_schema(
        operation_id="share_site",
        summary="Share a site's page",
        tags=TAGS,
        parameters=[SITE_ID, IDEMPOTENCY_KEY, REPLAYED],
        request=NewShareLinkSerializer,
        responses={201: CreatedShareLinkSerializer},
        examples=[
            asks("for 90 days", {"expires_in_days": 90, "note": "for Giulia"}),
            answers("a link", CREATED, "201"),
        ],
    )
    def create(self, request: Request, site_id: str) -> Response:
        """Make a link to a page for the restaurant's owner, which everybody who has the link can open without signing in.

        The page says whether the site is licensed and until when, whether it is locked and why, and when it was last heard.
        The `url` is shown here once.
        """
        wanted, facts = read_site_id(site_id), self.read_body(NewShareLinkSerializer)

        def create() -> StoredAnswer:
            new = create_share_link(wanted, by=self.actor(), at=timezone.now(), **facts)
            body: dict[str, Any] = {
                "id": str(new.row.pk),
                "url": share_url(request, new.token),
                "expires_at": format_instant(new.row.expires_at),
            }
            return StoredAnswer(status=201, body=body, secret=("url",))

        return self.run_once(create)

    @extend_schema(
        operation_id="list_shares",
        summary="List links to a site's page",
        tags=TAGS,
        parameters=[SITE_ID, PageQuery],
        examples=[answers("a link", EXAMPLE)],
    )
    def list(self, request: Request, site_id: str) -> Response:
        """The newest first, with those that were revoked or have expired, until 90 days after that."""
        wanted = read_site_id(site_id)
        if not Site.objects.live().filter(pk=wanted).exists():
            raise SiteNotFound
        found = ShareLink.objects.filter(site=wanted)
        page = found.newest_first().select_related("created_by")[self.paginator.rows(request)]
        return self.paginator.response(request, ShareLinkSerializer(page, many=True).data, total=found.count())

    @extend_schema(
        operation_id="revoke_share", summary="Revoke a link to a site's page", tags=TAGS, parameters=[SITE_ID, ID]
    )
    def destroy(self, request: Request, site_id: str, id: str) -> Response:  # noqa: A002 - as in the path
        """The link leads nowhere from now on. One that has expired or was revoked stays as it is."""
        wanted, link_id = read_site_id(site_id), read_id(id, ShareLinkNotFound)
        revoke_share_link(wanted, link_id, by=self.actor(), at=timezone.now())
        return Response(status=204)
