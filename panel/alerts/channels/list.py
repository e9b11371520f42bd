"""The channels on which incidents are told, with how each does."""

from django.http import HttpRequest, HttpResponse

from alerts.models import AlertChannel
from panel.alerts.channels.health import ChannelRow
from panel.alerts.channels.views import ManageChannelsView


class ChannelsView(ManageChannelsView):
    http_method_names = ["get"]
    template_name = "panel/alerts/channels/list.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        channels = AlertChannel.objects.shared().with_health().order_by("name", "pk")
        rows = [ChannelRow(channel) for channel in channels]
        return self.render_to_response(self.get_context_data(title="Channels", rows=rows))
