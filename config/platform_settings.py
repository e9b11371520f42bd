"""What hosting platforms set by themselves: the kind of server, its host name and its port."""

import os

from django.core.exceptions import ImproperlyConfigured

from config import environment as env

# By a variable that the platform sets in each process.
PLATFORMS = {
    "RENDER": "Render",
    "DYNO": "Heroku",
    "FLY_APP_NAME": "Fly",
    "RAILWAY_PROJECT_ID": "Railway",
    "K_SERVICE": "Cloud Run",
}
# With the host name under which the platform publishes the process.
HOST_NAMES = {
    "RENDER_EXTERNAL_HOSTNAME": "{}",
    "HEROKU_APP_DEFAULT_DOMAIN_NAME": "{}",
    "FLY_APP_NAME": "{}.fly.dev",
    "RAILWAY_PUBLIC_DOMAIN": "{}",
}
ON_THIS_MACHINE = "localhost,127.0.0.1,[::1]"
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - the platform's proxy connects from another machine


def platform() -> str:
    """The name of the platform; empty on another machine."""
    return next((name for variable, name in PLATFORMS.items() if os.environ.get(variable)), "")


def kind_of_server() -> tuple[bool, bool]:
    """IS_PRODUCTION, by default true on a platform, and DEBUG, by default true only with IS_PRODUCTION=false.

    Without either, secrets must be real, as in production, but the disk is not expected to be new with each release.
    """
    is_given = bool(env.text("IS_PRODUCTION", ""))
    is_production = env.boolean("IS_PRODUCTION", default=bool(platform()))
    debug = env.boolean("DEBUG", default=is_given and not is_production)
    if is_given and is_production and debug:
        raise ImproperlyConfigured("IS_PRODUCTION=true contradicts DEBUG=true: leave out one of the two.")
    return is_production and not debug, debug


def allowed_hosts(*, debug: bool) -> list[str]:
    """ALLOWED_HOSTS; without it the host name that the platform gives."""
    published = [form.format(os.environ[name]) for name, form in HOST_NAMES.items() if os.environ.get(name)]
    hosts = env.words("ALLOWED_HOSTS", ",".join(published) or (ON_THIS_MACHINE if debug else ""))
    if not hosts:
        raise ImproperlyConfigured("Set ALLOWED_HOSTS to the host names of this server, such as licenses.example.com.")
    if any("/" in host for host in hosts):
        raise ImproperlyConfigured(
            "ALLOWED_HOSTS takes host names without a scheme or a path, such as licenses.example.com."
        )
    return hosts


def bind() -> str:
    """BIND, with PORT in place of its port. Without BIND, a server in production listens at all addresses."""
    address = os.environ.get("BIND", "")
    if not os.environ.get("PORT") or address.startswith("unix:"):
        return address or "127.0.0.1:8000"
    port = env.integer("PORT", default=8000, minimum=1, maximum=65_535)
    host = address.rpartition(":")[0] or address
    return f"{host or (ALL_ADDRESSES if kind_of_server()[0] else '127.0.0.1')}:{port}"
