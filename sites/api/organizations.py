"""`/api/organizations`: chains of restaurants."""

import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from common.api.fields import IdField, InstantField, TextField
from common.api.paging import NumberedPages
from common.api.query import PageQuery
from common.api.views import ViewSet, etag, expected_revisions
from idempotency.api import IdempotencyMixin
from idempotency.services import StoredAnswer
from sites import services
from sites.api.documentation import CREATED_ETAG, ETAG, IDEMPOTENCY_KEY, IF_MATCH, REPLAYED, answers, asks
from sites.errors import OrganizationNotFound
from sites.limits import MAX_NAME_LENGTH, MAX_SEARCH_LENGTH, MAX_SLUG_LENGTH
from sites.models import Organization
from sites.querysets import OrganizationQuerySet
from sites.representation import organization_representation
from sites.slugs import SLUG, clean_slug
from sites.validation import read_organization_id

TAGS = ["organizations"]
EXAMPLE = {
    "id": "5f0c9d1e-4c1f-4c39-9d53-0a4c1f5d2b77",
    "name": "Conti Trattorie",
    "slug": "conti-trattorie",
    "created_at": "2026-01-01T09:00:00Z",
    "locations": 12,
    "devices": 58,
}
ID = OpenApiParameter("id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH)
LOCATION = OpenApiParameter(
    "Location", str, OpenApiParameter.HEADER, response=[201], description="Where the organization is."
)


class SlugField(TextField):
    def described(self) -> dict[str, str]:
        return {"pattern": f"^{SLUG}$"}

    def clean(self, data: Any) -> str:
        return clean_slug(data)


class OrganizationSerializer(serializers.Serializer[Organization]):
    """Describes what `organization_representation` makes."""

    id = IdField()
    name = serializers.CharField()
    slug = serializers.CharField()
    created_at = InstantField()
    locations = serializers.IntegerField(help_text="How many sites belong to it.")
    devices = serializers.IntegerField(help_text="How many devices these sites have.")

    def to_representation(self, instance: Organization) -> dict[str, Any]:
        return organization_representation(instance)


class NewOrganizationSerializer(serializers.Serializer[Any]):
    name = TextField(max_length=MAX_NAME_LENGTH)
    slug = SlugField(max_length=MAX_SLUG_LENGTH, required=False, help_text="Made from the name when left out.")


class OrganizationFacts(serializers.Serializer[Any]):
    name = TextField(max_length=MAX_NAME_LENGTH)
    slug = SlugField(max_length=MAX_SLUG_LENGTH)


class OrganizationListQuery(PageQuery):
    search = TextField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        max_length=MAX_SEARCH_LENGTH,
        help_text="In name and slug; case-insensitive, every character literally.",
    )


class OrganizationViewSet(IdempotencyMixin, ActorMixin, ViewSet):
    """Chains, to which sites may belong."""

    lookup_field = "id"
    lookup_value_regex = "[^/]+"
    queryset = Organization.objects.none()
    serializer_class = OrganizationSerializer
    pagination_class = NumberedPages
    required_permissions = {
        "list": "sites.view_organization",
        "retrieve": "sites.view_organization",
        "create": "sites.add_organization",
        "partial_update": "sites.change_organization",
    }
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "retrieve": (400, 401, 403, 404),
        "create": (400, 401, 403, 409),
        "partial_update": (400, 401, 403, 404, 409, 412),
    }
    queries = {"list": OrganizationListQuery}

    def counted(self, organizations: OrganizationQuerySet) -> OrganizationQuerySet:
        """Adds the numbers that the representation shows.

        An app above, which knows devices, derives from this view and annotates `devices` too.
        """
        return organizations.with_locations()

    @extend_schema(
        operation_id="list_organizations", summary="List organizations", tags=TAGS, parameters=[OrganizationListQuery]
    )
    def list(self, request: Request) -> Response:
        """By name."""
        found = Organization.objects.matching(self.read_query().get("search", ""))
        page = list(self.counted(found.by_name())[self.paginator.rows(request)])
        return self.paginator.response(request, OrganizationSerializer(page, many=True).data, total=found.count())

    @extend_schema(
        operation_id="create_organization",
        summary="Add an organization",
        tags=TAGS,
        parameters=[IDEMPOTENCY_KEY, CREATED_ETAG, LOCATION, REPLAYED],
        request=NewOrganizationSerializer,
        responses={201: OrganizationSerializer},
        examples=[
            asks("a chain", {"name": "Conti Trattorie"}),
            answers("added", {**EXAMPLE, "locations": 0, "devices": 0}, "201"),
        ],
    )
    def create(self, request: Request) -> Response:
        """A slug that another organization has is 409 `slug_taken`."""
        facts = self.read_body(NewOrganizationSerializer)

        def create() -> StoredAnswer:
            created = services.create_organization(**facts, by=self.actor(), at=timezone.now())
            return StoredAnswer(
                status=201,
                body=OrganizationSerializer(self.organization(created.pk)).data,
                headers={"Location": f"{request.path.rstrip('/')}/{created.pk}", "ETag": etag(created.revision)},
            )

        return self.run_once(create)

    @extend_schema(
        operation_id="get_organization",
        summary="Read an organization",
        tags=TAGS,
        parameters=[ID, ETAG],
        examples=[answers("an organization", EXAMPLE)],
    )
    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 - as in the path
        return self.answer(self.organization(read_organization_id(id)))

    @extend_schema(
        operation_id="update_organization",
        summary="Change an organization",
        tags=TAGS,
        parameters=[ID, IF_MATCH, ETAG],
        request=OrganizationFacts(partial=True),
        responses=OrganizationSerializer,
        examples=[asks("another name", {"name": "Conti"}), answers("an organization", EXAMPLE)],
    )
    def partial_update(self, request: Request, id: str) -> Response:  # noqa: A002
        """What is left out stays as it is; the slug does not follow the name."""
        wanted = read_organization_id(id)
        changes = self.read_body(OrganizationFacts, partial=True)
        # One transaction: the answer shows this very change.
        with transaction.atomic():
            services.update_organization(
                wanted,
                changes,
                by=self.actor(),
                at=timezone.now(),
                expected_revisions=expected_revisions(self.request),
            )
            changed = self.organization(wanted)
        return self.answer(changed)

    def organization(self, organization_id: uuid.UUID) -> Organization:
        found: Organization | None = self.counted(Organization.objects.filter(pk=organization_id)).first()
        if found is None:
            raise OrganizationNotFound
        return found

    def answer(self, organization: Organization) -> Response:
        return Response(OrganizationSerializer(organization).data, headers={"ETag": etag(organization.revision)})
