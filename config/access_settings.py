"""Settings of how people get access."""

from config import environment as env


def access_requests_per_address() -> int:
    """ACCESS_REQUESTS_PER_ADDRESS: how many one address may send in an hour, whatever the answer."""
    return env.integer("ACCESS_REQUESTS_PER_ADDRESS", default=20, minimum=1, maximum=10_000)
