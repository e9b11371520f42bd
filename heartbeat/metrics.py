from prometheus_client import Counter

HEARTBEATS = Counter("portcullis_heartbeats", "Heartbeats by what the site was answered.", ["verdict"])
UNSIGNED_LEASES = Counter(
    "portcullis_leases_unsigned",
    "Heartbeats that were answered without a lease, because no key signs or the process cannot use it.",
)

# `locked` whatever the licence. The others are refusals: wrong or revoked credentials, an address or a site over its limit, a
# report that cannot be read, and a fault of ours.
LICENSED, UNLICENSED, LOCKED = "licensed", "unlicensed", "locked"
REFUSED_KEY, TOO_MANY_FAILURES, TOO_OFTEN = "refused_key", "too_many_failures", "too_often"
INVALID, FAILED = "invalid", "failed"
VERDICTS = (LICENSED, UNLICENSED, LOCKED, REFUSED_KEY, TOO_MANY_FAILURES, TOO_OFTEN, INVALID, FAILED)
