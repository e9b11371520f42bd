"""`/api/devices/heartbeat`, answered before sessions and CSRF run, see config/direct_routes.py."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny

from common.api.parsing import json_body
from common.api.problems import exception_handler
from common.api.query import refuse_unknown
from common.api.views import APIView
from common.metrics import count
from common.web.links import below_prefix
from fleet.devices.authentication import DeviceCredentials
from fleet.devices.errors import InvalidDeviceCredentials
from fleet.heartbeats.api.reports import read_device_report
from fleet.heartbeats.api.serializers import AnswerSerializer, DeviceReportSerializer
from fleet.heartbeats.metrics import DEVICE_HEARTBEATS
from fleet.heartbeats.services import record_device_heartbeat
from heartbeat.errors import TooManyFailures
from heartbeat.metrics import FAILED, INVALID, LICENSED, LOCKED, REFUSED_KEY, TOO_MANY_FAILURES, UNLICENSED

JSON = "application/json"
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
REFUSALS: dict[type[Exception], str] = {
    InvalidDeviceCredentials: REFUSED_KEY,
    TooManyFailures: TOO_MANY_FAILURES,
}


class DeviceHeartbeatView(APIView):
    """Like `heartbeat.api.views.HeartbeatView`, it skips most of DRF, which would cost several times the heartbeat itself."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    security_schemes = ("deviceId", "deviceKey")
    problem_statuses = (400, 401, 429)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return super().dispatch(request, *args, **kwargs)
        try:
            return self.post(request)
        except Exception as error:  # as DRF's own dispatch does
            response = exception_handler(error, {})
            verdict = REFUSALS.get(type(error), FAILED if response.status_code >= 500 else INVALID)
            count(DEVICE_HEARTBEATS, verdict)
            return response

    @extend_schema(
        operation_id="send_device_heartbeat",
        summary="Check in as a device",
        tags=["devices"],
        request=DeviceReportSerializer,
        responses=AnswerSerializer,
        examples=[
            OpenApiExample(
                "report",
                {"status": "online", "firmware_version": "1.4.0", "uptime_seconds": 86_400, "config_version": 3},
                request_only=True,
            ),
            OpenApiExample(
                "answer",
                {
                    "server_time": "2026-06-01T12:00:00Z",
                    "next_heartbeat_seconds": 31,
                    "config_version": 3,
                    "commands": [],
                    "licensed": True,
                    "locked": False,
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Report that the device is running. Call again after `next_heartbeat_seconds`.

        Devices of a location that is locked, expired or deregistered get 200, too, and are told so. All wrong credentials get
        the same 401 `invalid_device_credentials`. The heartbeat may be written up to two seconds after the answer.
        """
        if request.META.get("QUERY_STRING"):
            refuse_unknown(request.GET, known=set())
        device_id, key = request.META.get("HTTP_X_DEVICE_ID"), request.META.get("HTTP_X_DEVICE_KEY")
        if device_id is None or key is None:
            raise InvalidDeviceCredentials
        report = read_device_report(json_body(request))
        credentials = DeviceCredentials(device_id, key)
        answer = record_device_heartbeat(credentials, report, ip=request.client_address, at=timezone.now())
        if "firmware" in answer:
            answer["firmware"]["url"] = request.build_absolute_uri(below_prefix(answer["firmware"]["url"]))
        count(DEVICE_HEARTBEATS, LOCKED if answer["locked"] else LICENSED if answer["licensed"] else UNLICENSED)
        body = encode(answer).encode()
        headers = {"Cache-Control": "no-store", "Content-Length": str(len(body))}
        return HttpResponse(body, content_type=JSON, headers=headers)
