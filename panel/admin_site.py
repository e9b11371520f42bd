from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.google.authorization import is_panel_sign_in_on
from accounts.models import Admin
from accounts.preferences import preferences_of
from panel.account.confirmation import shown_confirmation
from panel.account.passwords import OwnPasswordView
from panel.account.sign_in import PasswordForm, PasswordView
from panel.account.urls import account_urls
from panel.alerts.channels.urls import channel_urls
from panel.alerts.mark import critical_open
from panel.customer_notices.urls import customer_notices_urls
from panel.dashboard.views import dashboard_context
from panel.jobs.urls import jobs_urls
from panel.kept_forms import FIELD, Entries, entries_to_keep, keep_signed_form, sign_in_context
from panel.people.access_requests.urls import access_request_urls
from panel.signing_keys.urls import signing_keys_urls

# The tables that are used most come first; tables that are not listed here come last.
ORDER = (
    "Site",
    "Organization",
    "Device",
    "Firmware",
    "Rollout",
    "Incident",
    "Heartbeat",
    "Event",
    "Admin",
    "AccessRequest",
    "SignInAttempt",
    "SiteKey",
)
MENU = ORDER[:9]
# Tables that share one entry of the menu, which opens.
FLEET = {"Device", "Firmware", "Rollout"}
# Pages of Django that nothing here uses: no field has autocompletion, no object has a public page. Both fail on an id
# or a search term that the database refuses.
UNUSED_PAGES = {"autocomplete", "view_on_site"}


def position(model: dict[str, Any]) -> int:
    return ORDER.index(model["object_name"]) if model["object_name"] in ORDER else len(ORDER)


def main_menu(apps: list[Any], path: str) -> list[dict[str, Any]]:
    """The menu at the top of every page: the tables of MENU that this person may see, those of the fleet in one entry."""
    models = sorted((model for app in apps for model in app["models"] if model["object_name"] in MENU), key=position)
    menu: list[dict[str, Any]] = []
    fleet: list[dict[str, Any]] = []
    for model in models:
        url = model["admin_url"]
        entry = {"name": model["name"], "url": url, "is_current": path.startswith(url)}
        if model["object_name"] not in FLEET:
            menu.append(entry)
            continue
        if not fleet:
            menu.append({"name": "Fleet", "entries": fleet})
        fleet.append(entry)
    for group in menu:
        if "entries" in group:
            group["is_current"] = any(entry["is_current"] for entry in group["entries"])
    return menu


def not_allowed_page(response: HttpResponse) -> HttpResponse:
    """In place of Django's response, which is empty; usually an address of a button was opened as a page."""
    allowed = response["Allow"]
    content = render_to_string("405.html", {"is_page": "GET" in allowed.split(", ")})
    return HttpResponse(content, status=405, headers={"Allow": allowed})


class PortcullisAdminSite(AdminSite):
    site_header = "Portcullis"
    site_title = "Portcullis"
    index_title = "Dashboard"
    enable_nav_sidebar = True

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        return {
            **context,
            "main_menu": main_menu(context["available_apps"], request.path),
            "critical_open": critical_open,
            "confirmed_until": shown_confirmation(request),
            "theme": preferences_of(request.user).theme if isinstance(request.user, Admin) else "",
        }

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=position)
        return sorted(apps, key=lambda app: position(app["models"][0]))

    def get_urls(self) -> list[Any]:
        urls = [url for url in super().get_urls() if getattr(url, "name", None) not in UNUSED_PAGES]
        pages = (account_urls, access_request_urls, jobs_urls, channel_urls, signing_keys_urls, customer_notices_urls)
        return [*(url for urls_of in pages for url in urls_of(self)), *urls]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {**dashboard_context(request, at=timezone.now()), **(extra_context or {})})

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> Any:
        """Every table that an app's page would list is on the dashboard."""
        return redirect("admin:index")

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Keep the entries of a form that is sent without a session (`panel.kept_forms`); give a status of 405 a page."""
        protected = super().admin_view(view, cacheable)

        @wraps(protected)
        def keep_or_show(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not self.has_permission(request) and (entries := entries_to_keep(request)) is not None:
                return self.ask_to_sign_in(request, entries)
            response = protected(request, *args, **kwargs)
            return not_allowed_page(response) if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED else response

        return keep_or_show

    @method_decorator(never_cache)
    def ask_to_sign_in(self, request: HttpRequest, entries: Entries) -> TemplateResponse:
        """The sign-in page as the answer to a form, with its entries."""
        context = {**self.each_context(request), "title": "Sign in", "form": PasswordForm(request)}
        context |= {**sign_in_context(request, entries), "is_google_on": is_panel_sign_in_on()}
        return TemplateResponse(request, PasswordView.template_name, context, status=403)

    @method_decorator([never_cache, login_not_required])
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method == "GET" and self.has_permission(request):
            return redirect("admin:index")
        context = {**self.each_context(request), "title": "Sign in", "app_path": request.get_full_path()}
        context |= {"username": request.user.get_username(), **(extra_context or {})}
        context |= {FIELD: request.POST.get(FIELD, ""), "is_google_on": is_panel_sign_in_on()}
        response = PasswordView.as_view(extra_context=context)(request)
        if response.status_code == HTTPStatus.FOUND:  # the password was right
            keep_signed_form(request)
        return response

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        response = super().logout(request, extra_context)
        response["Clear-Site-Data"] = '"cache", "storage"'
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {**self.each_context(request), **(extra_context or {})}
        return OwnPasswordView.as_view(extra_context=context)(request)
