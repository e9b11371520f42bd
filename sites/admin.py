"""The admin pages of sites. They show, ask and call services; nothing here changes a site by itself."""

import uuid
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from audit.actors import acting_admin
from audit.models import Event
from common.admin import KnownLookupsOnly, ReadOnlyAdmin, RefusalsAsMessages
from common.errors import DomainError
from sites import services
from sites.admin_filters import LicenseFilter, RegistrationFilter, StatusFilter
from sites.admin_forms import EditForm, RegisterForm, RotateForm
from sites.admin_operations import OPERATIONS, Operation
from sites.models import IdempotentRequest, Site, SiteKey, SitePulse
from sites.querysets import SiteQuerySet, folded

AT_ONCE = 400
STATE_FIELDS = ("shown_status", "shown_lock", "shown_license", "shown_last_seen", "shown_address", "shown_due")
RESTAURANT_FIELDS = ("name", "owner_name", "contact_email", "timezone")
LINE_BREAK = SafeString("<br>")
SHAPES = {"online": "●", "late": "▲", "offline": "■", "never_seen": "○"}


def badge(kind: str, shape: str, words: str) -> SafeString:
    return format_html('<span class="state state-{}"><span aria-hidden="true">{}</span> {}</span>', kind, shape, words)


@admin.register(Site)
class SiteAdmin(RefusalsAsMessages, KnownLookupsOnly, admin.ModelAdmin):
    form = EditForm
    list_display = ["name", "shown_status", "shown_lock", "shown_license", "shown_last_seen"]
    list_filter = [StatusFilter, "is_locked", LicenseFilter, "is_active", RegistrationFilter]
    search_fields = ["search_text"]
    search_help_text = "Name, owner, e-mail or id"
    ordering = ["name", "site_id"]
    list_per_page = 50
    show_full_result_count = False
    add_fieldsets = [
        ("Restaurant", {"fields": RESTAURANT_FIELDS}),
        ("Licence", {"fields": ["license_expires_at"]}),
    ]
    fieldsets = [
        ("State", {"fields": STATE_FIELDS}),
        ("Restaurant", {"fields": RESTAURANT_FIELDS}),
        ("Licence", {"fields": ["license_expires_at", "is_active"]}),
        ("Identity", {"fields": ["site_id", "shown_keys", "created_at", "updated_at", "deregistered_at"]}),
    ]
    readonly_fields = [
        *STATE_FIELDS,
        "shown_keys",
        "site_id",
        "created_at",
        "updated_at",
        "deregistered_at",
    ]

    # --- What is shown ---

    def get_queryset(self, request: HttpRequest) -> SiteQuerySet:
        return Site.objects.with_state(at=timezone.now())

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Site], bool]:
        return (queryset.matching(search_term.strip()) if search_term.strip() else queryset), False

    @admin.display(description="Status", ordering="pulse__due_at")
    def shown_status(self, site: Any) -> SafeString:
        if site.deregistered_at:
            return badge("offline", "✕", "deregistered")
        return badge(site.status, SHAPES[site.status], site.status.replace("_", " "))

    @admin.display(description="Lock", ordering="is_locked")
    def shown_lock(self, site: Site) -> SafeString:
        if not site.is_locked:
            return badge("open", "–", "open")
        return format_html('{}<br><span class="quiet">{}</span>', badge("locked", "◆", "locked"), site.lock_reason)

    @admin.display(description="Licence", ordering="license_expires_at")
    def shown_license(self, site: Any) -> SafeString:
        at = timezone.now()
        if site.license_expires_at <= at:
            shown = badge("expired", "■", f"ended {in_words(timesince(site.license_expires_at, at))} ago")
        else:
            shown = badge("licensed", "●", f"ends in {in_words(timeuntil(site.license_expires_at, at))}")
        return shown if site.is_active else format_html("{} {}", badge("expired", "■", "inactive"), shown)

    @admin.display(description="Last seen", ordering="pulse__last_seen_at")
    def shown_last_seen(self, site: Site) -> SafeString | str:
        seen = site.pulse.last_seen_at
        if seen is None:
            return "never"
        return format_html(
            '<time datetime="{0}" title="{0}">{1} ago</time><br><span class="quiet">version {2}</span>',
            seen.isoformat(timespec="seconds"),
            in_words(timesince(seen)),
            site.pulse.version,
        )

    @admin.display(description="Heard from")
    def shown_address(self, site: Site) -> str:
        return site.pulse.last_seen_ip or "–"

    @admin.display(description="Expected by")
    def shown_due(self, site: Site) -> str:
        return f"{site.pulse.due_at:%Y-%m-%d %H:%M} UTC" if site.pulse.due_at else "–"

    @admin.display(description="Keys")
    def shown_keys(self, site: Site) -> SafeString:
        rows = [(key.hint, state_of_key(key), f"{key.created_at:%Y-%m-%d}") for key in site.keys.order_by("-id")[:10]]
        return format_html_join(LINE_BREAK, "<code>{}</code> {}, made on {}", rows)

    # --- Registering and editing ---

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = RegisterForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.deregistered_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        by, at = acting_admin(request, Event.Source.ADMIN), timezone.now()
        if change:
            facts = form.cleaned_data
            changes = {name: facts[name] for name in form.changed_data if name in services.EDITABLE}
            services.update_site(obj.pk, changes, by=by, at=at, expected_revisions={facts["revision"]})
        else:
            registration = services.register_site(**form.cleaned_data, by=by, at=at)
            obj.pk = registration.site.pk
            request.registration = registration  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Site, post_url_continue: Any = None) -> HttpResponse:
        registration = request.registration  # type: ignore[attr-defined]
        return self.show_key(request, registration.site, registration.secret_key, title="Site registered")

    def show_key(self, request: HttpRequest, site: Site, key: str, **context: Any) -> HttpResponse:
        """The one page that ever holds a key. It is an answer to a POST: coming back to it never shows the key again."""
        context |= {"site": site, "secret_key": key, "opts": self.opts, **self.admin_site.each_context(request)}
        return TemplateResponse(request, "admin/sites/site/key.html", context)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The service recorded an event; a second log would only say less."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The service recorded an event."""

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        site = self.get_object(request, object_id)
        buttons = [] if site is None else self.buttons(request, site)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "buttons": buttons})

    def buttons(self, request: HttpRequest, site: Site) -> list[dict[str, Any]]:
        offered = [
            {"label": operation.label, "url": reverse("admin:sites_site_operate", args=[name]) + f"?site={site.pk}"}
            for name, operation in OPERATIONS.items()
            if request.user.has_perm(operation.permission) and operation.applies_to(site)
        ]
        if request.user.has_perm("sites.rotate_site_key") and site.deregistered_at is None:
            offered.append({"label": "Rotate key", "url": reverse("admin:sites_site_rotate", args=[site.pk])})
        return offered

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The history of a site is its events."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:audit_event_changelist") + f"?site_id={object_id}")

    # --- Operations on one and on many ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("operate/<slug:name>/", view(self.operate_view), name="sites_site_operate"),
            path("<uuid:site_id>/rotate-key/", view(self.rotate_view), name="sites_site_rotate"),
            *super().get_urls(),
        ]

    def get_actions(self, request: HttpRequest) -> Any:
        return {
            name: (as_action(operation), name, f"{operation.label}…")
            for name, operation in OPERATIONS.items()
            if request.user.has_perm(operation.permission)
        }

    def operate_view(self, request: HttpRequest, name: str) -> HttpResponse:
        operation = OPERATIONS.get(name)
        if operation is None:
            raise Http404
        ids = request.POST.getlist("site") or request.GET.getlist("site")
        return self.confirm(request, operation, [readable(value) for value in ids])

    def confirm(self, request: HttpRequest, operation: Operation, ids: list[uuid.UUID]) -> HttpResponse:
        """Name what will be hit and ask for what is needed; with that, do it."""
        if not request.user.has_perm(operation.permission):
            raise PermissionDenied
        sites = list(self.get_queryset(request).filter(pk__in=ids).order_by("name", "site_id")[: AT_ONCE + 1])
        if not sites or len(sites) > AT_ONCE:
            messages.error(request, f"Select from 1 to {AT_ONCE} sites.")
            return HttpResponseRedirect(reverse("admin:sites_site_changelist"))
        confirmed = request.method == "POST" and "confirmed" in request.POST
        form = operation.form(request.POST) if confirmed else operation.form()
        if confirmed and form.is_valid():
            self.carry_out(request, operation, sites, form.cleaned_data)
            return HttpResponseRedirect(self.page_after(sites))
        return self.ask(request, operation, sites, form)

    def ask(self, request: HttpRequest, operation: Operation, sites: list[Site], form: forms.Form) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{operation.label}: {sites[0].name if len(sites) == 1 else f'{len(sites)} sites'}",
            "operation": operation,
            "sites": sites,
            "online": sum(site.status == "online" for site in sites),  # type: ignore[attr-defined]
            "locked": sum(site.is_locked for site in sites),
            "unlicensed": sum(not site.licensed for site in sites),  # type: ignore[attr-defined]
            "form": form,
            "opts": self.opts,
            "media": self.media + form.media,
            "cancel_url": self.page_after(sites),
        }
        return TemplateResponse(request, "admin/sites/site/operate.html", context)

    def carry_out(self, request: HttpRequest, operation: Operation, sites: list[Site], facts: dict[str, Any]) -> None:
        """One transaction and one event a site; what one site refuses does not keep the others waiting."""
        by, done, refused = acting_admin(request, Event.Source.ADMIN), [], []
        for site in sites:
            if operation.is_cumulative:
                facts["expected_revisions"] = {posted_revision(request, site)}
            try:
                operation.service(site.pk, by=by, at=timezone.now(), **facts)
                done.append(site.name)
            except DomainError as error:
                refused.append(f"{site.name}: {error.detail}")
        if done:
            messages.success(request, f"{operation.done} {named(done)}.")
        for line in refused[:20]:
            messages.error(request, line)

    def page_after(self, sites: list[Site]) -> str:
        if len(sites) == 1:
            return reverse("admin:sites_site_change", args=[sites[0].pk])
        return reverse("admin:sites_site_changelist")

    def rotate_view(self, request: HttpRequest, site_id: uuid.UUID) -> HttpResponse:
        site = self.get_queryset(request).live().filter(pk=site_id).first()
        if not request.user.has_perm("sites.rotate_site_key"):
            raise PermissionDenied
        if site is None:
            raise Http404
        form = RotateForm(request.POST or None, initial={"revision": site.revision})
        if request.method == "POST" and form.is_valid():
            return self.rotate(request, site, form.cleaned_data)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Rotate the key of {site.name}",
            "site": site,
            "form": form,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/sites/site/rotate.html", context)

    def rotate(self, request: HttpRequest, site: Site, facts: dict[str, Any]) -> HttpResponse:
        try:
            rotation = services.rotate_key(
                site.pk,
                by=acting_admin(request, Event.Source.ADMIN),
                at=timezone.now(),
                overlap=timedelta(hours=facts["overlap_hours"]),
                # A reload of the page that shows the key must not make another one.
                expected_revisions={facts["revision"]},
            )
        except DomainError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(self.page_after([site]))
        until = rotation.previous_key_expires_at
        return self.show_key(request, site, rotation.secret_key, title="New key", previous_until=until)


def as_action(operation: Operation) -> Any:
    def act(modeladmin: SiteAdmin, request: HttpRequest, queryset: QuerySet[Site]) -> HttpResponse:
        ids = list(queryset.order_by().values_list("pk", flat=True)[: AT_ONCE + 1])
        return modeladmin.confirm(request, operation, ids)

    return act


def posted_revision(request: HttpRequest, site: Site) -> int:
    """The revision of the site that the confirmation page showed; 0, which no site has, when it says none."""
    given = request.POST.get(f"revision-{site.pk}", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0


def readable(value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError:
        raise Http404 from None


def in_words(duration: str) -> str:
    """The larger of Django's two units: "3 hours", not "3 hours, 12 minutes"."""
    return duration.partition(",")[0]


def named(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} sites"


def state_of_key(key: SiteKey) -> str:
    if key.revoked_at:
        return f"retired on {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "newest"
    verb = "works until" if key.expires_at > timezone.now() else "ended at"
    return f"{verb} {key.expires_at:%Y-%m-%d %H:%M} UTC"


class OfASiteAdmin(ReadOnlyAdmin):
    """A table of what belongs to a site: found by its name, owner, e-mail or id, in any case."""

    search_fields = ["site__search_text"]
    search_help_text = "The site's name, owner, e-mail or id"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = folded(search_term.strip())
        return (queryset.filter(site__search_text__contains=term) if term else queryset), False


@admin.register(SiteKey)
class SiteKeyAdmin(OfASiteAdmin):
    """Hints and ages. The digest is of no use to a person and stays out of sight."""

    list_display = ["hint", "site", "created_at", "expires_at", "revoked_at"]
    list_select_related = ["site"]
    ordering = ["-id"]
    fields = ["hint", "site", "created_at", "expires_at", "revoked_at"]


@admin.register(SitePulse)
class SitePulseAdmin(OfASiteAdmin):
    list_display = ["site", "last_seen_at", "due_at", "last_seen_ip", "version", "told_licensed", "told_locked"]
    list_select_related = ["site"]
    ordering = ["site_id"]


@admin.register(IdempotentRequest)
class IdempotentRequestAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "admin", "path", "key", "status"]
    search_fields = ["admin__username", "path", "key"]
    list_select_related = ["admin"]
    ordering = ["-id"]
    fields = ["created_at", "admin", "path", "key", "status"]
