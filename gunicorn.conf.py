"""How the server runs everywhere: `gunicorn config.wsgi` at the project's root. `-b` sets the address."""

import multiprocessing
import os
import socket
import struct
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import environment as env

env.load_env_file(Path(__file__).resolve().parent)

wsgi_app = "config.wsgi:application"
bind = os.environ.get("BIND", "127.0.0.1:8000")
try:
    workers = env.integer("WEB_CONCURRENCY", default=max(2, multiprocessing.cpu_count()), minimum=1, maximum=256)
    threads = env.integer("GUNICORN_THREADS", default=8, minimum=1, maximum=256)
except ImproperlyConfigured as error:
    sys.exit(f"Portcullis cannot start: {error}")
worker_class = "gthread"  # the sync worker keeps no connection open
keepalive = 75  # longer than the usual minute of a load balancer, so that it never writes into a closing connection
timeout = 30
graceful_timeout = 25
max_requests = 0
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
control_socket_disable = True
# Forwarded headers are the application's business, which knows TRUSTED_PROXIES as networks.
forwarded_allow_ips = ""
limit_request_line = 8190
# A request that stops arriving gives its thread back after this long. A proxy that reads requests before it passes them on
# keeps such clients away altogether.
RECEIVE_TIMEOUT_SECONDS = 10
# The application writes one JSON line a request, with the request's id; gunicorn would put together one more.
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
    """Say in one sentence what is missing or contradicts, instead of a stack trace from every worker.

    In a process of its own: the one that only watches the workers need not hold Django in memory as well.
    """
    checker = os.fork()
    if checker == 0:
        status = 1
        try:
            problems = problems_of_settings()
            for problem in problems:
                server.log.error("Portcullis cannot start: %s", problem)
            status = 1 if problems else 0
        except Exception:
            server.log.exception("Portcullis cannot start")
        finally:
            os._exit(status)  # whatever happens, this copy must never go on as a server
    if os.waitpid(checker, 0)[1]:
        raise SystemExit(1)


def problems_of_settings():
    import django
    from django.core import checks

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        django.setup()
        return [str(message) for message in checks.run_checks() if message.is_serious() and not message.is_silenced()]
    except ImproperlyConfigured as error:
        return [str(error)]


def when_ready(server):
    """Accepted connections inherit it: nobody may hold a thread by sending half a request."""
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", RECEIVE_TIMEOUT_SECONDS, 0))


def pre_request(worker, req):
    """Give the application a way to say `Connection: close`; see common/web/request_body.py."""
    req.body.close_connection = req.force_close


def post_worker_init(worker):
    """Below /api/ nothing answers HTML, not even the server's own refusals."""
    from gunicorn import util

    from config.gunicorn_errors import write_problem

    util.write_error = write_problem
