from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from panel.account.passwords import OwnPasswordView
from panel.account.sign_in import PasswordView
from panel.account.urls import account_urls
from panel.dashboard.views import dashboard_context

# The tables that are used most come first; tables that are not listed here come last.
ORDER = ("Site", "Heartbeat", "Event", "Admin", "SiteKey", "SitePulse", "TokenFamily", "IdempotentRequest")
MENU = ORDER[:4]
# Pages of Django that nothing here uses: no field has autocompletion, no object has a public page. Both fail on an id
# or a search term that the database refuses.
UNUSED_PAGES = {"autocomplete", "view_on_site"}


def position(model: dict[str, Any]) -> int:
    return ORDER.index(model["object_name"]) if model["object_name"] in ORDER else len(ORDER)


def main_menu(apps: list[Any], path: str) -> list[dict[str, Any]]:
    """The menu at the top of every page: the tables of MENU that this person may see."""
    models = sorted((model for app in apps for model in app["models"] if model["object_name"] in MENU), key=position)
    return [
        {"name": model["name"], "url": model["admin_url"], "is_current": path.startswith(model["admin_url"])}
        for model in models
    ]


class PortcullisAdminSite(AdminSite):
    site_header = "Portcullis"
    site_title = "Portcullis"
    index_title = "Dashboard"
    enable_nav_sidebar = True

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        return {**context, "main_menu": main_menu(context["available_apps"], request.path)}

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=position)
        return sorted(apps, key=lambda app: position(app["models"][0]))

    def get_urls(self) -> list[Any]:
        urls = [url for url in super().get_urls() if getattr(url, "name", None) not in UNUSED_PAGES]
        return [*account_urls(self), *urls]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {**dashboard_context(request, at=timezone.now()), **(extra_context or {})})

    @method_decorator([never_cache, login_not_required])
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method == "GET" and self.has_permission(request):
            return redirect("admin:index")
        context = {**self.each_context(request), "title": "Sign in", "app_path": request.get_full_path()}
        context |= {"username": request.user.get_username(), **(extra_context or {})}
        return PasswordView.as_view(extra_context=context)(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {**self.each_context(request), **(extra_context or {})}
        return OwnPasswordView.as_view(extra_context=context)(request)
