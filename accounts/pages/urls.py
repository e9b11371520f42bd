"""The pages of the panel that concern whoever looks at them."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from accounts.pages import account


def account_urls(site: AdminSite) -> list[URLPattern]:
    pages = {
        "account/": account.account,
        "account/end-browser/": account.end_browser,
        "account/end-api-sign-in/": account.end_api_sign_in,
        "account/end-others/": account.end_others,
    }
    return [path(route, site.admin_view(view), name=view.__name__) for route, view in pages.items()]
