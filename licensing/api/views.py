"""The public keys that sites check leases with."""

import hashlib
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.views import APIView
from licensing.jws import encode_json
from licensing.models import SigningKey
from licensing.representation import key_set

MEDIA_TYPE = "application/jwk-set+json"
KEY = inline_serializer(
    "SigningKey",
    {
        "kty": serializers.ChoiceField(choices=["OKP"]),
        "crv": serializers.ChoiceField(choices=["Ed25519"]),
        "x": serializers.CharField(),
        "kid": serializers.CharField(help_text="The key's thumbprint (RFC 7638)."),
        "use": serializers.ChoiceField(choices=["sig"]),
        "alg": serializers.ChoiceField(choices=["EdDSA"]),
        "state": serializers.ChoiceField(choices=SigningKey.State.choices),
        "endorsement": serializers.CharField(
            required=False, help_text="A JWS by the key before it; the very first key has none."
        ),
    },
    many=True,
)
KEY_SET = inline_serializer(
    "SigningKeySet", {"keys": KEY, "endorsements": serializers.ListField(child=serializers.CharField())}
)
EXAMPLE = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "use": "sig",
            "alg": "EdDSA",
            "state": "signing",
        }
    ],
    "endorsements": [],
}


class KeySetView(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    problem_statuses = (400,)

    @extend_schema(
        operation_id="get_signing_keys",
        summary="The keys that sign leases",
        tags=["heartbeat"],
        responses={(200, MEDIA_TYPE): KEY_SET, 304: None},
        parameters=[
            OpenApiParameter(
                "If-None-Match",
                str,
                OpenApiParameter.HEADER,
                description="The `ETag` you read; 304 if the set is the same.",
            ),
            OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200], description="Changes with the set."),
        ],
        examples=[OpenApiExample("set", EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """A JWK set (RFC 7517), the oldest key first. It may be cached for an hour.

        A lease is valid if one of `keys` that you trust has signed it. You trust the key that you pinned, and each later one
        that a key you trust has endorsed. `endorsements` has the endorsements of all keys that ever signed, oldest first, for a
        client that pinned a key that has left `keys` since.
        """
        content = key_set(at=timezone.now())
        tag = f'"{hashlib.sha256(encode_json(content).encode()).hexdigest()[:32]}"'
        headers = {"Cache-Control": "public, max-age=3600", "ETag": tag}
        if tag in [known.strip().removeprefix("W/") for known in request.headers.get("If-None-Match", "").split(",")]:
            return Response(status=304, headers=headers)
        return Response(content, content_type=MEDIA_TYPE, headers=headers)
