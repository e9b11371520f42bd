import uuid
from collections.abc import Collection, Mapping
from typing import Any

from common.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from sites.limits import MAX_TAGS, MAX_VIEWS


class SiteNotFound(NotFound):
    """The id is unknown or malformed, or the site is deregistered: API clients cannot distinguish these."""

    code = "site_not_found"
    title = "There is no such site"


class SiteAlreadyRegistered(Conflict):
    code = "site_already_registered"
    title = "A site with this id was registered already"


class SiteChanged(PreconditionFailed):
    code = "site_changed_meanwhile"
    title = "The site was changed since you read it"

    def __init__(self, detail: str | None = None, *, differences: Mapping[str, tuple[Any, Any]] | None = None) -> None:
        """`differences` is `{field: (value that the caller read, current value)}`, if the caller passed what it read."""
        super().__init__(detail)
        self.differences = differences or {}


class SitesChanged(PreconditionFailed):
    """Some of several sites that are changed together have changed; `site_ids` says which."""

    code = "sites_changed_meanwhile"
    title = "Some of the sites were changed since you read them"

    def __init__(self, site_ids: Collection[uuid.UUID]) -> None:
        super().__init__()
        self.site_ids = site_ids


class SiteNotDeregistered(Conflict):
    code = "site_not_deregistered"
    title = "Only a deregistered site can be restored"


class SiteErased(Conflict):
    code = "site_erased"
    title = "The personal data of this site was erased"


class NoteAlreadyAdded(Conflict):
    code = "note_already_added"
    title = "This form was sent before, with another text"


class TooManyTags(Conflict):
    code = "too_many_tags"
    title = f"A site can have at most {MAX_TAGS} tags"


class SavedViewNotFound(NotFound):
    """Also one of another admin."""

    code = "saved_view_not_found"
    title = "There is no such view"


class SavedViewNameTaken(Conflict):
    code = "saved_view_name_taken"
    title = "There is a view of this name already"


class TooManySavedViews(Conflict):
    code = "too_many_saved_views"
    title = f"There can be at most {MAX_VIEWS} views; delete one first"


class OrganizationNotFound(NotFound):
    code = "organization_not_found"
    title = "There is no such organization"


class OrganizationAlreadyAdded(Conflict):
    code = "organization_already_added"
    title = "An organization with this id was added already"


class OrganizationChanged(PreconditionFailed):
    code = "organization_changed_meanwhile"
    title = "The organization was changed since you read it"


class SlugTaken(Conflict):
    code = "slug_taken"
    title = "Another organization has this slug"


class InvalidExtension(InvalidInput):
    title = "The licence cannot be extended like that"
