"""Second factors, tokens and sign-ins of another admin, on that admin's page. A sysadmin revokes and ends them there."""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property

from accounts.models import Admin, TotpDevice
from panel.account.confirmation import needs_confirmation
from panel.account.overview import EndApiSignInView, EndBrowserView, EndSignInsView, sign_ins_of
from panel.account.token_list import tokens_of
from panel.account.tokens import RevokeTokenView
from panel.people.lookup import find_admin
from panel.widgets.times import plural


def factor_words(person: Any) -> str:
    """As in "app, 2 keys", of an admin that `with_sign_ins` annotated; "none" without a second factor."""
    keys = [plural(person.key_count, "key")] if person.key_count else []
    return ", ".join([*(["app"] if person.has_app else []), *keys]) or "none"


def sign_in_words(person: Any) -> str:
    """As in "2 browsers, 1 program", of an admin that `with_sign_ins` annotated."""
    counts = ((person.browser_count, "browser"), (person.api_sign_in_count, "program"))
    return ", ".join(plural(count, what) for count, what in counts if count) or "–"


def sign_ins_for_page(person: Admin, *, current_session: str, at: datetime) -> dict[str, Any]:
    """The context of `panel/people/sign_ins.html`."""
    return {
        "totp_device": TotpDevice.objects.filter(admin=person).first(),
        "security_keys": person.security_keys.order_by("created_at"),
        "codes_left": person.recovery_codes.filter(used_at=None).count(),
        "end_browser_url": reverse("admin:end_admin_browser", args=[person.pk]),
        "end_api_sign_in_url": reverse("admin:end_admin_api_sign_in", args=[person.pk]),
        "revoke_token_url": reverse("admin:revoke_admin_token", args=[person.pk]),
        **tokens_of(person, at=at),
        **sign_ins_of(person, current_session=current_session, at=at),
    }


class EndOtherAdminsSignInView(EndSignInsView):
    """A button on the page of an admin, for sysadmins."""

    @cached_property
    def owner(self) -> Admin:
        return find_admin(self.kwargs["id"])

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm("accounts.change_admin"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @needs_confirmation
    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return super().post(request, **kwargs)

    def back(self) -> HttpResponse:
        return redirect("admin:accounts_admin_change", self.owner.pk)


class EndAdminBrowserView(EndOtherAdminsSignInView, EndBrowserView):
    """Ends a session of the panel."""


class EndAdminApiSignInView(EndOtherAdminsSignInView, EndApiSignInView):
    """Ends a sign-in through the API."""


class RevokeAdminTokenView(EndOtherAdminsSignInView, RevokeTokenView):
    """Revokes a token of a script."""
