"""gunicorn's settings for the doorbell: run `gunicorn -c config/doorbell/gunicorn_settings.py` in the project's root.

One process holds more than 10,000 waiting sites. For more, or to replace it without a gap, start several: they share nothing.
"""

import os
import resource
import sys
from pathlib import Path

if "config" not in sys.modules:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from config import environment as env

chdir = str(Path(env.__file__).parents[1])
env.load_env_file(Path(chdir))

wsgi_app = "doorbell.asgi:application"
bind = os.environ.get("DOORBELL_BIND", "127.0.0.1:8001")
workers = 1
worker_class = "config.doorbell.worker.DoorbellWorker"
asgi_lifespan = "on"
asgi_loop = "asyncio"
asgi_disconnect_grace_period = 0  # a site that has left must not hold its place
keepalive = 15
timeout = 30
graceful_timeout = 15
backlog = 4096
# A head that does not end costs memory and time until it is refused; what sites and proxies send fits.
limit_request_line = 2048
limit_request_fields = 40
limit_request_field_size = 2048
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
control_socket_disable = True
forwarded_allow_ips = ""  # the application decides whom it believes: TRUSTED_PROXIES may hold networks
# Ten thousand sites that wait would write two hundred lines a second.
accesslog = None
logger_class = "config.gunicorn_logging.WithoutAccessLog"
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "common.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"gunicorn.error": {"handlers": [], "level": "INFO", "propagate": True}},
}


def on_starting(server):
    """Each waiting site holds a file descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:  # systemd sets both, and allows no change
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def post_worker_init(worker):
    # gunicorn runs this file before the worker has loaded the application.
    from config.server.networks import network_of

    worker.network_of = network_of
