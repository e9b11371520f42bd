"""Django settings. Values that differ between machines are environment variables; see .env.example."""

import hashlib
import hmac
import re
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import (
    access_settings,
    alert_settings,
    api_description,
    browser_settings,
    cache_settings,
    databases,
    file_settings,
    fleet_settings,
    google_settings,
    leases,
    log_settings,
    platform_settings,
    silenced_checks,
    vendor_settings,
)
from config import environment as env
from config.doorbell import settings as doorbell

VERSION = "0.1.0"
BASE_DIR = Path(__file__).resolve().parent.parent

env.load_env_file(BASE_DIR)

# --- Secrets and who may talk to us -------------------------------------------------------------------------------

IS_PRODUCTION, DEBUG = platform_settings.kind_of_server()
SECRET_KEY = env.secret("SECRET_KEY", debug=DEBUG)
# New keys of sites are made with the first pepper; keys of the others are accepted and move to the first.
SITE_KEY_PEPPERS = env.secrets("SITE_KEY_PEPPER", debug=DEBUG)
if SECRET_KEY in SITE_KEY_PEPPERS:
    raise ImproperlyConfigured("SITE_KEY_PEPPER must differ from SECRET_KEY: otherwise one leak reveals both.")


def derived_key(purpose: str) -> str:
    """A separate key for each purpose, so that a leaked key is of no use for another purpose."""
    return hmac.new(SECRET_KEY.encode(), f"portcullis:{purpose}".encode(), hashlib.sha256).hexdigest()


JWT_SIGNING_KEY = env.optional_secret("JWT_SIGNING_KEY", derived_key("jwt"), debug=DEBUG)
# The first key encrypts and decrypts; the others only decrypt what was encrypted with them before.
TWO_FACTOR_KEYS = env.words("TWO_FACTOR_KEY") or [derived_key("two-factor")]
if not DEBUG and any(map(env.is_weak, TWO_FACTOR_KEYS)):
    raise ImproperlyConfigured("TWO_FACTOR_KEY is too weak: set at least 32 random characters, or leave it out.")

# Without it nothing is counted, and there is no /metrics.
METRICS_TOKEN = env.optional_secret("METRICS_TOKEN", "", debug=DEBUG)
SENTRY_DSN = env.text("SENTRY_DSN", "")
if not re.fullmatch(r"(https?://[^@/\s]+@[^/\s]+/\S+)?", SENTRY_DSN):
    raise ImproperlyConfigured("SENTRY_DSN must look like https://key@sentry.example.com/1.")
SENTRY_ENVIRONMENT = env.text("SENTRY_ENVIRONMENT", "production")

ALLOWED_HOSTS = platform_settings.allowed_hosts(debug=DEBUG)
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
if not all(re.fullmatch(r"https?://[^/\s]+", origin) for origin in CSRF_TRUSTED_ORIGINS):
    raise ImproperlyConfigured("CSRF_TRUSTED_ORIGINS takes origins, such as https://licenses.example.com.")
TRUSTED_PROXIES, TRUST_UNIX_SOCKET = env.proxies("TRUSTED_PROXIES")
HTTPS_ONLY = env.boolean("HTTPS_ONLY", default=False)
PATH_PREFIX = browser_settings.path_prefix()

# For /.well-known/security.txt, which does not exist without a contact.
SECURITY_CONTACTS = env.words("SECURITY_CONTACT")
if not all(re.fullmatch(r"(mailto:|tel:|https://)\S+", contact) for contact in SECURITY_CONTACTS):
    raise ImproperlyConfigured(
        "SECURITY_CONTACT takes addresses with their scheme, such as mailto:security@example.com or https://example.com."
    )
SECURITY_TXT_EXPIRES = env.instant("SECURITY_TXT_EXPIRES") if SECURITY_CONTACTS else ""
SECURITY_POLICY_URL = env.text("SECURITY_POLICY_URL", "")
if not re.fullmatch(r"(https://\S+)?", SECURITY_POLICY_URL):
    raise ImproperlyConfigured("SECURITY_POLICY_URL must begin with https://.")

# --- Apps: each may import those below it, not those above -------------------------------------------------------

# The demo's commands delete sites and rewrite their history; a production server does not have them.
DEMO = env.boolean("DEMO", default=False)
INSTALLED_APPS = [
    "config.apps.PortcullisConfig",
    *(["demo.apps.DemoConfig"] if DEMO else []),
    "panel.apps.PanelConfig",
    "backup.apps.BackupConfig",
    "erasure.apps.ErasureConfig",
    "alerts.apps.AlertsConfig",
    "fleet.rollouts.apps.RolloutsConfig",
    "fleet.heartbeats.apps.DeviceHeartbeatsConfig",
    "fleet.firmware.apps.FirmwareConfig",
    "fleet.telemetry.apps.TelemetryConfig",
    "fleet.devices.apps.DevicesConfig",
    "heartbeat.apps.HeartbeatConfig",
    "licensing.apps.LicensingConfig",
    "documents.apps.DocumentsConfig",
    "sites.apps.SitesConfig",
    "idempotency.apps.IdempotencyConfig",
    "accounts.apps.AccountsConfig",
    "audit.apps.AuditConfig",
    "common.apps.CommonConfig",
    "common.jobs.apps.JobsConfig",
    "config.apps.PortcullisAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "corsheaders",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_ratelimit",
]

MIDDLEWARE = [
    "common.web.request_ids.RequestIdMiddleware",
    "common.web.request_metrics.RequestMetricsMiddleware",
    "common.web.client_address.ClientAddressMiddleware",
    "common.web.path_prefix.PathPrefixMiddleware",
    "common.api.cors.ApiCorsMiddleware",  # outside of those that answer with errors
    "common.api.problems.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "common.web.content_policy.ContentPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.web.request_body.RequestBodyMiddleware",
    "config.direct_routes.DirectRouteMiddleware",
    "accounts.sessions.PanelSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "panel.viewer_zone.ViewerZoneMiddleware",
    "panel.account.required_steps.RequiredStepMiddleware",
]

# Form templates are looked up in `templates/` too.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database ------------------------------------------------------------------------------------------------------

DATABASES = databases.databases(BASE_DIR)
# How long a list waits for the replica to replay what the primary has committed, before it reads from the primary.
DATABASE_REPLICA_WAIT = timedelta(
    milliseconds=env.integer("DATABASE_REPLICA_WAIT_MS", default=100, minimum=0, maximum=2_000)
)
if "replica" in DATABASES:
    DATABASE_ROUTERS = ["config.replica.ReplicaRouter"]
    MIDDLEWARE.append("config.replica.ReplicaMiddleware")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

BACKUP_FOLDER = Path(env.text("BACKUP_FOLDER", str(BASE_DIR / "var" / "backups")))
BACKUP_KEEP_DAILY = env.integer("BACKUP_KEEP_DAILY", default=14, minimum=1, maximum=3_650)
BACKUP_KEEP_WEEKLY = env.integer("BACKUP_KEEP_WEEKLY", default=8, minimum=0, maximum=520)

# The API can then apply migrations, for platforms without a shell.
MIGRATE_OVER_HTTP = env.boolean("MIGRATE_OVER_HTTP", default=False)

# --- Caches ------------------------------------------------------------------------------------------------------

REDIS_URL = cache_settings.redis_url()
CACHES = cache_settings.caches(REDIS_URL)
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
DJANGO_REDIS_LOGGER = "portcullis.redis"
RATELIMIT_USE_CACHE = "counters"
RATELIMIT_FAIL_OPEN = True

# --- People: passwords, tokens, sessions ---------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.Admin"
LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = ["accounts.backends.GuardedBackend"]
PASSWORD_HASHERS = [
    "accounts.hashers.Argon2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.password_validation.BreachedPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_FAILURES_PER_PAIR = env.integer("LOGIN_FAILURES_PER_PAIR", default=10, minimum=1, maximum=10_000)
LOGIN_FAILURES_PER_ADDRESS = env.integer("LOGIN_FAILURES_PER_ADDRESS", default=50, minimum=1, maximum=100_000)
LOGIN_CODE_FAILURES = env.integer("LOGIN_CODE_FAILURES", default=30, minimum=1, maximum=10_000)
# Since the last sign-in, in whatever time.
LOGIN_CODE_FAILURES_BEFORE_NEW_PASSWORD = env.integer(
    "LOGIN_CODE_FAILURES_BEFORE_NEW_PASSWORD", default=10, minimum=1, maximum=10_000
)
SIGN_IN_ATTEMPTS_KEPT = timedelta(days=env.integer("SIGN_IN_ATTEMPT_DAYS", default=90, minimum=1, maximum=3_650))
FIRST_ADMIN_EMAIL = access_settings.first_admin_email()
ACCESS_REQUESTS_PER_ADDRESS = access_settings.access_requests_per_address()
LOGIN_FAILURE_WINDOW = timedelta(
    seconds=env.integer("LOGIN_FAILURE_WINDOW_SECONDS", default=900, minimum=1, maximum=86_400)
)

GOOGLE_CLIENT_IDS, GOOGLE_CLIENT_SECRET = google_settings.client_ids(), google_settings.client_secret()
GOOGLE_HOSTED_DOMAIN = google_settings.hosted_domain()
GOOGLE_CERTS_URL, GOOGLE_AUTH_URL, GOOGLE_TOKEN_URL = google_settings.google_urls()

REQUIRE_TWO_FACTOR = env.boolean("REQUIRE_TWO_FACTOR", default=not DEBUG)
# A link for setting a password works that long, and so long a new second factor may be set up after a reset.
HAND_OVER_WITHIN = timedelta(hours=env.integer("HAND_OVER_HOURS", default=24, minimum=1, maximum=8_760))
# How long after the password the second factor is accepted.
SECOND_FACTOR_WITHIN = timedelta(minutes=5)

# How long a confirmation of the password and the second factor allows what gives access away.
CONFIRMED_FOR = timedelta(minutes=env.integer("CONFIRMATION_MINUTES", default=10, minimum=1, maximum=1_440))

ACCESS_TOKEN_LIFETIME = timedelta(seconds=env.integer("ACCESS_TOKEN_SECONDS", default=600, minimum=1, maximum=86_400))
REFRESH_TOKEN_LIFETIME = timedelta(
    seconds=env.integer("REFRESH_TOKEN_SECONDS", default=43_200, minimum=1, maximum=2_592_000)
)
TOKEN_FAMILY_LIFETIME = timedelta(days=env.integer("TOKEN_FAMILY_DAYS", default=30, minimum=1, maximum=3_650))
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "ISSUER": "portcullis",
    "AUDIENCE": "portcullis-api",
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "REFRESH_TOKEN_LIFETIME": REFRESH_TOKEN_LIFETIME,
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends access tokens at once
    "REVOKE_TOKEN_CLAIM": "pwd",
}

SESSION_ENGINE = "accounts.sessions"
# From the sign-in on, whatever is done with the session.
SESSION_COOKIE_AGE = env.integer("SESSION_SECONDS", default=43_200, minimum=60, maximum=2_592_000)
SESSION_IDLE = timedelta(seconds=env.integer("SESSION_IDLE_SECONDS", default=3_600, minimum=60, maximum=2_592_000))
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = not DEBUG
# A browser takes a cookie with this prefix only from this host itself, over HTTPS (or loopback), for the path "/".
COOKIE_PREFIX = "" if DEBUG else "__Host-"
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
CSRF_FAILURE_VIEW = "panel.csrf_failure.csrf_failure"

# --- Mail and alerts ------------------------------------------------------------------------------------------------

EMAIL_HOST = env.text("EMAIL_HOST", "")  # without it no mail is sent
EMAIL_PORT = env.integer("EMAIL_PORT", default=25, minimum=1, maximum=65_535)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = alert_settings.mail_account()
EMAIL_USE_TLS, EMAIL_USE_SSL = (alert_settings.mail_security() == word for word in ("starttls", "tls"))
EMAIL_TIMEOUT = 3
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "portcullis@localhost")
PUBLIC_URL = alert_settings.public_url()  # for links in messages
VENDOR_NAME, VENDOR_CONTACT = env.text("VENDOR_NAME", ""), vendor_settings.contact()  # on pages for restaurants
PAGERDUTY_EVENTS_URL = alert_settings.pagerduty_events_url()
# Between two judgements; the first pause after a failed attempt; the shortest outage of ours; the time to come back after it.
ALERT_CHECK = timedelta(seconds=env.integer("ALERT_CHECK_SECONDS", default=30, minimum=1, maximum=3_600))
ALERT_RETRY = timedelta(seconds=env.integer("ALERT_RETRY_SECONDS", default=30, minimum=1, maximum=3_600))
ALERT_OUTAGE = timedelta(seconds=env.integer("ALERT_OUTAGE_SECONDS", default=120, minimum=1, maximum=86_400))
ALERT_RETURN = timedelta(seconds=env.integer("ALERT_RETURN_SECONDS", default=3_600, minimum=0, maximum=86_400))
ALERT_ALLOW_PRIVATE_ADDRESSES = env.boolean("ALERT_ALLOW_PRIVATE_ADDRESSES", default=False)
ALERT_CHANNEL_SECRETS = alert_settings.channel_secrets(derived_key("alert-channels"), debug=DEBUG)

# --- Heartbeats ----------------------------------------------------------------------------------------------------

HEARTBEAT_INTERVAL = timedelta(
    seconds=env.integer("HEARTBEAT_INTERVAL_SECONDS", default=21_600, minimum=10, maximum=604_800)
)
HEARTBEAT_GRACE = timedelta(seconds=env.integer("HEARTBEAT_GRACE_SECONDS", default=3_600, minimum=0, maximum=604_800))
HEARTBEATS_PER_MINUTE = env.integer("HEARTBEATS_PER_MINUTE", default=60, minimum=1, maximum=10_000)
HEARTBEAT_FAILURES_PER_MINUTE = env.integer("HEARTBEAT_FAILURES_PER_MINUTE", default=60, minimum=1, maximum=100_000)
ERASURE_CONFIRMED_WITHIN = timedelta(days=env.integer("ERASURE_REQUEST_DAYS", default=7, minimum=1, maximum=90))
HEARTBEAT_HISTORY = timedelta(days=env.integer("HEARTBEAT_HISTORY_DAYS", default=400, minimum=1, maximum=36_500))

# --- The fleet: devices behind the counter --------------------------------------------------------------------------

DEVICE_HEARTBEAT_INTERVAL = fleet_settings.device_heartbeat_interval()
# Longer than the oldest sample (30 days) and the oldest start of a period (61 days) that are accepted, because hours and days
# are computed from them.
HEALTH_SAMPLES_KEPT = env.days("HEALTH_SAMPLE_DAYS", default=35, minimum=31)
TELEMETRY_PERIODS_KEPT = env.days("TELEMETRY_PERIOD_DAYS", default=100, minimum=62)
FLEET_HOURS_KEPT = env.days("FLEET_HOUR_DAYS", default=400, minimum=62)
FLEET_DAYS_KEPT = env.days("FLEET_DAY_DAYS", default=1_830, minimum=62)

# --- Leases: a heartbeat's answer, signed ---------------------------------------------------------------------------

LEASE_KEY_SECRETS, LEASE_KEY_FILE = leases.key_secrets(derived_key("lease-keys"), debug=DEBUG), leases.key_file()
LEASE_SECONDS = env.integer("LEASE_DAYS", default=30, minimum=1, maximum=366) * 86_400
LEASE_STOP_ON = leases.stop_on()
LEASE_ISSUER = env.text("LEASE_ISSUER", "portcullis")

# --- The doorbell: tells waiting sites of changes -------------------------------------------------------------------

DOORBELL_URL, DOORBELL_DATABASE_URL = doorbell.url(), doorbell.listen_url()
DOORBELL_WAITS_PER_ADDRESS = env.integer("DOORBELL_WAITS_PER_ADDRESS", default=1_000, minimum=1, maximum=1_000_000)

# --- Firmware of devices -------------------------------------------------------------------------------------------

FIRMWARE_STORAGE, FIRMWARE_FOLDER = fleet_settings.firmware_storage(), fleet_settings.firmware_folder(BASE_DIR)
FIRMWARE_BUCKET = fleet_settings.firmware_bucket()
FIRMWARE_MAX_BYTES = fleet_settings.firmware_max_bytes()
FIRMWARE_ACCEL_REDIRECT = fleet_settings.firmware_accel_redirect()
# Files of sites.
MEDIA_ROOT, FILE_MAX_BYTES = file_settings.media_root(BASE_DIR), file_settings.max_bytes()
FILES_BYTES_PER_SITE, FILES_KEPT = file_settings.bytes_per_site(), file_settings.kept()
FILE_SCAN_COMMAND = file_settings.scan_command()

# --- Periodic jobs -------------------------------------------------------------------------------------------------

JOB_LEASE = timedelta(seconds=env.integer("JOB_LEASE_SECONDS", default=60, minimum=30, maximum=3_600))

# --- The API -------------------------------------------------------------------------------------------------------

API_BODY_LIMIT_BYTES = 64 * 1024
# Of other paths, without a slash at the end, and the same below /api/v1/.
API_BODY_LIMITS = fleet_settings.body_limits(FIRMWARE_MAX_BYTES) | file_settings.body_limits(FILE_MAX_BYTES)
# Larger than the largest CSV file for an import, so that the import's page can refuse a larger file with a message.
PAGE_BODY_LIMIT_BYTES, PAGE_BODY_LIMITS = 5_000_000, file_settings.page_body_limits(FILE_MAX_BYTES)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.PersonalTokenAuthentication",
        "accounts.api.authentication.AccessTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.RolePermission"],
    "DEFAULT_RENDERER_CLASSES": ["common.api.rendering.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["common.api.parsing.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "common.api.rendering.AlwaysJSON",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "common.api.schema.ProblemSchema",
    "EXCEPTION_HANDLER": "common.api.problems.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
}
# Examples of problems in the API's description, in place of the general one of that status.
API_PROBLEM_EXAMPLES = {412: {"code": "site_changed_meanwhile", "title": "The site was changed since you read it"}}
SPECTACULAR_SETTINGS = api_description.settings(VERSION, BASE_DIR / "docs" / "openapi-introduction.md")

# --- Browser: headers, static files --------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = browser_settings.CONTENT_SECURITY_POLICY
PERMISSIONS_POLICY = browser_settings.PERMISSIONS_POLICY
CORS_ALLOWED_ORIGINS, CORS_URLS_REGEX = browser_settings.allowed_origins(), browser_settings.CORS_URLS_REGEX
CORS_ALLOW_HEADERS, CORS_EXPOSE_HEADERS = browser_settings.CORS_ALLOW_HEADERS, browser_settings.CORS_EXPOSE_HEADERS
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_REDIRECT_EXEMPT = browser_settings.paths_without_https(PATH_PREFIX)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
# ClientAddressMiddleware removes this header unless a trusted proxy sent it.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

STATIC_URL = "/static/"
WHITENOISE_ALLOW_ALL_ORIGINS = False
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": file_settings.storage(MEDIA_ROOT),
    "staticfiles": {
        "BACKEND": "common.web.static_files.PlainStorage"
        if DEBUG
        else "common.web.static_files.CollectedOrPlainStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG or not (STATIC_ROOT / "staticfiles.json").exists()

SILENCED_SYSTEM_CHECKS = silenced_checks.silenced(https_only=HTTPS_ONLY, redis_url=REDIS_URL)

# --- Language, time, logs ------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["config.formats"]

LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    raise ImproperlyConfigured("LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.")
LOGGING = log_settings.settings(LOG_LEVEL)
