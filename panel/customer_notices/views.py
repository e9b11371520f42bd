"""The page of the notices to restaurants: the vendor's words, a preview with a real site, and whether they are sent."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.views.generic import FormView

from alerts.customer_notices.mail import Words, words_for
from alerts.customer_notices.schedule import gets_notices
from alerts.customer_notices.services import can_be_sent, change_notices
from alerts.customer_notices.words import PLACEHOLDERS, current_template
from alerts.models import LicenseNotice, NoticeTemplate, Unsubscription
from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.customer_notices.forms import NoticesForm
from panel.kept_forms import take_kept_entries
from panel.widgets.badges import badge
from sites.models import Site

NEWEST = 20
BADGES = {
    LicenseNotice.State.WAITING: "none",
    LicenseNotice.State.SENT: "good",
    LicenseNotice.State.FAILED: "bad",
    LicenseNotice.State.DROPPED: "unchanged",
}


@dataclass(frozen=True)
class NoticeRow:
    notice: LicenseNotice

    @property
    def badge(self) -> SafeString:
        state = LicenseNotice.State(self.notice.state)
        return badge(BADGES[state], state.label)


@dataclass(frozen=True)
class Preview:
    site: Site
    words: Words


class CustomerNoticesView(PermissionRequiredMixin, FormView):
    permission_required = "alerts.manage_customer_notices"
    raise_exception = True
    template_name = "panel/customer_notices/page.html"
    form_class = NoticesForm

    @cached_property
    def template(self) -> NoticeTemplate:
        return current_template()

    def get_initial(self) -> dict[str, Any]:
        stored = self.template
        return {
            "is_enabled": stored.is_enabled,
            "subject": stored.subject,
            "text": stored.text,
            "revision": stored.revision,
        }

    def get_form_kwargs(self) -> dict[str, Any]:
        kept = take_kept_entries(self.request)
        kwargs = {**super().get_form_kwargs(), **({"data": kept} if kept else {})}
        # What is on can be turned off in any case.
        return {**kwargs, "may_enable": can_be_sent() or self.template.is_enabled}

    def form_valid(self, form: NoticesForm) -> HttpResponse:
        if "preview" in self.request.POST:
            return self.render_to_response(self.get_context_data(form=form, preview=self.preview(form)))
        facts = {name: form.cleaned_data[name] for name in ("subject", "text", "is_enabled")}
        by = acting_admin(self.request, Event.Source.ADMIN)
        try:
            change_notices(**facts, by=by, at=timezone.now(), expected_revision=form.cleaned_data["revision"])
        except DomainError as error:
            form.add_error(None, f"{error.detail}.")
            return self.form_invalid(form)
        sent = "The notices are on." if facts["is_enabled"] else "The notices are off."
        messages.success(self.request, f"Saved. {sent}")
        return HttpResponseRedirect(reverse("admin:customer_notices"))

    def preview(self, form: NoticesForm) -> Preview | None:
        """With the entries of the form, which are not saved; None without such a site."""
        at = timezone.now()
        sites = Site.objects.live().filter(gets_notices(at))
        if searched := form.cleaned_data["preview_site"].strip():
            sites = sites.matching(searched)
        site = sites.order_by("license_expires_at", "pk").first()
        if site is None:
            form.add_error("preview_site", "No site with a valid licence matches.")
            return None
        template = NoticeTemplate(subject=form.cleaned_data["subject"], text=form.cleaned_data["text"])
        example = f"{settings.PUBLIC_URL}/s/psl_…"  # each mail has a link of its own
        return Preview(site, words_for(site, template, stage=form.cleaned_data["preview_stage"], link=example))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        newest = LicenseNotice.objects.newest_first().select_related("site")[:NEWEST]
        context = {
            **admin.site.each_context(self.request),
            "title": "Notices to restaurants",
            "is_enabled": self.template.is_enabled,
            "can_be_sent": can_be_sent(),
            "placeholders": [(f"{{{name}}}", meaning) for name, meaning in PLACEHOLDERS.items()],
            "rows": [NoticeRow(notice) for notice in newest],
            "unsubscribed": Unsubscription.objects.count(),
        }
        return super().get_context_data(**{**context, **kwargs})
