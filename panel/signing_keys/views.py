"""The page of the keys that sign leases. It only shows them: they are changed by commands, on the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.generic import View

from licensing.models import SigningKey
from licensing.private_keys import PrivateHalf, private_half_of
from panel.widgets.badges import badge
from sites.models import SitePulse

BADGES = {
    SigningKey.State.PUBLISHED: ("none", "published"),
    SigningKey.State.SIGNING: ("good", "signing"),
    SigningKey.State.RETIRED: ("unchanged", "retired"),
}
PRIVATE_HALVES: Mapping[str, str] = {
    PrivateHalf.SEALED: "sealed in the database",
    PrivateHalf.SEALED_UNDER_FORMER: "sealed in the database, under a former value of LEASE_KEY_SECRET",
    PrivateHalf.IN_FILE: "in LEASE_KEY_FILE",
    PrivateHalf.MISSING: "cannot be read",
    PrivateHalf.DELETED: "deleted",
}

EVERY_AGENT = "agents"


@dataclass(frozen=True)
class KeyRow:
    """A key as the page shows it."""

    key: SigningKey
    private_half: PrivateHalf
    at: datetime
    # Of all agents, how many have called since the key was published; None for a retired key.
    called: int | None

    @property
    def formatted_called(self) -> str | None:
        return None if self.called is None else f"{self.called:,}"

    @property
    def badge(self) -> SafeString:
        return badge(*BADGES[SigningKey.State(self.key.state)])

    @property
    def may_sign(self) -> bool:
        return self.key.may_sign_at <= self.at

    @property
    def is_listed(self) -> bool:
        return self.key.listed_until is None or self.key.listed_until > self.at

    @property
    def private_half_words(self) -> str:
        return PRIVATE_HALVES[self.private_half]

    @property
    def is_missing(self) -> bool:
        return self.private_half == PrivateHalf.MISSING


def agents_called(keys: Sequence[SigningKey]) -> dict[str, int]:
    """How many agents of live sites there are, under EVERY_AGENT, and how many called since each key was published.

    Retired keys are left out. One statement, whatever the number of keys; it reads all pulses.
    """
    listed = [key for key in keys if key.state != SigningKey.State.RETIRED]
    # Numbered, because an alias must not have all the characters of a kid.
    numbers = {
        f"key_{number}": Count("pk", filter=Q(last_seen_at__gte=key.created_at)) for number, key in enumerate(listed)
    }
    agents = SitePulse.objects.filter(lease_expires_at__isnull=False, site__deregistered_at=None)
    counted = agents.aggregate(**numbers, **{EVERY_AGENT: Count("pk")})
    return {EVERY_AGENT: counted[EVERY_AGENT]} | {
        key.kid: counted[f"key_{number}"] for number, key in enumerate(listed)
    }


class SigningKeysView(View):
    http_method_names = ["get"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm("licensing.view_signingkey"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        at = timezone.now()
        keys = list(SigningKey.objects.oldest_first())
        called = agents_called(keys)
        context = {
            **admin.site.each_context(request),
            "title": "Signing keys",
            "rows": [KeyRow(key, private_half_of(key), at, called.get(key.kid)) for key in keys],
            "agents": f"{called[EVERY_AGENT]:,}",
        }
        return TemplateResponse(request, "panel/signing_keys/list.html", context)
