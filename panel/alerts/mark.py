"""The mark in the header of every page while something critical is open that has not been acknowledged."""

from django.http import HttpRequest, HttpResponse

from alerts.models import Incident
from panel.alerts.views import AlertsView


def critical_open() -> int:
    """The base template calls it, so that only a page with a header asks."""
    return Incident.objects.critical_open().count()


class MarkView(AlertsView):
    """The mark alone, for `mark.js`."""

    permission_required = "alerts.view_incident"
    template_name = "panel/alerts/mark.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render_to_response({"number": critical_open()})
