"""The buttons on the page of a channel: test, disable, enable, send again, delete."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from alerts.channels.services import change_channel, delete_channel
from alerts.channels.transports.outcome import Verdict
from alerts.outbox.requests import send_again, test_channel
from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.alerts.channels.views import OneChannelView


class ButtonView(OneChannelView):
    """Calls a service and goes back to the page of the channel; a refusal is a message there."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            self.press(by=acting_admin(request, Event.Source.ADMIN), at=timezone.now())
        except DomainError as error:
            messages.error(request, error.detail)
        return self.to_its_page()

    def press(self, **who_and_when: Any) -> None:
        raise NotImplementedError


class TestChannelView(ButtonView):
    __test__ = False  # for pytest

    def press(self, **who_and_when: Any) -> None:
        outcome = test_channel(self.channel.pk, **who_and_when)
        answer = " ".join(str(part) for part in (outcome.status, outcome.detail) if part)
        if outcome.verdict == Verdict.DELIVERED:
            messages.success(self.request, f"The test was delivered. Answer: {answer or 'none'}")
        else:
            messages.error(self.request, f"The test was not delivered. {answer}")


class EnableChannelView(ButtonView):
    def press(self, **who_and_when: Any) -> None:
        change_channel(self.channel.pk, {"is_enabled": True}, **who_and_when)
        messages.success(self.request, "Enabled. What failed before can be sent again.")


class DisableChannelView(ButtonView):
    def press(self, **who_and_when: Any) -> None:
        change_channel(self.channel.pk, {"is_enabled": False}, **who_and_when)
        messages.success(self.request, "Disabled. Messages that waited have failed.")


class SendAgainView(ButtonView):
    def press(self, **who_and_when: Any) -> None:
        send_again(self.channel.pk, self.kwargs["delivery_id"], **who_and_when)
        messages.success(self.request, "The message is sent again within seconds.")


class DeleteChannelView(OneChannelView):
    """GET asks, POST deletes."""

    http_method_names = ["get", "post"]
    template_name = "panel/alerts/channels/delete.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        channel = self.channel
        titles = {"title": f"Delete {channel.name}", "page_title": f"Delete · {channel.name}"}
        return self.render_to_response(self.get_context_data(**titles, channel=channel))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        delete_channel(self.channel.pk, by=acting_admin(request, Event.Source.ADMIN), at=timezone.now())
        messages.success(request, f"Deleted: {self.channel.name}.")
        return HttpResponseRedirect(reverse("admin:channels"))
