"""The pages of one's own account."""

from typing import Any

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from panel.account import overview, second_factors
from panel.account.confirmation import EndConfirmationView
from panel.account.google.again import AgainView
from panel.account.google.callback import CallbackView
from panel.account.google.linking import ConfirmLinkView, LinkView, UnlinkView
from panel.account.google.sign_in import StartView, UnknownView
from panel.account.notices import OwnNoticesView
from panel.account.set_password import SetPasswordView
from panel.account.settings import ChooseThemeView, OwnSettingsView, ResetOwnSettingsView
from panel.account.sign_in import SecondFactorView
from panel.account.tokens import AddTokenView, RevokeTokenView


def account_urls(site: AdminSite) -> list[URLPattern]:
    def page(route: str, view: Any, name: str) -> URLPattern:
        return path(f"account/{route}", site.admin_view(view), name=name)

    return [
        path("login/second-factor/", SecondFactorView.as_view(), name="second_factor"),
        path("set-password/<token>/", SetPasswordView.as_view(), name="set_password"),
        path("google/", StartView.as_view(), name="google_start"),
        path("google/unknown/", UnknownView.as_view(), name="google_unknown"),
        path("google/callback/", CallbackView.as_view(), name="google_callback"),
        page("google/again/", AgainView.as_view(), "google_again"),
        page("google/link/", LinkView.as_view(), "link_google"),
        page("google/confirm/", ConfirmLinkView.as_view(), "confirm_google"),
        page("google/unlink/", UnlinkView.as_view(), "unlink_google"),
        page("", overview.AccountView.as_view(), "account"),
        page("settings/", OwnSettingsView.as_view(), "own_settings"),
        page("settings/reset/", ResetOwnSettingsView.as_view(), "reset_own_settings"),
        page("settings/theme/", ChooseThemeView.as_view(), "choose_theme"),
        page("notices/", OwnNoticesView.as_view(), "own_notices"),
        page("end-browser/", overview.EndBrowserView.as_view(), "end_browser"),
        page("end-api-sign-in/", overview.EndApiSignInView.as_view(), "end_api_sign_in"),
        page("end-confirmation/", EndConfirmationView.as_view(), "end_confirmation"),
        page("tokens/add/", AddTokenView.as_view(), "add_token"),
        page("tokens/revoke/", RevokeTokenView.as_view(), "revoke_token"),
        page("end-others/", overview.EndOthersView.as_view(), "end_others"),
        page("authenticator-app/add/", second_factors.AddTotpView.as_view(), "add_totp"),
        page("authenticator-app/remove/", second_factors.RemoveTotpView.as_view(), "remove_totp"),
        page("security-keys/add/", second_factors.AddSecurityKeyView.as_view(), "add_security_key"),
        page(
            "security-keys/<int:key_id>/remove/", second_factors.RemoveSecurityKeyView.as_view(), "remove_security_key"
        ),
        page("recovery-codes/", second_factors.RenewRecoveryCodesView.as_view(), "renew_recovery_codes"),
    ]
