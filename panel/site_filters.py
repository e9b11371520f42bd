"""Filters of the sites list, in the operator's words."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from sites.models import Site, SiteStatus


class StatusFilter(SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return SiteStatus.choices

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Site]:
        return queryset.in_status(self.value(), at=timezone.now()) if self.value() in SiteStatus.values else queryset


class LicenseFilter(SimpleListFilter):
    title = "licence"
    parameter_name = "licensed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "licensed"), ("no", "not licensed")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Site]:
        at = timezone.now()
        if self.value() == "yes":
            return queryset.licensed(at=at)
        return queryset.unlicensed(at=at) if self.value() == "no" else queryset


class RegistrationFilter(SimpleListFilter):
    """Deregistered sites are out of sight unless asked for."""

    title = "registration"
    parameter_name = "registration"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("deregistered", "deregistered"), ("all", "all")]

    def choices(self, changelist: Any) -> Any:
        registered, *others = super().choices(changelist)
        yield {**registered, "display": "registered"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Site]:
        if self.value() == "all":
            return queryset
        return queryset.deregistered() if self.value() == "deregistered" else queryset.live()
