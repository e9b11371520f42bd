from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from accounts.pages.passwords import OwnPasswordView
from accounts.pages.urls import account_urls


class PortcullisAdminSite(AdminSite):
    site_header = "Portcullis"
    site_title = "Portcullis"
    index_title = "Control panel"
    enable_nav_sidebar = True

    def get_urls(self) -> list[Any]:
        return [*account_urls(self), *super().get_urls()]

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {**self.each_context(request), **(extra_context or {})}
        return OwnPasswordView.as_view(extra_context=context)(request)
