"""What the API reads and prints of files."""

from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from common.api.fields import InstantField
from common.api.multipart import NO_FILE
from common.api.query import PageQuery, QuerySerializer
from documents.files.content import TYPES
from documents.files.links import signed_path
from documents.models import FileKind, SiteFile

MEDIA_TYPES = sorted(TYPES)


@extend_schema_field({"type": "string", "format": "binary"})
class FileField(serializers.Field[Any, Any, Any, Any]):
    def to_internal_value(self, data: Any) -> TemporaryUploadedFile:
        if not isinstance(data, TemporaryUploadedFile):
            raise serializers.ValidationError("Not a file: the part needs a file name.", code="invalid")
        return data


class FileUploadSerializer(serializers.Serializer[Any]):
    file = FileField(
        error_messages={"required": NO_FILE}, help_text="Its content decides what it is. Its name is cleaned and kept."
    )
    kind = serializers.ChoiceField(choices=FileKind.choices)


@extend_schema_serializer(component_name="SiteFile")
class FileSerializer(serializers.Serializer[SiteFile]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=FileKind.choices)
    content_type = serializers.ChoiceField(choices=MEDIA_TYPES)
    size = serializers.IntegerField(help_text="Bytes that are stored.")
    sha256 = serializers.CharField(help_text="Of the bytes that are stored, in hexadecimal.")
    uploaded_at = InstantField()
    uploaded_by = serializers.CharField(source="uploaded_by.username")
    url = serializers.SerializerMethodField(
        help_text="The path of the bytes. It works without a token for five minutes, with a token always without `signature`."
    )

    def get_url(self, file: SiteFile) -> str:
        return signed_path(file, at=timezone.now())


class FileListQuery(PageQuery):
    kind = serializers.ChoiceField(choices=FileKind.choices, required=False)


class ContentQuery(QuerySerializer):
    signature = serializers.CharField(required=False, help_text="From the `url` of a file.")
