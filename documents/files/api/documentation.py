"""What the API's description says of each endpoint of files."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from documents.files.api.serializers import ContentQuery, FileListQuery, FileSerializer, FileUploadSerializer

TAGS = ["sites"]
SITE_ID = "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11"
ID = "f2b0a1de-0a3e-4a5c-8d55-4c9a3f0f7b21"
FILE = {
    "id": ID,
    "name": "contract-2026.pdf",
    "kind": "contract",
    "content_type": "application/pdf",
    "size": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "uploaded_at": "2026-06-01T12:00:00Z",
    "uploaded_by": "anna",
    "url": f"/api/sites/{SITE_ID}/files/{ID}/content?signature=1780315500:c2lnbmF0dXJl",
}
IDS = [
    OpenApiParameter(name, {"type": "string", "format": "uuid"}, OpenApiParameter.PATH) for name in ("site_id", "id")
]


def answers(status: str = "200") -> OpenApiExample:
    return OpenApiExample("file", FILE, response_only=True, status_codes=[status])


upload_file = extend_schema(
    operation_id="upload_file",
    summary="Upload a file of a site",
    description=(
        "A multipart form. PDF, PNG, JPEG, WebP and plain text (UTF-8) of up to 10 MiB; another type is 400"
        " `unsupported_file_type`, a larger file 413. Pictures are encoded anew, without their metadata, so `size` and `sha256`"
        " may differ from those of the file that you send. 409 `quota_exceeded`: the site has no room. 400 `file_refused`: a"
        " scan of this server refused the file."
    ),
    tags=TAGS,
    parameters=[
        IDS[0],
        OpenApiParameter("Location", str, OpenApiParameter.HEADER, description="Where the file is.", response=[201]),
    ],
    request={"multipart/form-data": FileUploadSerializer},
    responses={201: FileSerializer},
    examples=[
        OpenApiExample(
            "upload",
            {"file": "contract.pdf", "kind": "contract"},
            request_only=True,
            media_type="multipart/form-data",
        ),
        answers("201"),
    ],
)
list_files = extend_schema(
    operation_id="list_files",
    summary="List the files of a site",
    description="The newest first.",
    tags=TAGS,
    parameters=[IDS[0], FileListQuery],
    responses=FileSerializer(many=True),
    examples=[answers()],
)
retrieve_file = extend_schema(
    operation_id="get_file",
    summary="Read what is known of a file",
    tags=TAGS,
    parameters=IDS,
    responses=FileSerializer,
    examples=[answers()],
)
delete_file = extend_schema(
    operation_id="delete_file",
    summary="Delete a file",
    description="It is not served from then on, by a signed `url` neither.",
    tags=TAGS,
    parameters=IDS,
    responses={204: None},
)
load_file = extend_schema(
    operation_id="download_file",
    summary="Load the bytes of a file",
    description=(
        "With an access token, or with the `signature` of a `url` that is less than five minutes old; otherwise 403"
        " `file_link_invalid`. Pictures may be shown in a page; others are downloads."
    ),
    tags=TAGS,
    parameters=[*IDS, ContentQuery],
    responses={
        (200, media_type): OpenApiResponse(OpenApiTypes.BINARY, description="The file.")
        for media_type in ("application/pdf", "image/jpeg", "image/png", "image/webp", "text/plain")
    },
)
