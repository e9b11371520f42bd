from common.errors import TooManyRequests, Unavailable

# So that those who are refused at the same time do not come back at the same time.
RETRY_AFTER_SECONDS = (5, 15)


class TooManyWaits(TooManyRequests):
    code = "too_many_waits"
    title = "Too many requests of this site or this address wait already"


class ChangesUnknown(Unavailable):
    """The database does not answer, so that it is not known whether the site was changed."""

    code = "changes_unknown"
    title = "Changes of sites are not known at the moment"
