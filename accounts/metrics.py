from prometheus_client import Counter

SIGN_INS = Counter("portcullis_sign_ins", "Attempts to sign in, by where and by outcome.", ["source", "outcome"])
BLOCKED_SIGN_INS = Counter(
    "portcullis_sign_ins_blocked", "Attempts that were refused because too many had failed before."
)
