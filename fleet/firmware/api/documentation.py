"""What the API's description says of each endpoint of firmware."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from fleet.firmware.api.serializers import (
    FirmwareEditSerializer,
    FirmwareListQuery,
    FirmwareSerializer,
    LatestQuery,
    UploadSerializer,
)

TAGS = ["firmware"]
ID = "6c1d3f0e-55ab-4a6e-9a59-0f4f6c1c7a11"
FIRMWARE = {
    "id": ID,
    "product": "till",
    "version": "2.4.0",
    "channel": "stable",
    "hardware": "pi-5",
    "notes": "Prints receipts in two languages.",
    "min_from": "2.0.0",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "size": 73400320,
    "url": f"/api/firmware/{ID}/file",
    "manifest": "eyJhbGciOiJFZERTQSIsInR5cCI6InBvcnRjdWxsaXMtZmlybXdhcmUrand0Iiwia2lkIjoi4oCmIn0.e30.c2ln",
    "withdrawn": False,
    "withdrawn_at": None,
    "created_at": "2026-06-01T12:00:00Z",
}
WITHDRAWN = {**FIRMWARE, "manifest": None, "withdrawn": True, "withdrawn_at": "2026-06-02T08:00:00Z"}
UPLOAD = {
    "file": "till-2.4.0.bin",
    **{name: FIRMWARE[name] for name in ("product", "version", "channel", "hardware", "notes", "min_from")},
}


def answers(value: dict[str, object], status: str = "200") -> OpenApiExample:
    return OpenApiExample("firmware", value, response_only=True, status_codes=[status])


def header(name: str, description: str, *, response: list[int] | None = None) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, response=response or False)


FIRMWARE_ID = OpenApiParameter("id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH)
CHANGES = "Changes with each change of the firmware."
BYTES = OpenApiResponse(OpenApiTypes.BINARY, description="The whole file.")
PART = OpenApiResponse(OpenApiTypes.BINARY, description="The bytes of `Content-Range`.")

list_firmware = extend_schema(
    operation_id="list_firmware",
    summary="List firmware",
    description="All versions, withdrawn ones too; the newest by SemVer precedence first.",
    tags=TAGS,
    parameters=[FirmwareListQuery],
    responses=FirmwareSerializer(many=True),
    examples=[answers(FIRMWARE)],
)
upload_firmware = extend_schema(
    operation_id="upload_firmware",
    summary="Upload a firmware",
    description=(
        "A multipart form. The same product and version a second time is 409 `firmware_exists`; send a new version. A file over"
        " the server's limit (512 MiB unless set otherwise) is 413. Nothing is stored unless the answer is 201."
    ),
    tags=TAGS,
    parameters=[
        header("ETag", CHANGES, response=[201]),
        header("Location", "Where the firmware is.", response=[201]),
    ],
    request={"multipart/form-data": UploadSerializer},
    responses={201: FirmwareSerializer},
    examples=[
        OpenApiExample("upload", UPLOAD, request_only=True, media_type="multipart/form-data"),
        answers(FIRMWARE, "201"),
    ],
)
latest_firmware = extend_schema(
    operation_id="get_latest_firmware",
    summary="The newest firmware",
    description=(
        "Of a product in one channel, by SemVer precedence; never a withdrawn one. 404 `firmware_not_found` if there is none."
    ),
    tags=TAGS,
    parameters=[LatestQuery, header("ETag", CHANGES, response=[200])],
    responses=FirmwareSerializer,
    examples=[answers(FIRMWARE)],
)
retrieve_firmware = extend_schema(
    operation_id="get_firmware",
    summary="Read a firmware",
    tags=TAGS,
    parameters=[FIRMWARE_ID, header("ETag", CHANGES, response=[200])],
    responses=FirmwareSerializer,
    examples=[answers(FIRMWARE)],
)
update_firmware = extend_schema(
    operation_id="update_firmware",
    summary="Withdraw a firmware, or change its notes",
    description=(
        "A withdrawn version is never the latest, and is offered to no device, whatever its target is. `withdrawn: false`"
        " offers it again."
    ),
    tags=TAGS,
    parameters=[
        FIRMWARE_ID,
        header("If-Match", "The `ETag` you read; 412 when a change came between."),
        header("ETag", CHANGES, response=[200]),
    ],
    request=FirmwareEditSerializer,
    responses=FirmwareSerializer,
    examples=[OpenApiExample("withdraw", {"withdrawn": True}, request_only=True), answers(WITHDRAWN)],
)
load_firmware = extend_schema(
    operation_id="download_firmware",
    summary="Load the file",
    description=(
        "Resumable (RFC 9110): send `Range: bytes=N-` with the bytes that you have, and the `ETag` as `If-Range`. A `Range`"
        " with several ranges is answered with the whole file."
    ),
    tags=TAGS,
    parameters=[
        FIRMWARE_ID,
        header("Range", "`bytes=N-`, `bytes=N-M` or `bytes=-N`."),
        header("If-Range", "The `ETag` that you read; with another one the answer is the whole file."),
        header("If-None-Match", "304 if you have this file already."),
        header("ETag", "The SHA-256 of the file.", response=[200, 206, 304]),
        header("Content-Range", "Which bytes of how many.", response=[206]),
        header("Accept-Ranges", "`bytes`.", response=[200, 206]),
    ],
    responses={
        (200, "application/octet-stream"): BYTES,
        (206, "application/octet-stream"): PART,
        304: OpenApiResponse(description="You have it already."),
    },
)
