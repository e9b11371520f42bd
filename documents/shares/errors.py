from common.errors import Conflict, InvalidInput, NotFound, TooManyRequests
from documents.shares.limits import MAX_OPEN_LINKS


class ShareLinkNotFound(NotFound):
    """Unknown, malformed, revoked or expired, or of a site that is deregistered: visitors cannot distinguish these."""

    code = "share_link_not_found"
    title = "There is no such link"


class ShareLinkExists(Conflict):
    """The id that the caller gives is that of a link: the request was sent before."""

    code = "share_link_exists"
    title = "This link was made already"


class ShareLinkInvalid(InvalidInput):
    title = "The link cannot be made like that"


class TooManyShareLinks(Conflict):
    code = "too_many_share_links"
    title = f"A site can have at most {MAX_OPEN_LINKS} links that can be opened; revoke one first"


class TooManyWrongLinks(TooManyRequests):
    code = "too_many_failures"
    title = "Too many links from this address are not valid"
