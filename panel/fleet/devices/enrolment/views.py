"""Enrolment codes: make one, which is shown once, and revoke one."""

import shlex
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from common.errors import DomainError
from common.web.links import server_url
from fleet.devices import services
from fleet.devices.errors import EnrolmentCodeExists
from fleet.devices.models import EnrolmentCode
from panel.fleet.devices.enrolment.forms import NewCodeForm
from panel.fleet.views import FleetFormView, FleetView
from sites.models import Site


class AddDeviceView(FleetFormView):
    """A code for devices of one site."""

    permission_required = "devices.add_enrolmentcode"
    template_name = "panel/fleet/devices/enrolment/add.html"
    form_class = NewCodeForm

    @cached_property
    def site(self) -> Site:
        site: Site = get_object_or_404(Site.objects.live(), pk=self.kwargs["site_id"])
        return site

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        titles = {"title": f"Add a device to {self.site.name}", "page_title": f"Add a device · {self.site.name}"}
        return super().get_context_data(**{"site": self.site, **titles, **kwargs})

    def form_valid(self, form: NewCodeForm) -> HttpResponse:
        try:
            new = services.create_enrolment_code(self.site.pk, by=self.by, at=timezone.now(), **form.cleaned_data)
        except EnrolmentCodeExists:
            # A reload of the page with the code sends the form again.
            messages.info(self.request, "This code was made already, and shown then, once. If it is lost, revoke it.")
            return HttpResponseRedirect(site_devices_url(self.site.pk))
        except DomainError as error:
            messages.error(self.request, f"{error.detail}. No code was made.")
            return HttpResponseRedirect(site_devices_url(self.site.pk))
        context = {
            "title": f"Enrolment code: {self.site.name}",
            "page_title": f"Enrolment code · {self.site.name}",
            "code": new.code,
            "row": new.row,
            "command": enrol_command(server_url(self.request), new.code),
        }
        return TemplateResponse(
            self.request, "panel/fleet/devices/enrolment/code.html", self.get_context_data(**context)
        )


class RevokeCodeView(FleetView):
    http_method_names = ["post"]
    permission_required = "devices.add_enrolmentcode"

    def post(self, request: HttpRequest, code_id: uuid.UUID) -> HttpResponse:
        code = get_object_or_404(EnrolmentCode, pk=code_id)
        services.revoke_enrolment_code(code_id, by=self.by, at=timezone.now())
        messages.success(request, f"Revoked: the code that ends in {code.hint}. Devices that have used it stay.")
        return HttpResponseRedirect(site_devices_url(code.site_id))


def enrol_command(url: str, code: str) -> str:
    """A line for the shell of the device."""
    return shlex.join(["portcullis-device", "enrol", "--url", url, "--code", code])


def site_devices_url(site_id: uuid.UUID) -> str:
    return reverse("admin:sites_site_change", args=[site_id]) + "#devices"
