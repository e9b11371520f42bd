"""`/api/sites/{site_id}/upload` and `/api/sites/{site_id}/files`."""

import uuid
from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from accounts.api.permissions import RolePermission
from common.api.paging import NumberedPages
from common.api.views import ViewSet
from documents.files import services
from documents.files.answers import file_answer
from documents.files.api import documentation as documented
from documents.files.api.serializers import ContentQuery, FileListQuery, FileSerializer, FileUploadSerializer
from documents.files.errors import FileNotFound
from documents.files.incoming import FILE
from documents.files.links import check_signature
from documents.models import SiteFile
from sites.errors import SiteNotFound
from sites.models import Site
from sites.validation import read_id, read_site_id


class FileViewSet(ActorMixin, ViewSet):
    """Upload, list, load and delete files of a site."""

    queryset = SiteFile.objects.none()
    serializer_class = FileSerializer
    pagination_class = NumberedPages
    required_permissions = {
        "upload": "documents.add_sitefile",
        "list": "documents.view_sitefile",
        "retrieve": "documents.view_sitefile",
        "content": "documents.view_sitefile",
        "destroy": "documents.delete_sitefile",
    }
    problems_by_action = {
        "upload": (400, 401, 403, 404, 409, 415, 507),
        "list": (400, 401, 403, 404),
        "retrieve": (400, 401, 403, 404),
        "content": (400, 401, 403, 404),
        "destroy": (400, 401, 403, 404),
    }
    queries = {"list": FileListQuery, "content": ContentQuery}

    @documented.upload_file
    def upload(self, request: Request, site_id: str) -> Response:
        wanted = live_site(site_id)
        given = request.data.get(FILE)
        try:
            facts = self.read_body(FileUploadSerializer)
            file, kind, at = facts[FILE], facts["kind"], timezone.now()
            added = services.add_file(wanted, file, kind=kind, name=file.name or "", by=self.actor(), at=at)
        finally:
            if hasattr(given, "close"):
                given.close()
        location = f"{request.path.rstrip('/').removesuffix('upload')}files/{added.pk}"
        return Response(FileSerializer(added).data, status=201, headers={"Location": location})

    @documented.list_files
    def list(self, request: Request, site_id: str) -> Response:
        found = (
            SiteFile.objects.of_site(live_site(site_id))
            .select_related("uploaded_by")
            .filter(**self.read_query_filters())
        )
        page = found[self.paginator.rows(request)]
        return self.paginator.response(request, FileSerializer(page, many=True).data, total=found.count())

    def read_query_filters(self) -> dict[str, Any]:
        return {name: value for name, value in self.read_query().items() if name == "kind"}

    @documented.retrieve_file
    def retrieve(self, request: Request, site_id: str, id: str) -> Response:  # noqa: A002 - as in the path
        return Response(FileSerializer(found_file(site_id, id)).data)

    @documented.delete_file
    def destroy(self, request: Request, site_id: str, id: str) -> Response:  # noqa: A002
        wanted, file_id = read_site_id(site_id), read_id(id, FileNotFound)
        services.delete_file(wanted, file_id, by=self.actor(), at=timezone.now())
        return Response(status=204)

    @documented.load_file
    def content(self, request: Request, site_id: str, id: str) -> HttpResponseBase:  # noqa: A002
        return file_answer(found_file(site_id, id))

    def get_permissions(self) -> Any:
        signature = self.request.query_params.get("signature") if self.action == "content" else None
        if signature is None:
            return [RolePermission()]
        ids = read_site_id(self.kwargs["site_id"]), read_id(self.kwargs["id"], FileNotFound)
        check_signature(signature, site_id=ids[0], file_id=ids[1], at=timezone.now())
        return [AllowAny()]


def live_site(text: str) -> uuid.UUID:
    """Raises SiteNotFound."""
    site_id = read_site_id(text)
    if not Site.objects.live().filter(pk=site_id).exists():
        raise SiteNotFound
    return site_id


def found_file(site_id: str, text: str) -> SiteFile:
    """Raises SiteNotFound, FileNotFound."""
    present = SiteFile.objects.of_site(live_site(site_id)).select_related("uploaded_by")
    file: SiteFile | None = present.filter(pk=read_id(text, FileNotFound)).first()
    if file is None:
        raise FileNotFound
    return file
