"""The bases of the pages of the fleet that are views of their own."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import FormView
from django.views.generic.base import ContextMixin, TemplateResponseMixin, View

from audit.actors import Actor, acting_admin
from audit.models import Event
from fleet.devices.models import Device
from panel.kept_forms import take_kept_entries


class FleetView(PermissionRequiredMixin, TemplateResponseMixin, ContextMixin, View):
    """Asks for `permission_required` and renders `template_name` inside the admin's frame."""

    raise_exception = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{**admin.site.each_context(self.request), **kwargs})

    @property
    def by(self) -> Actor:
        return acting_admin(self.request, Event.Source.ADMIN)


class FleetFormView(FleetView, FormView):
    """A page with a form, which shows the entries that `panel.kept_forms` has kept for it."""

    def get_form_kwargs(self) -> dict[str, Any]:
        kept = take_kept_entries(self.request)
        return {**super().get_form_kwargs(), **({"data": kept} if kept else {})}


class OneDeviceView(FleetView):
    """Changes one device, which must not be retired; the page of a retired one says that it is."""

    @cached_property
    def device(self) -> Device | None:
        device: Device | None = Device.objects.select_related("site").filter(pk=self.kwargs["device_id"]).first()
        return device

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if self.has_permission():
            if self.device is None:
                raise Http404("There is no such device.")
            if self.device.retired_at is not None:
                return self.is_retired()
        return super().dispatch(request, *args, **kwargs)

    def is_retired(self) -> HttpResponse:
        messages.warning(self.request, "This device is retired. Nothing was changed.")
        return self.to_its_page()

    def to_its_page(self) -> HttpResponse:
        return HttpResponseRedirect(device_page_url(self.kwargs["device_id"]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"device": self.device, **kwargs})


def device_page_url(device_id: uuid.UUID) -> str:
    return reverse("admin:devices_device_change", args=[device_id])
