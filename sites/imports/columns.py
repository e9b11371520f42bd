"""The columns of a CSV file of sites: the API's names, in the API's order."""

from sites.api.serializers import SiteSerializer
from sites.services import EDITABLE

IDENTITY = "site_id"
# The end of a key helps nobody in a file that is passed on; that a site is deregistered the API has no need to say.
NOT_EXPORTED = {"key_hint"}
EXPORTED = (*(name for name in SiteSerializer.Meta.fields if name not in NOT_EXPORTED), "deregistered_at")
IMPORTED = (IDENTITY, *EDITABLE)
IGNORED = frozenset({*EXPORTED, *NOT_EXPORTED} - {*IMPORTED})
