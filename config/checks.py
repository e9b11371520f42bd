"""System checks for settings that contradict each other. `config.environment` checks single values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import InterfaceError, OperationalError, ProgrammingError, connections
from django.utils import timezone

from backup.models import LastBackup
from common.commands import SETTINGS
from common.instants import parse_instant
from licensing.models import SigningKey
from licensing.private_keys import PrivateHalf, private_half_of

TABLES_WITHOUT_RIGHTS = """
SELECT name FROM unnest(%s::text[]) AS name
WHERE NOT has_table_privilege(quote_ident(name), 'SELECT')
   OR NOT (name = ANY(%s::text[]) OR has_table_privilege(quote_ident(name), 'INSERT'))
ORDER BY name
"""
# deploy/postgresql_grants.sql lets only the owner write to these.
TABLES_THAT_ARE_ONLY_READ = [LastBackup._meta.db_table]


@register(SETTINGS)
def heartbeat_times_fit(**_: Any) -> list[CheckMessage]:
    if settings.HEARTBEAT_HISTORY <= settings.HEARTBEAT_INTERVAL:
        return [
            Error(
                "Heartbeats would be pruned before the next one is due.",
                hint="Set HEARTBEAT_HISTORY_DAYS to more than HEARTBEAT_INTERVAL_SECONDS.",
                id="portcullis.E001",
            )
        ]
    return []


@register(SETTINGS)
def tokens_outlive_each_other(**_: Any) -> list[CheckMessage]:
    if settings.REFRESH_TOKEN_LIFETIME <= settings.ACCESS_TOKEN_LIFETIME:
        return [
            Error(
                "Refresh tokens would expire before the access tokens that they renew.",
                hint="Set REFRESH_TOKEN_SECONDS to more than ACCESS_TOKEN_SECONDS.",
                id="portcullis.E002",
            )
        ]
    return []


@register(SETTINGS)
def hosts_are_named(**_: Any) -> list[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS and not settings.DEBUG:
        return [
            Error(
                "ALLOWED_HOSTS=* answers to any host name, so that a stranger can choose the host in links.",
                hint="Set ALLOWED_HOSTS to the host names of this server, such as licenses.example.com.",
                id="portcullis.E004",
            )
        ]
    return []


@register(deploy=True)
def google_is_asked_over_https(**_: Any) -> list[CheckMessage]:
    names = ("GOOGLE_CERTS_URL", "GOOGLE_AUTH_URL", "GOOGLE_TOKEN_URL")
    plain = [name for name in names if not getattr(settings, name).startswith("https://")]
    if plain and settings.GOOGLE_CLIENT_IDS:
        return [
            CheckWarning(
                f"{', '.join(plain)} has no HTTPS: on the way there, answers could be forged that sign in as any admin.",
                hint="Leave the setting out: the default is Google's own address.",
                id="portcullis.W005",
            )
        ]
    return []


@register(deploy=True)
def security_txt_is_fresh(**_: Any) -> list[CheckMessage]:
    ends = settings.SECURITY_TXT_EXPIRES
    if ends and parse_instant(ends) <= timezone.now():
        return [
            CheckWarning(
                "/.well-known/security.txt has expired, so that nobody may rely on it.",
                hint="Set SECURITY_TXT_EXPIRES to a time in the next twelve months.",
                id="portcullis.W001",
            )
        ]
    return []


@register(deploy=True)
def https_behind_a_named_proxy(**_: Any) -> list[CheckMessage]:
    if settings.HTTPS_ONLY and not (settings.TRUSTED_PROXIES or settings.TRUST_UNIX_SOCKET):
        return [
            Error(
                "HTTPS_ONLY redirects every request, because no proxy is trusted to say that it came over HTTPS.",
                hint="Set TRUSTED_PROXIES to the address of the proxy that ends TLS.",
                id="portcullis.E003",
            )
        ]
    return []


@register(SETTINGS)
def links_in_mails_have_the_prefix(**_: Any) -> list[CheckMessage]:
    if settings.PUBLIC_URL and settings.PATH_PREFIX and not settings.PUBLIC_URL.endswith(settings.PATH_PREFIX):
        return [
            Error(
                "Links in mails would miss the path of PATH_PREFIX.",
                hint=f"Set PUBLIC_URL to an address that ends with {settings.PATH_PREFIX}.",
                id="portcullis.E020",
            )
        ]
    return []


@register(SETTINGS)
def nginx_finds_the_firmware(**_: Any) -> list[CheckMessage]:
    if settings.FIRMWARE_ACCEL_REDIRECT and settings.FIRMWARE_STORAGE != "folder":
        return [
            Error(
                "nginx cannot send files of firmware that are in S3.",
                hint="Leave out FIRMWARE_ACCEL_REDIRECT, or set FIRMWARE_STORAGE=folder.",
                id="portcullis.E010",
            )
        ]
    return []


@register(SETTINGS)
def files_are_not_served_as_static_files(**_: Any) -> list[CheckMessage]:
    served = [Path(each).resolve() for each in (settings.STATIC_ROOT, *settings.STATICFILES_DIRS)]
    return [
        Error(
            f"Everybody could load the files: {name} is below a folder of static files.",
            hint=f"Set {name} to a folder of its own.",
            id=check_id,
        )
        for name, check_id in (("FIRMWARE_FOLDER", "portcullis.E011"), ("MEDIA_ROOT", "portcullis.E021"))
        if any(Path(getattr(settings, name)).resolve().is_relative_to(each) for each in served)
    ]


@register(deploy=True)
def leases_can_be_signed(**_: Any) -> list[CheckMessage]:
    """Of a database that answers and is migrated; otherwise nothing is known."""
    connection = connections["default"]
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return []  # connecting would make the file
    try:
        key = SigningKey.objects.signing().first()
    except (OperationalError, ProgrammingError, InterfaceError):
        return []
    if key is None:
        return [
            CheckWarning(
                "There is no signing key, so that heartbeats are answered without a lease.",
                hint="Run manage.py create_signing_key.",
                id="portcullis.W002",
            )
        ]
    if private_half_of(key) == PrivateHalf.MISSING:
        return [
            CheckWarning(
                "The private half of the signing key cannot be read, so that heartbeats are answered without a lease.",
                hint="Set LEASE_KEY_SECRET, SECRET_KEY or LEASE_KEY_FILE to what it was; docs/runbook.md has the steps.",
                id="portcullis.W003",
            )
        ]
    return []


@register(Tags.database)
def role_has_its_rights(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """On PostgreSQL, after a migration, the role that runs Portcullis needs rights on new tables. Asked for by name only."""
    if "default" not in (databases or []) or connections["default"].vendor != "postgresql":
        return []
    connection = connections["default"]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        cursor.execute(TABLES_WITHOUT_RIGHTS, [tables, TABLES_THAT_ARE_ONLY_READ])
        missing = [table for (table,) in cursor.fetchall()]
    if not missing:
        return []
    return [
        Error(
            f"The role of DATABASE_URL lacks rights on: {', '.join(missing)}. "
            "The owner of the tables must run deploy/postgresql_grants.sql.",
            id="portcullis.E005",
        )
    ]
