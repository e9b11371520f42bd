"""What an admin chose for their own work."""

from django.db import models
from django.db.models import Q


class Theme(models.TextChoices):
    AUTO = "auto", "As your system is set"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class StartPage(models.TextChoices):
    DASHBOARD = "dashboard", "Dashboard"
    SITES = "sites", "Sites"
    DEVICES = "devices", "Devices"
    INCIDENTS = "incidents", "Incidents"


MIN_PAGE_SIZE, MAX_PAGE_SIZE = 10, 200


class Preferences(models.Model):
    """One row for an admin who changed something; without a row, the defaults of the fields hold."""

    admin = models.OneToOneField(
        "accounts.Admin", on_delete=models.CASCADE, primary_key=True, related_name="preferences"
    )
    # A name of the IANA database; empty: the browser's.
    timezone = models.CharField("time zone", max_length=64, blank=True)
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.AUTO)
    page_size = models.PositiveSmallIntegerField("rows of a list", default=50)
    start_page = models.CharField(max_length=16, choices=StartPage.choices, default=StartPage.DASHBOARD)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(theme__in=Theme.values), name="preferences_theme_known"),
            models.CheckConstraint(condition=Q(start_page__in=StartPage.values), name="preferences_start_page_known"),
            models.CheckConstraint(
                condition=Q(page_size__gte=MIN_PAGE_SIZE, page_size__lte=MAX_PAGE_SIZE),
                name="preferences_page_size_known",
            ),
        ]

    def __str__(self) -> str:
        return f"preferences of {self.admin_id}"
