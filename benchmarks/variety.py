"""What sites differ in, so that a list of them can be filtered, searched and sorted as in life.

Everything follows from a site's number, and every thousand sites have exactly the same shares, so that estates of different
sizes differ in nothing but size.
"""

from datetime import datetime, timedelta
from typing import Any

SHARES = 1000
# Of a thousand sites; the rest is online, open, licensed.
STATES = (
    ("never_seen", 20),
    ("late", 15),
    ("offline", 15),
    ("locked", 10),
    ("inactive", 10),
    ("expired", 10),
    ("deregistered", 10),
)
VERSIONS = (("1.4.2", 600), ("1.4.1", 250), ("1.3.0", 100), ("1.2.7", 40), ("1.0.0", 10))
LOCK_REASON = "unpaid invoice"

GIVEN_NAMES = (
    *("Giulia", "Ana", "Jörg", "Chloé", "Eleni", "Kenji", "Zofia", "Mateo", "Ingrid", "Luca"),
    *("Noor", "Tomás", "Agnès", "Björn", "Maria", "Pavel", "Sofia", "Yuki", "Oscar", "Leïla"),
)
FAMILY_NAMES = (
    *("Conti", "Sousa", "Weiß", "Martin", "Pappa", "Mori", "Nowak", "García", "Lindqvist", "Ferrari"),
    *("Haddad", "Novák", "Dubois", "Åkesson", "Rossi", "Volkov", "Almeida", "Tanaka", "Nielsen", "Benali"),
    *("Moretti", "Keller", "Laurent", "Horvat", "Papadaki", "Sato", "Kowalska", "Ortega", "Bergman", "Gallo"),
    *("O'Brien", "Fischer", "Lefèvre", "Marković", "Ioannou", "Suzuki", "Wójcik", "Navarro", "Dahl", "Bianchi"),
    *("Murphy", "Schäfer", "Girard", "Petrović", "Vlachou", "Itō", "Zielińska", "Iglesias", "Holm", "Costa"),
)
# An owner that one site in a thousand has, and what the operator types to find them.
RARE_OWNER = f"{GIVEN_NAMES[0]} {FAMILY_NAMES[0]}"


def shuffled(number: int, *, within: int, step: int) -> int:
    """Each of `within` consecutive numbers somewhere else, neighbours far apart; `step` must be coprime to `within`."""
    return number * step % within


def share_of(position: int, shares: tuple[tuple[str, int], ...], rest: str) -> str:
    for name, size in shares:
        if position < size:
            return name
        position -= size
    return rest


def state_of(number: int) -> str:
    return share_of(shuffled(number, within=SHARES, step=617), STATES, "online")


def calls_home(number: int) -> bool:
    """Has called before and may go on."""
    return state_of(number) not in ("never_seen", "deregistered")


def owner_of(number: int) -> str:
    combination = shuffled(number, within=len(GIVEN_NAMES) * len(FAMILY_NAMES), step=389)
    family, given = divmod(combination, len(GIVEN_NAMES))
    return f"{GIVEN_NAMES[given]} {FAMILY_NAMES[family]}"


def site_facts(number: int, *, at: datetime) -> dict[str, Any]:
    """What differs from a site that is open and licensed."""
    facts: dict[str, Any] = {"owner_name": owner_of(number)}
    match state_of(number):
        case "locked":
            facts |= {"is_locked": True, "lock_reason": LOCK_REASON, "locked_at": at - timedelta(days=3)}
        case "inactive":
            facts["is_active"] = False
        case "expired":
            facts["license_expires_at"] = at - timedelta(days=1 + number % 30, seconds=number % 86_400)
        case "deregistered":
            facts["deregistered_at"] = at - timedelta(days=10)
    return facts


def pulse_facts(number: int, *, at: datetime, interval: timedelta) -> dict[str, Any] | None:
    """When the site was seen and with which version; None if never. No site falls due within the next hour."""
    state, part = state_of(number), shuffled(number, within=9973, step=4241) / 9973
    ago = {
        "never_seen": None,
        "late": interval + timedelta(minutes=1 + 20 * part),
        "offline": interval + timedelta(hours=2) + timedelta(days=60 * part),
    }.get(state, interval * 0.8 * part)
    if ago is None:
        return None
    return {
        "last_seen_at": at - ago,
        "version": share_of(shuffled(number, within=SHARES, step=271), VERSIONS, VERSIONS[0][0]),
        "reply_licensed": state not in ("inactive", "expired"),
        "reply_locked": state == "locked",
    }
