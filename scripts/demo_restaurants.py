"""The forty restaurants of the demo, and the part that each of them plays."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

DEMO_DOMAIN = "demo.portcullis.example"
NAME_PREFIX = "Demo · "
# The chains, and the time zones of the restaurants that belong to them.
CHAINS = {"Conti Trattorie": ("Europe/Rome",), "Alpine Inns": ("Europe/Vienna", "Europe/Berlin")}

# What becomes of a restaurant after its registration:
ONLINE = "calls at its pace"
ENDS_SOON = "calls, its licence ends within weeks"
EXPIRED = "calls, its licence has ended"
LOCKED = "was locked, and has learnt it"
LOCK_UNTOLD = "was locked after its last call, and does not know yet"
LATE = "has missed a call by minutes"
OFFLINE = "has not called for days"
WRONG_KEY = "calls with a wrong key"
NEVER_SEEN = "was registered and never called"


@dataclass(frozen=True)
class Restaurant:
    name: str
    owner_name: str
    timezone: str
    part: str
    # Days from today until the licence ends, in the past when negative.
    licensed_days: int = 365
    lock_reason: str | None = None

    @property
    def slug(self) -> str:
        """What its e-mail address and its Idempotency-Key are made of."""
        plain = unicodedata.normalize("NFKD", self.name.replace("ø", "o")).encode("ascii", "ignore").decode()
        return plain.lower().replace(" ", "-")

    def registration(self, now: datetime) -> dict[str, str]:
        """The body to register it with, the same all day long: so a repeated request is known as the same."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        expires_at = midnight + timedelta(days=self.licensed_days)
        return {
            "name": f"{NAME_PREFIX}{self.name}",
            "owner_name": self.owner_name,
            "contact_email": f"{self.slug}@{DEMO_DOMAIN}",
            "timezone": self.timezone,
            "license_expires_at": expires_at.isoformat().replace("+00:00", "Z"),
        }


RESTAURANTS = (
    Restaurant("Trattoria Roma", "Giulia Conti", "Europe/Rome", ONLINE),
    Restaurant("Osteria Bologna", "Marco Ferri", "Europe/Rome", ONLINE, licensed_days=200),
    Restaurant("Pizzeria Napoli", "Carmela Esposito", "Europe/Rome", ONLINE, licensed_days=90),
    Restaurant("Bistro Lumiere", "Camille Laurent", "Europe/Paris", ONLINE),
    Restaurant("Brasserie Garonne", "Hugo Moreau", "Europe/Paris", ONLINE, licensed_days=310),
    Restaurant("Gasthaus Adler", "Katharina Vogel", "Europe/Berlin", ONLINE),
    Restaurant("Wirtshaus Isar", "Lukas Brandner", "Europe/Berlin", ONLINE, licensed_days=150),
    Restaurant("Beisl Ottakring", "Theresa Pichler", "Europe/Vienna", ONLINE),
    Restaurant("Taberna Sevilla", "Lucía Romero", "Europe/Madrid", ONLINE, licensed_days=75),
    Restaurant("Tasca Alfama", "Inês Carvalho", "Europe/Lisbon", ONLINE),
    Restaurant("Taverna Plaka", "Eleni Papadaki", "Europe/Athens", ONLINE, licensed_days=240),
    Restaurant("Smokehouse Austin", "Dale Whitaker", "America/Chicago", ONLINE),
    Restaurant("Diner Brooklyn", "Monique Harris", "America/New_York", ONLINE, licensed_days=410),
    Restaurant("Cantina Oaxaca", "Ximena Juárez", "America/Mexico_City", ONLINE),
    Restaurant("Churrascaria Paulista", "Rafael Nogueira", "America/Sao_Paulo", ONLINE, licensed_days=120),
    Restaurant("Izakaya Shibuya", "石井 花子", "Asia/Tokyo", ONLINE),
    Restaurant("Curry House Mumbai", "Priya Deshmukh", "Asia/Kolkata", ONLINE, licensed_days=60),
    Restaurant("Hawker Lane", "Tan Wei Ling", "Asia/Singapore", ONLINE),
    Restaurant("Harbour Grill", "Noah Campbell", "Australia/Sydney", ONLINE, licensed_days=500),
    Restaurant("Crêperie Bretonne", "Maëlle Le Goff", "Europe/Paris", ENDS_SOON, licensed_days=2),
    Restaurant("Pierogarnia Wawel", "Agnieszka Zając", "Europe/Warsaw", ENDS_SOON, licensed_days=5),
    Restaurant("Smørrebrød Nyhavn", "Søren Kjær", "Europe/Copenhagen", ENDS_SOON, licensed_days=11),
    Restaurant("Fish Bar Whitby", "Oliver Thwaite", "Europe/London", ENDS_SOON, licensed_days=24),
    Restaurant("Ristorante Etna", "Salvatore Greco", "Europe/Rome", EXPIRED, licensed_days=-1),
    Restaurant("Heuriger Grinzing", "Franz Wimmer", "Europe/Vienna", EXPIRED, licensed_days=-9),
    Restaurant("Taqueria Sonora", "Diego Valdez", "America/Hermosillo", EXPIRED, licensed_days=-40),
    Restaurant(
        "Steakhouse Calgary", "Megan Doyle", "America/Edmonton", LOCKED, lock_reason="Two invoices are open since March"
    ),
    Restaurant(
        "Meyhane Galata", "Deniz Yıldız", "Europe/Istanbul", LOCKED, lock_reason="The owner asked for a pause until May"
    ),
    Restaurant(
        "Ramen Yokocho", "Kenji Mori", "Asia/Tokyo", LOCKED, lock_reason="The same key was seen in two restaurants"
    ),
    Restaurant(
        "Café Central", "Anna Lindner", "Europe/Vienna", LOCK_UNTOLD, lock_reason="The contract was cancelled today"
    ),
    Restaurant("Pub Temple Bar", "Aoife Byrne", "Europe/Dublin", LATE),
    Restaurant("Kebab Palast", "Emre Aydın", "Europe/Berlin", LATE, licensed_days=180),
    Restaurant("Bodega Mendoza", "Sofía Aguirre", "America/Argentina/Mendoza", LATE),
    Restaurant("Konoba Split", "Ivana Marić", "Europe/Zagreb", OFFLINE),
    Restaurant("Fonda Sants", "Jordi Puig", "Europe/Madrid", OFFLINE, licensed_days=45),
    Restaurant("Braai Shack", "Thandi Nkosi", "Africa/Johannesburg", OFFLINE),
    Restaurant("Pho Hanoi", "Nguyễn Thị Lan", "Asia/Ho_Chi_Minh", WRONG_KEY),
    Restaurant("Lobster Pier", "Grace Sullivan", "America/Halifax", WRONG_KEY),
    Restaurant("Bouchon Lyonnais", "Antoine Perrin", "Europe/Paris", NEVER_SEEN),
    Restaurant("Ravintola Saimaa", "Aino Virtanen", "Europe/Helsinki", NEVER_SEEN),
)
