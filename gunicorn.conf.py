"""gunicorn's settings: run `gunicorn` in the project's root. `-b` sets the address."""

import gc
import multiprocessing
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# The server may be started in a link to the folder of a release. Modules are found in the folder itself: the link may point to
# another release before all of them are loaded.
if "config" not in sys.modules:
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from config import environment as env
from config import platform_settings
from config.metrics import folder

# Also after SIGHUP, which reads this file again, perhaps that of another release.
chdir = str(Path(env.__file__).parents[1])
env.load_env_file(Path(chdir))

wsgi_app = "config.wsgi:application"
try:
    bind = platform_settings.bind()
    workers = env.integer("WEB_CONCURRENCY", default=max(2, multiprocessing.cpu_count()), minimum=1, maximum=256)
    threads = env.integer("GUNICORN_THREADS", default=8, minimum=1, maximum=256)
except ImproperlyConfigured as error:
    sys.exit(f"Portcullis cannot start: {error}")
worker_class = "config.server.worker.WholeRequestWorker"  # slow clients do not hold its threads
keepalive = 75  # longer than a load balancer's usual 60 seconds, so that it does not send into a closing connection
timeout = 30
graceful_timeout = 25
max_requests = 0
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
control_socket_disable = True
# The application handles forwarded headers: TRUSTED_PROXIES may hold networks.
forwarded_allow_ips = ""
limit_request_line = 8190
# The application writes the access log as JSON, with the request's id.
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
    """Report a wrong setting in one sentence instead of a stack trace from each worker.

    The check runs in a child process, so that the master process does not load Django.
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
            os._exit(status)  # this copy must not continue as a server
    if os.waitpid(checker, 0)[1]:
        raise SystemExit(1)
    if env.text("METRICS_TOKEN", ""):
        folder.open_folder()
    else:
        os.environ.pop(folder.VARIABLE, None)


def problems_of_settings():
    # gunicorn runs this file in its master process, which does not load Django.
    import django
    from django.core import checks

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        django.setup()
        return [str(message) for message in checks.run_checks() if message.is_serious() and not message.is_silenced()]
    except ImproperlyConfigured as error:
        return [str(error)]


def pre_request(worker, req):
    """Let the application ask for `Connection: close`; see common/web/request_body.py."""
    req.body.close_connection = req.force_close


def post_worker_init(worker):
    """Answer requests that gunicorn refuses with a problem in place of HTML, limit connections by network, and count."""
    # gunicorn runs this file before the worker has loaded the application.
    from django.conf import settings
    from gunicorn import util

    from config.gunicorn_errors import write_problem, write_refusal
    from config.metrics.server import ServerMetrics
    from config.server.networks import network_of
    from config.server.worker import device_requests

    util.write_error = write_problem
    worker.write_refusal = write_refusal
    worker.device_requests = device_requests(settings.PATH_PREFIX)
    worker.network_of = network_of
    worker.largest_body = max(worker.largest_body, *settings.API_BODY_LIMITS.values())
    if folder.VARIABLE in os.environ:
        worker.report_load = ServerMetrics(threads=worker.cfg.threads).report_load
    # Not in the workers of an earlier release that reads this file again after SIGHUP.
    if find_spec("alerts"):
        from alerts.evidence.marks import start_marking

        start_marking()
    if find_spec("fleet"):
        from fleet.heartbeats import process

        process.start()
    # What is loaded by now stays as long as the process. A full collection of garbage stops all threads, so leave it out.
    gc.collect()
    gc.freeze()
    worker.log.info("Worker ready (pid: %s)", worker.pid)


def worker_exit(server, worker):
    if find_spec("fleet"):
        from fleet.heartbeats import process

        process.stop()
    if folder.VARIABLE in os.environ:
        from common.metrics import write_noted

        write_noted()


def child_exit(server, worker):
    """Forget the present load of a worker that has ended, however it ended; its counters stay, so that no count goes back."""
    if folder.VARIABLE in os.environ:
        # It reads the folder's variable when it is imported.
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)


def on_exit(server):
    folder.close_folder()
