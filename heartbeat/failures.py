"""How often an address may send wrong credentials of a site. The heartbeat and the doorbell count together."""

from django.conf import settings

from common.web.failure_limit import FailureLimit
from heartbeat.errors import TooManyFailures

wrong_credentials = FailureLimit("heartbeat-failures")


def count_failure(ip: str | None) -> None:
    """Count a failure of this address. Raises TooManyFailures over the limit."""
    seconds = wrong_credentials.count(ip, per_minute=settings.HEARTBEAT_FAILURES_PER_MINUTE)
    if seconds is not None:
        raise TooManyFailures(retry_after_seconds=seconds)
