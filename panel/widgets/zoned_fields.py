"""Form field for a date and a time in the time zone in which the page was rendered."""

import zoneinfo
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminDateWidget, AdminTimeWidget
from django.utils import timezone

from common.instants import known_zones
from panel.widgets.times import local

# Follows the zone's name if the clocks show the hour twice, in autumn, and the second time is meant.
SECOND_TIME = "+"


class ZonedDateTimeWidget(forms.MultiWidget):
    """Django's two inputs, each with a label for screen readers, and the zone: beside them and in a hidden input.

    The form brings its zone back, so that what was typed in one zone is not read in another if the viewer's zone changes.
    """

    supports_microseconds = False
    template_name = "panel/widgets/zoned_datetime.html"

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
    """The cleaned value is in UTC. If the form brings no zone, as a script's may not, the viewer's zone is used."""

    widget = ZonedDateTimeWidget
    default_error_messages = {
        "invalid": "Enter a date and a time, as in 2026-12-31 and 23:59:59.",
        "skipped": "This time does not exist, because the clocks are set forward at that hour. Choose another one.",
    }

    def __init__(self, **kwargs: Any) -> None:
        zone = forms.CharField(required=False)
        parts = (forms.DateField(), forms.TimeField(), zone)
        super().__init__(parts, require_all_fields=False, **kwargs)

    def clean(self, value: Any) -> datetime | None:
        # A zone without date and time is an empty field.
        typed = isinstance(value, list | tuple) and any(value[:2])
        moment: datetime | None = super().clean(value if typed else None)
        return moment

    def compress(self, data_list: list[Any]) -> datetime | None:
        if not data_list:
            return None
        day, hour, zone = (*data_list, None)[:3]
        if day is None or hour is None:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return self.to_utc(datetime.combine(day, hour), zone)

    def to_utc(self, typed: datetime, zone: str | None) -> datetime:
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
