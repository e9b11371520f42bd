"""The page of the keys that sign leases. It only shows them: they are changed by commands, on the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.generic import View

from licensing.models import SigningKey
from licensing.private_keys import PrivateHalf, private_half_of
from panel.widgets.badges import badge

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


@dataclass(frozen=True)
class KeyRow:
    """A key as the page shows it."""

    key: SigningKey
    private_half: PrivateHalf
    at: datetime

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


class SigningKeysView(View):
    http_method_names = ["get"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm("licensing.view_signingkey"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        at = timezone.now()
        rows = [KeyRow(key, private_half_of(key), at) for key in SigningKey.objects.oldest_first()]
        context = {**admin.site.each_context(request), "title": "Signing keys", "rows": rows}
        return TemplateResponse(request, "panel/signing_keys/list.html", context)
