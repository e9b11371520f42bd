"""The part of an erasure for links: their notes may name the customer."""

import uuid

from documents.models import ShareLink


def links_of(site_id: uuid.UUID) -> int:
    return ShareLink.objects.filter(site=site_id).count()


def delete_links(site_id: uuid.UUID) -> None:
    ShareLink.objects.filter(site=site_id).delete()
