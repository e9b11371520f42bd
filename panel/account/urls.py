"""The pages of the panel that concern whoever looks at them."""

from typing import Any

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from panel.account import account, factors
from panel.account.sign_in import SecondFactorView


def account_urls(site: AdminSite) -> list[URLPattern]:
    def page(route: str, view: Any, name: str) -> URLPattern:
        return path(f"account/{route}", site.admin_view(view), name=name)

    return [
        path("login/second-factor/", SecondFactorView.as_view(), name="second_factor"),
        page("", account.account, "account"),
        page("end-browser/", account.end_browser, "end_browser"),
        page("end-api-sign-in/", account.end_api_sign_in, "end_api_sign_in"),
        page("end-others/", account.end_others, "end_others"),
        page("authenticator-app/add/", factors.AddTotpView.as_view(), "add_totp"),
        page("authenticator-app/remove/", factors.RemoveTotpView.as_view(), "remove_totp"),
        page("security-keys/add/", factors.AddSecurityKeyView.as_view(), "add_security_key"),
        page("security-keys/<int:key_id>/remove/", factors.RemoveSecurityKeyView.as_view(), "remove_security_key"),
        page("recovery-codes/", factors.RenewRecoveryCodesView.as_view(), "renew_recovery_codes"),
    ]
