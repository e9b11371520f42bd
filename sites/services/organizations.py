"""Organizations: register a chain, and change its name or slug. `update_site` puts a site into one."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction

from audit.actors import Actor
from audit.services import record_event
from common.errors import InvalidInput
from sites.errors import OrganizationAlreadyAdded, OrganizationChanged, OrganizationNotFound, SlugTaken
from sites.events import OrganizationAction, organization_subject
from sites.models import Organization
from sites.querysets import folded
from sites.slugs import free_slugs, slug_of
from sites.validation import checked_organization

# How often a slug that was free is taken by somebody else at the same moment, before the caller is told.
ATTEMPTS = 25


@transaction.atomic
def create_organization(
    *, name: str, by: Actor, at: datetime, slug: str | None = None, organization_id: uuid.UUID | None = None
) -> Organization:
    """Add a chain. Without a slug it gets one from its name, with a number if that is taken.

    A caller that may send the same form twice passes the `organization_id`.
    Raises InvalidInput, SlugTaken, OrganizationAlreadyAdded.
    """
    values = checked_organization({"name": name} | ({} if slug is None else {"slug": slug}))
    organization = Organization(id=organization_id or uuid.uuid4(), name=values["name"], created_at=at, updated_at=at)
    slugs = [values["slug"]] if slug is not None else list(islice(free_slugs(organization.name, taken(name)), ATTEMPTS))
    for candidate in slugs:
        organization.slug = candidate
        if insert(organization):
            break
    else:
        raise SlugTaken
    recorded = {field: (None, getattr(organization, field)) for field in ("name", "slug")}
    record_event(OrganizationAction.CREATED, subject=organization_subject(organization), by=by, at=at, changes=recorded)
    return organization


def taken(name: str) -> set[str]:
    """The slugs that begin like that of the name."""
    return set(Organization.objects.filter(slug__startswith=slug_of(name)).values_list("slug", flat=True))


def insert(organization: Organization) -> bool:
    """Whether its slug was free. Raises OrganizationAlreadyAdded."""
    organization.search_text = searchable_organization(organization)
    try:
        with transaction.atomic():
            organization.save(force_insert=True)
    except IntegrityError as error:
        if Organization.objects.filter(pk=organization.pk).exists():
            raise OrganizationAlreadyAdded from error
        if not Organization.objects.filter(slug=organization.slug).exists():
            raise
        return False
    return True


@transaction.atomic
def update_organization(
    organization_id: uuid.UUID,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    at: datetime,
    expected_revisions: Collection[int] | None = None,
) -> Organization:
    """Change the name or the slug; a value that is equal already is not a change.

    Raises InvalidInput, OrganizationNotFound, OrganizationChanged, SlugTaken.
    """
    values = checked_organization({field: changes[field] for field in ("name", "slug") if field in changes})
    rows = Organization.objects.select_for_update(no_key=True)
    organization: Organization | None = rows.filter(pk=organization_id).first()
    if organization is None:
        raise OrganizationNotFound
    if expected_revisions is not None and organization.revision not in expected_revisions:
        raise OrganizationChanged
    changed = {field: value for field, value in values.items() if value != getattr(organization, field)}
    if not changed:
        return organization
    recorded = {field: (getattr(organization, field), value) for field, value in changed.items()}
    for field, value in changed.items():
        setattr(organization, field, value)
    organization.search_text = searchable_organization(organization)
    organization.updated_at, organization.revision = at, organization.revision + 1
    write(organization, [*changed, "search_text", "updated_at", "revision"])
    record_event(OrganizationAction.UPDATED, subject=organization_subject(organization), by=by, at=at, changes=recorded)
    return organization


def write(organization: Organization, fields: list[str]) -> None:
    """Raises SlugTaken."""
    try:
        with transaction.atomic():
            organization.save(update_fields=fields)
    except IntegrityError as error:
        if Organization.objects.filter(slug=organization.slug).exclude(pk=organization.pk).exists():
            raise SlugTaken from error
        raise


def organization_slugs(before: uuid.UUID | None, after: uuid.UUID | None) -> tuple[str | None, str | None]:
    """The slugs of a site's organizations before and after a change. Raises InvalidInput if the second is unknown."""
    slugs = dict(Organization.objects.filter(pk__in=[pk for pk in (before, after) if pk]).values_list("pk", "slug"))
    if after is not None and after not in slugs:
        raise InvalidInput("There is no such organization.", field="organization_id")
    return slugs.get(before), slugs.get(after)


def searchable_organization(organization: Organization) -> str:
    return folded(f"{organization.name}\n{organization.slug}")
