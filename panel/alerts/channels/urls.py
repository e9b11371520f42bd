from typing import Any

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from panel.alerts.channels import buttons
from panel.alerts.channels.edit import AddChannelView, ChangeChannelView
from panel.alerts.channels.list import ChannelsView
from panel.alerts.channels.page import ChannelView


def channel_urls(site: AdminSite) -> list[URLPattern]:
    def page(route: str, view: Any, name: str) -> URLPattern:
        return path(f"channels/{route}", site.admin_view(view.as_view()), name=name)

    return [
        page("", ChannelsView, "channels"),
        page("add/", AddChannelView, "channel_add"),
        page("<uuid:channel_id>/", ChannelView, "channel"),
        page("<uuid:channel_id>/change/", ChangeChannelView, "channel_change"),
        page("<uuid:channel_id>/delete/", buttons.DeleteChannelView, "channel_delete"),
        page("<uuid:channel_id>/test/", buttons.TestChannelView, "channel_test"),
        page("<uuid:channel_id>/enable/", buttons.EnableChannelView, "channel_enable"),
        page("<uuid:channel_id>/disable/", buttons.DisableChannelView, "channel_disable"),
        page("<uuid:channel_id>/send-again/<uuid:delivery_id>/", buttons.SendAgainView, "channel_send_again"),
    ]
