from common.errors import DomainError, NotAuthenticated, TooManyRequests


class InvalidSiteCredentials(NotAuthenticated):
    """The same error for an unknown or malformed id, a wrong, expired or revoked key and a deregistered site."""

    code = "invalid_site_credentials"
    title = "The site id or the site key is not valid"
    challenge = 'SiteKey realm="heartbeat"'


class SiteCallsTooOften(TooManyRequests):
    code = "site_calls_too_often"
    title = "This site calls too often"


class TooManyFailures(TooManyRequests):
    """For an address whose credentials were refused too often; a valid heartbeat from it is still answered."""

    code = "too_many_failures"
    title = "Too many refused heartbeats from this address"


class HistoryCannotBePartitioned(DomainError):
    code = "history_cannot_be_partitioned"
    title = "The history cannot be partitioned"
