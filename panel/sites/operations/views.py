"""What an admin does to one site or to many: the page that names what will be hit, the doing, and the result."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.actors import acting_admin
from audit.models import Event
from idempotency.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from idempotency.models import IdempotentRequest
from idempotency.services import ABANDONED_AFTER, find_report, report_once
from panel.sites.operations import expected_results as fates
from panel.sites.operations.expected_results import Fate
from panel.sites.operations.forms import OperationForm
from panel.sites.operations.registry import OPERATIONS, Operation
from panel.sites.operations.run import DONE, carry_out, read_shown, shown_of
from panel.widgets.badges import badge
from panel.widgets.times import in_zone
from sites.models import Site

# As many as a page can name and a request can do in a few seconds.
AT_ONCE = 400
FATES_FIRST = (fates.REFUSED, fates.UNCHANGED, fates.WILL)
OUTCOMES_FIRST = (fates.REFUSED, fates.UNCHANGED, DONE)


@dataclass(frozen=True)
class Selection:
    """The sites that a form or an address names, and how many of its ids are no site's."""

    sites: Sequence[Site]
    unknown: int


@dataclass(frozen=True)
class Hit:
    """A site on the confirmation page; `shown` is what the form brings back of what stood there."""

    site: Site
    state: SafeString
    fate: Fate
    shown: str


class OperatesOnSites(admin.ModelAdmin):
    def get_urls(self) -> list[URLPattern]:
        protected = self.admin_site.admin_view
        return [
            path("operate/<slug:name>/", protected(self.operate_view), name="sites_site_operate"),
            path("operate/<slug:name>/<uuid:run>/", protected(self.result_view), name="sites_site_operated"),
            *super().get_urls(),
        ]

    def get_actions(self, request: HttpRequest) -> Any:
        offered = {
            name: (as_action(operation), name, f"{operation.label}…")
            for name, operation in OPERATIONS.items()
            if request.user.has_perm(operation.permission)
        }
        return {**super().get_actions(request), **offered}

    def response_action(self, request: HttpRequest, queryset: QuerySet[Site], *args: Any, **kwargs: Any) -> Any:
        if not all(read_uuid(value) for value in request.POST.getlist("_selected_action")):
            messages.error(request, "What was selected is not a list of sites. Nothing was done.")
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, *args, **kwargs)

    def operate_view(self, request: HttpRequest, name: str) -> HttpResponse:
        operation = permitted(request, name)
        return self.confirm(request, operation, request.POST.getlist("site") or request.GET.getlist("site"))

    def confirm(self, request: HttpRequest, operation: Operation, ids: Sequence[str]) -> HttpResponse:
        """Name what will be hit and ask for what is needed; with that, do it."""
        if len(set(ids)) > AT_ONCE:
            return self.back_to_list(
                request,
                f"That is more than {AT_ONCE} sites, the most at once. Narrow the list by a filter, then again.",
            )
        selection = self.select(request, ids)
        if not selection.sites:
            return self.back_to_list(request, "Select at least one site. None that is known was selected.")
        at = timezone.now()
        if request.method != "POST" or "confirmed" not in request.POST:
            form = operation.form(sites=selection.sites, at=at)
            return self.ask(request, operation, selection, form, at=at, run=uuid.uuid4())
        run = read_uuid(request.POST.get("run", "")) or uuid.uuid4()
        form = operation.form(request.POST, sites=selection.sites, at=at)
        # A form that was carried out is answered with what came of it, even where it could not be sent now.
        if was_carried_out(request, operation, run) or form.is_valid():
            return self.carry_out_once(request, operation, selection, form, run=run)
        form.point_at_first_error()
        return self.ask(request, operation, selection, form, at=at, run=run)

    def select(self, request: HttpRequest, ids: Sequence[str]) -> Selection:
        wanted = known_shapes(ids)
        sites = list(self.get_queryset(request).filter(pk__in=wanted).order_by("name", "site_id"))
        return Selection(sites, len(set(ids)) - len(sites))

    def ask(
        self,
        request: HttpRequest,
        operation: Operation,
        selection: Selection,
        form: OperationForm,
        *,
        at: datetime,
        run: uuid.UUID,
    ) -> HttpResponse:
        sites = selection.sites
        hits = [Hit(site, state_of(site, at), operation.fate_of(site, at), shown_of(operation, site)) for site in sites]
        hits.sort(key=lambda hit: FATES_FIRST.index(hit.fate.kind))
        title = f"{operation.label}: {sites[0].name if len(sites) == 1 else f'{len(sites)} sites'}"
        context = {
            **self.admin_site.each_context(request),
            "title": f"Not done yet. {title}" if form.errors else title,
            "operation": operation,
            "hits": hits,
            "counts": counts_of(sites, at),
            "fates": Counter(hit.fate.kind for hit in hits),
            "unknown": selection.unknown,
            "form": form,
            "run": run,
            "opts": self.opts,
            "media": self.media + form.media,
            "form_url": self.among_the_filtered(request, address_of(operation)),
            "cancel_url": self.among_the_filtered(request, page_after(sites)),
        }
        return TemplateResponse(request, "admin/sites/site/operate.html", context)

    def carry_out_once(
        self, request: HttpRequest, operation: Operation, selection: Selection, form: OperationForm, *, run: uuid.UUID
    ) -> HttpResponse:
        """Whatever sends the form a second time, a second click or a reload, is led to what the first one did."""

        def work() -> list[dict[str, str]]:
            posted = {
                site.pk: read_shown(operation, request.POST.get(f"shown-{site.pk}", "")) for site in selection.sites
            }
            by = acting_admin(request, Event.Source.ADMIN)
            return carry_out(operation, selection.sites, shown=posted, facts=form.facts(), by=by)

        entries = {name: values for name, values in request.POST.lists() if name != "csrfmiddlewaretoken"}
        result = HttpResponseRedirect(self.among_the_filtered(request, address_of(operation, run)))
        try:
            report = report_once(work, **place_of(request, operation, run), body=entries, at=timezone.now())
        except IdempotencyKeyReused:
            messages.warning(
                request,
                "You had sent this page before, with other entries. Nothing was done now; this is what was done then.",
            )
            return result
        except IdempotencyKeyInUse:
            return result
        if len(selection.sites) > 1:
            return result
        say_of_one(request, operation, report.body[0])
        return HttpResponseRedirect(self.among_the_filtered(request, page_after(selection.sites)))

    def result_view(self, request: HttpRequest, name: str, run: uuid.UUID) -> HttpResponse:
        operation = permitted(request, name)
        row = find_report(**place_of(request, operation, run))
        if row is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"{operation.label}: what was done",
            "operation": operation,
            "opts": self.opts,
            "at": row.created_at,
            "under_way": row.status is None,
            "abandoned": row.status is None and row.created_at < timezone.now() - ABANDONED_AFTER,
            "form_url": self.among_the_filtered(request, address_of(operation)),
            "list_url": self.among_the_filtered(request, address_of_list()),
            **outcomes_of(row),
        }
        response = TemplateResponse(request, "admin/sites/site/operate_result.html", context)
        if context["under_way"] and not context["abandoned"]:
            response["Refresh"] = "2"
        return response

    def back_to_list(self, request: HttpRequest, message: str) -> HttpResponse:
        messages.error(request, f"{message} Nothing was done.")
        return HttpResponseRedirect(self.among_the_filtered(request, address_of_list()))

    def among_the_filtered(self, request: HttpRequest, url: str) -> str:
        """Leads back, sooner or later, to the list as the person had filtered it."""
        context: Any = {"opts": self.opts, "preserved_filters": self.get_preserved_filters(request)}
        return str(add_preserved_filters(context, url))


def permitted(request: HttpRequest, name: str) -> Operation:
    operation = OPERATIONS.get(name)
    if operation is None:
        raise Http404
    if not request.user.has_perm(operation.permission):
        raise PermissionDenied
    return operation


def as_action(operation: Operation) -> Any:
    def act(modeladmin: Any, request: HttpRequest, queryset: QuerySet[Site]) -> HttpResponse:
        ids = queryset.order_by().values_list("pk", flat=True)[: AT_ONCE + 1]
        return modeladmin.confirm(request, operation, [str(pk) for pk in ids])

    return act


def place_of(request: HttpRequest, operation: Operation, run: uuid.UUID) -> dict[str, Any]:
    """Where the report of one confirmation is kept: that of another admin is out of reach."""
    return {"admin": request.user, "path": f"/admin/sites/site/operate/{operation.name}", "key": str(run)}


def was_carried_out(request: HttpRequest, operation: Operation, run: uuid.UUID) -> bool:
    row = find_report(**place_of(request, operation, run))
    return row is not None and row.status is not None


def known_shapes(ids: Iterable[str]) -> list[uuid.UUID]:
    return [found for value in ids if (found := read_uuid(value))]


def read_uuid(value: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(value)
    except ValueError:
        return None


def page_after(sites: Sequence[Site]) -> str:
    if len(sites) == 1:
        return reverse("admin:sites_site_change", args=[sites[0].pk])
    return address_of_list()


def address_of_list() -> str:
    return reverse("admin:sites_site_changelist")


def address_of(operation: Operation, *run: uuid.UUID) -> str:
    return reverse(f"admin:sites_site_{'operated' if run else 'operate'}", args=[operation.name, *run])


def counts_of(sites: Sequence[Any], at: datetime) -> list[SafeString]:
    """What stands on the page above the list; a deregistered site counts as nothing else."""
    live = [site for site in sites if site.deregistered_at is None]
    numbers = Counter(kind for site in sites for kind in states_of(site, at))
    words = {"online": "online now", "never_seen": "never seen", "locked": "locked already"}
    shown = ("online", "late", "offline", "never_seen", "locked", "expired", "inactive", "deregistered")
    always = ("online", "locked", "expired") if live else ()
    return [
        badge(kind, f"{numbers[kind]} {words.get(kind, kind)}") for kind in shown if kind in always or numbers[kind]
    ]


def states_of(site: Any, at: datetime) -> list[str]:
    """Kinds of badges."""
    if site.deregistered_at is not None:
        return ["deregistered"]
    facts = {
        "locked": site.is_locked,
        "expired": site.license_expires_at <= at,
        "inactive": not site.is_active,
    }
    return [str(site.status), *(kind for kind, holds in facts.items() if holds)]


def state_of(site: Any, at: datetime) -> SafeString:
    badges = format_html_join(" ", "{}", [(badge(kind),) for kind in states_of(site, at)])
    if not site.is_locked:
        return badges
    return format_html('{} <span class="quiet">since {}: {}</span>', badges, in_zone(site.locked_at), site.lock_reason)


def outcomes_of(row: IdempotentRequest) -> dict[str, Any]:
    outcomes: list[dict[str, str]] = sorted(row.body or [], key=lambda one: OUTCOMES_FIRST.index(one["kind"]))
    words = {fates.UNCHANGED: "left as it was"}
    return {
        "outcomes": [(one, badge(one["kind"], words.get(one["kind"], ""))) for one in outcomes],
        "numbers": Counter(one["kind"] for one in outcomes),
        "refused_ids": [one["site_id"] for one in outcomes if one["kind"] == fates.REFUSED],
    }


def say_of_one(request: HttpRequest, operation: Operation, outcome: dict[str, str]) -> None:
    if outcome["kind"] == DONE:
        messages.success(request, f"{outcome['name']}: {outcome['words']}.")
    elif outcome["kind"] == fates.UNCHANGED:
        messages.info(request, f"{outcome['name']} stands as it was. {outcome['words']}.")
    else:
        messages.error(request, f"{operation.label} was refused for {outcome['name']}. {outcome['words']}.")
