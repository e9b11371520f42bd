"""The page of a channel: what it tells, how it does, and the history of its messages."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from alerts.kinds import Kind
from alerts.models import AlertChannel, Delivery, DeliveryAttempt
from panel.alerts.badges import delivery_badge
from panel.alerts.channels.health import ChannelRow
from panel.alerts.channels.views import OneChannelView

MESSAGES_ON_A_PAGE = 25
MAX_ATTEMPTS = 10


class MessageRow(NamedTuple):
    delivery: Any
    badge: SafeString

    @property
    def attempts(self) -> Sequence[DeliveryAttempt]:
        """The newest ones."""
        attempts: Sequence[DeliveryAttempt] = self.delivery.newest_attempts
        return attempts

    @property
    def can_be_sent_again(self) -> bool:
        return bool(self.delivery.state == Delivery.State.FAILED and self.delivery.type != Delivery.Type.TEST)


class ChannelView(OneChannelView):
    http_method_names = ["get"]
    template_name = "panel/alerts/channels/page.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        channel = self.channel
        page = messages_of(channel, request.GET.get("p", "1"))
        return self.render_to_response(
            self.get_context_data(
                title=channel.name,
                page_title=f"{channel.name} · Channels",
                channel=channel,
                row=ChannelRow(channel),
                kinds=[Kind(kind).label for kind in channel.kinds or ()],
                page=page,
                messages_sent=[MessageRow(delivery, delivery_badge(delivery)) for delivery in page],
                max_attempts=MAX_ATTEMPTS,
            )
        )


def messages_of(channel: AlertChannel, page: str) -> Page[Delivery]:
    """The newest first, each with its newest attempts."""
    attempts = DeliveryAttempt.objects.order_by("-pk")[:MAX_ATTEMPTS]
    deliveries = (
        channel.deliveries.newest_first()
        .select_related("incident")
        .prefetch_related(Prefetch("attempts_made", attempts, to_attr="newest_attempts"))
    )
    return Paginator(deliveries, MESSAGES_ON_A_PAGE).get_page(page)
