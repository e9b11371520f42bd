from typing import Any

from rest_framework import serializers

from accounts.models import Admin
from common.api.fields import TextField


class CredentialsSerializer(serializers.Serializer[Any]):
    username = TextField(max_length=150)
    password = TextField(max_length=4096, trim_whitespace=False, multiline=True, write_only=True)
    otp = TextField(
        max_length=16,
        required=False,
        write_only=True,
        help_text="A code of your authenticator app or a recovery code, once you have a second factor.",
    )


class GoogleSignInSerializer(serializers.Serializer[Any]):
    id_token = TextField(max_length=8192, write_only=True, help_text="Google's ID token for one of our client ids.")
    otp = TextField(
        max_length=16,
        required=False,
        write_only=True,
        help_text="A code of your authenticator app or a recovery code, once you have a second factor.",
    )


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = TextField(max_length=4096)


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")


class MeSerializer(serializers.ModelSerializer[Admin]):
    permissions = serializers.SerializerMethodField()

    class Meta:
        model = Admin
        fields = ["username", "email", "role", "permissions"]
        read_only_fields = fields

    def get_permissions(self, admin: Admin) -> list[str]:
        return sorted(admin.permissions)
