"""The base of the pages of channels, for sysadmins."""

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property

from alerts.models import AlertChannel
from panel.alerts.views import AlertsView


class ManageChannelsView(AlertsView):
    permission_required = "alerts.manage_channels"

    def to_page_of(self, channel_id: uuid.UUID) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:channel", args=[channel_id]))


class OneChannelView(ManageChannelsView):
    """A page of one channel. An unknown channel is a page of status 404; its former name is in the events."""

    @cached_property
    def channel(self) -> AlertChannel:
        channel: AlertChannel | None = (
            AlertChannel.objects.shared().with_health().filter(pk=self.kwargs["channel_id"]).first()
        )
        if channel is None:
            raise Http404("There is no such channel.")
        return channel

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.has_permission():
            _ = self.channel
        return super().dispatch(request, *args, **kwargs)

    def to_its_page(self) -> HttpResponse:
        return self.to_page_of(self.kwargs["channel_id"])
