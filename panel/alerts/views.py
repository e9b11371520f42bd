"""The base of the pages of alerts that are views of their own."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.views.generic.base import ContextMixin, TemplateResponseMixin, View


class AlertsView(PermissionRequiredMixin, TemplateResponseMixin, ContextMixin, View):
    """Asks for `permission_required` and renders `template_name` inside the admin's frame."""

    raise_exception = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{**admin.site.each_context(self.request), **kwargs})
