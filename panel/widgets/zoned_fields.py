"""A date and a time that a person types, in the zone in which the page was written."""

import zoneinfo
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminDateWidget, AdminTimeWidget
from django.utils import timezone

from common.instants import known_zones
from panel.widgets.times import local

# After the zone's name, when the clocks show the typed hour twice and the second time is meant.
SECOND_TIME = "+"


class ZonedDateTimeWidget(forms.MultiWidget):
    """Django's two boxes, each with a name that a screen reader can say, the zone beside them and, hidden, in the form.

    What was typed under one zone must not be read under another because the browser moved in between.
    """

    supports_microseconds = False
    template_name = "admin/widgets/zoned_datetime.html"

    def __init__(self, attrs: Any = None) -> None:
        date = AdminDateWidget(attrs={"aria-label": "Date, as in 2026-12-31"})
        time = AdminTimeWidget(attrs={"aria-label": "Time, as in 23:59:59"})
        super().__init__([date, time, forms.HiddenInput()], attrs)

    def decompress(self, value: datetime | None) -> list[Any]:
        if value is None:
            return [None, None, timezone.get_current_timezone_name()]
        shown = local(value) if timezone.is_aware(value) else value
        zone = str(shown.tzinfo or timezone.get_current_timezone_name())
        return [shown.date(), shown.time().replace(microsecond=0), zone + SECOND_TIME * shown.fold]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        zone = context["widget"]["subwidgets"][2]["value"] or timezone.get_current_timezone_name()
        context["zone"] = zone.removesuffix(SECOND_TIME)
        return context

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return all(f"{name}_{part}" not in data for part in (0, 1))


class ZonedDateTimeField(forms.MultiValueField):
    """A moment. A form without a zone, such as a script's, speaks of the viewer's own."""

    widget = ZonedDateTimeWidget
    default_error_messages = {
        "invalid": "Enter a date and a time, as in 2026-12-31 and 23:59:59.",
        "skipped": "The clocks are set forward at that hour, so that this time does not exist. Choose another one.",
    }

    def __init__(self, **kwargs: Any) -> None:
        zone = forms.CharField(required=False)
        parts = (forms.DateField(), forms.TimeField(), zone)
        super().__init__(parts, require_all_fields=False, **kwargs)

    def clean(self, value: Any) -> datetime | None:
        # The zone alone is no answer.
        typed = isinstance(value, list | tuple) and any(value[:2])
        moment: datetime | None = super().clean(value if typed else None)
        return moment

    def compress(self, data_list: list[Any]) -> datetime | None:
        if not data_list:
            return None
        day, hour, zone = (*data_list, None)[:3]
        if day is None or hour is None:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return self.in_zone(datetime.combine(day, hour), zone)

    def in_zone(self, typed: datetime, zone: str | None) -> datetime:
        name = (zone or "").removesuffix(SECOND_TIME)
        known = zoneinfo.ZoneInfo(name) if name in known_zones() else timezone.get_current_timezone()
        try:
            moment = typed.replace(tzinfo=known, fold=int(zone != name)).astimezone(UTC)
        except OverflowError as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error
        if moment.astimezone(known).replace(tzinfo=None) != typed:
            raise forms.ValidationError(self.error_messages["skipped"], code="skipped")
        return moment

    def has_changed(self, initial: datetime | None, data: Any) -> bool:
        try:
            return self.clean(data) != initial
        except forms.ValidationError:
            return True
