from common.web.failure_limit import FailureLimit
from documents.shares.errors import TooManyWrongLinks
from documents.shares.limits import FAILURES_PER_MINUTE

wrong_links = FailureLimit("share-page-failures")


def count_wrong_link(address: str | None) -> None:
    """Raises TooManyWrongLinks over the limit."""
    seconds = wrong_links.count(address, per_minute=FAILURES_PER_MINUTE)
    if seconds is not None:
        raise TooManyWrongLinks(retry_after_seconds=seconds)
