"""The answer to a download: conditions, ranges, and the bytes as they come from the storage."""

import re
from typing import Any

from django.conf import settings
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header
from rest_framework.request import Request

from common.api.problems import problem_response
from common.errors import PreconditionFailed
from fleet.firmware.api.ranges import RangeNotSatisfiable, requested_part
from fleet.firmware.files.stored import PIECE_BYTES, StoredPart, stored_files
from fleet.firmware.models import Firmware

TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


class FirmwareFileOther(PreconditionFailed):
    code = "firmware_file_other"
    title = "The file is not the one that If-Match names"


def file_tag(firmware: Firmware) -> str:
    """A strong tag: the file of a firmware never changes, and another one has another hash."""
    return f'"{firmware.sha256}"'


def file_response(request: Request, firmware: Firmware) -> HttpResponseBase:
    """200, 206, 304 or 416. Raises FirmwareFileOther, FirmwareFileMissing, FirmwareStorageUnavailable."""
    headers = file_headers(firmware)
    if "If-Match" in request.headers and not matches(request.headers["If-Match"], firmware, strongly=True):
        raise FirmwareFileOther
    if "If-None-Match" in request.headers and matches(request.headers["If-None-Match"], firmware):
        return HttpResponse(status=304, headers=headers)
    if request.method == "HEAD":
        return HttpResponse(headers=headers | {"Content-Length": str(firmware.size)})
    wanted = request.headers.get("Range")
    if request.headers.get("If-Range", file_tag(firmware)).strip() != file_tag(firmware):
        wanted = None
    try:
        part = requested_part(wanted, firmware.size)
    except RangeNotSatisfiable as error:
        content_range = {"Content-Range": f"bytes */{error.size}"}
        return problem_response(416, error.code, error.detail, title=error.title, headers=content_range)
    if settings.FIRMWARE_ACCEL_REDIRECT and "If-Match" not in request.headers:
        # nginx reads Range itself, and says so. It would compare If-Match with a tag of its own.
        del headers["Accept-Ranges"]
        headers["X-Accel-Redirect"] = settings.FIRMWARE_ACCEL_REDIRECT + firmware.file_name
        return HttpResponse(headers=headers)
    start, stop = part or (0, firmware.size)
    headers["Content-Length"] = str(stop - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{firmware.size}"
    opened = stored_files().open(firmware.file_name, start=start, stop=stop)
    return SentFile(opened, status=206 if part else 200, headers=headers)


def file_headers(firmware: Firmware) -> dict[str, str]:
    name = re.sub(r"[^A-Za-z0-9._+\-]", "_", f"{firmware.product}-{firmware.version}.bin")
    return {
        "ETag": file_tag(firmware),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Type": "application/octet-stream",
        "Content-Disposition": str(content_disposition_header(True, name)),
        "X-Content-Type-Options": "nosniff",
    }


def matches(condition: str, firmware: Firmware, *, strongly: bool = False) -> bool:
    """Whether `*` or one of the tags is the file's; a weak tag never matches strongly."""
    if condition.strip() == "*":
        return True
    return any(tag == firmware.sha256 and not (weak and strongly) for weak, tag in TAG.findall(condition))


class SentFile(FileResponse):
    """The server sends a part with `fileno` by itself, see `config.server.connection`; others are passed on in pieces."""

    block_size = PIECE_BYTES

    def __init__(self, part: StoredPart, **kwargs: Any) -> None:
        super().__init__(part, **kwargs)

    def set_headers(self, filelike: Any) -> None:
        """They are given; Django would look for the length at the end of the whole file."""
