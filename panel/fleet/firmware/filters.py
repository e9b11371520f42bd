"""The filters of the list of firmware."""

from typing import Any

from django.http import HttpRequest

from fleet.firmware.models import Firmware
from panel.fleet.filters import ColumnFilter

# More would make the page large; the search finds the others.
MAX_PRODUCTS = 100


class ProductFilter(ColumnFilter):
    title = parameter_name = column = "product"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        products = Firmware.objects.order_by("product").values_list("product", flat=True).distinct()
        return [(product, product) for product in products[:MAX_PRODUCTS]]


class ChannelFilter(ColumnFilter):
    title = parameter_name = column = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(channel, channel) for channel in Firmware.Channel.values]
