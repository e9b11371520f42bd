"""Withdrawing a firmware and offering it again, each with a page that says what happens."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.utils import timezone

from common.errors import DomainError
from fleet.firmware import services
from fleet.rollouts.models import Rollout
from panel.fleet.firmware.usage import usage_of
from panel.fleet.firmware.views import OneFirmwareView
from panel.fleet.views import FleetFormView


class RevisionForm(forms.Form):
    """The hidden revision refuses a page that was opened before another change."""

    revision = forms.IntegerField(widget=forms.HiddenInput)


class OfferView(FleetFormView, OneFirmwareView):
    """Changes whether devices are offered the firmware."""

    permission_required = "firmware.change_firmware"
    form_class = RevisionForm
    template_name = "panel/fleet/firmware/confirm.html"
    verb: str
    past: str
    withdrawn: bool

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if (self.firmware.withdrawn_at is not None) == self.withdrawn:
            messages.info(request, f"{self.firmware} is {'withdrawn' if self.withdrawn else 'available'} already.")
            return self.to_its_page()
        return super().get(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {"revision": self.firmware.revision}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        firmware = self.firmware
        return super().get_context_data(
            title=f"{self.verb} {firmware}",
            page_title=f"{self.verb} · {firmware}",
            verb=self.verb,
            withdraws=self.withdrawn,
            usage=usage_of([firmware])[firmware.pk],
            rollouts=Rollout.objects.filter(firmware=firmware).under_way().newest_first(),
            **kwargs,
        )

    def form_valid(self, form: RevisionForm) -> HttpResponse:
        try:
            services.update_firmware(
                self.kwargs["firmware_id"],
                {"withdrawn": self.withdrawn},
                by=self.by,
                at=timezone.now(),
                expected_revisions={form.cleaned_data["revision"]},
            )
        except DomainError as error:
            messages.error(self.request, f"{error.detail}. Nothing was changed.")
        else:
            messages.success(self.request, f"{self.past}: {self.firmware}.")
        return self.to_its_page()

    def form_invalid(self, form: RevisionForm) -> HttpResponse:
        messages.error(self.request, "This page has expired. Nothing was changed.")
        return self.to_its_page()


class WithdrawView(OfferView):
    verb, past, withdrawn = "Withdraw", "Withdrawn", True


class ReinstateView(OfferView):
    verb, past, withdrawn = "Reinstate", "Reinstated", False
