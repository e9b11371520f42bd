"""How to upload a firmware: the commands for this server.

A file of firmware is larger than what pages accept (`PAGE_BODY_LIMIT_BYTES`), which protects all of them; the API streams it to
the disk.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat

from common.web.links import server_url
from panel.fleet.views import FleetView

API_PATH = "/api"


class UploadView(FleetView):
    http_method_names = ["get"]
    permission_required = "firmware.add_firmware"
    template_name = "panel/fleet/firmware/upload.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        api = (settings.PUBLIC_URL.rstrip("/") or server_url(request)) + API_PATH
        return self.render_to_response(
            self.get_context_data(
                title="Upload firmware",
                api=api,
                username=request.user.get_username(),
                largest=filesizeformat(settings.FIRMWARE_MAX_BYTES),
                page_limit=filesizeformat(settings.PAGE_BODY_LIMIT_BYTES),
            )
        )
