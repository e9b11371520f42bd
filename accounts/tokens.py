"""Access and refresh tokens. simplejwt signs them and checks lifetimes; token families are ours."""

import uuid

from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import Admin

FAMILY_CLAIM = "fam"
GENERATION_CLAIM = "gen"


def access_token(admin: Admin, family_id: uuid.UUID) -> str:
    token = AccessToken.for_user(admin)
    token[GENERATION_CLAIM] = admin.token_generation
    token[FAMILY_CLAIM] = str(family_id)
    return str(token)


def refresh_token(admin: Admin, family_id: uuid.UUID) -> RefreshToken:
    token = RefreshToken.for_user(admin)
    token[FAMILY_CLAIM] = str(family_id)
    token[GENERATION_CLAIM] = admin.token_generation
    return token
