"""The base of the pages of sites that are views of their own. Only the list is Django's, in `SiteAdmin`."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.views.generic import FormView
from django.views.generic.base import ContextMixin, TemplateResponseMixin, View

from panel.kept_forms import take_kept_entries


class SiteAdminView(PermissionRequiredMixin, TemplateResponseMixin, ContextMixin, View):
    """Asks for `permission_required` and renders `template_name` inside the admin's frame.

    The URLs wrap it in `admin_view`, which sends a person who is not signed in to the sign-in page and forbids caching.
    """

    # Declared because as_view() accepts only attributes of the class.
    site_admin: ModelAdmin = None  # type: ignore[assignment]
    raise_exception = True

    def admin_context(self) -> dict[str, Any]:
        """What the admin's base template needs."""
        return {**self.site_admin.admin_site.each_context(self.request), "opts": self.site_admin.opts}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{**self.admin_context(), **kwargs})


class SiteFormView(SiteAdminView, FormView):
    """A page with a form, which shows the entries that `panel.kept_forms` has kept for it."""

    def get_form_kwargs(self) -> dict[str, Any]:
        kept = take_kept_entries(self.request)
        return {**super().get_form_kwargs(), **({"data": kept} if kept else {})}
