"""How busy the threads of the worker processes are. Only for gunicorn: each worker process reports its own load."""

from prometheus_client import Counter, Gauge

from accounts.metrics import SIGN_INS
from accounts.models import AttemptOutcome, AttemptSource
from common.metrics import increment_of, write_in_background
from config.server.worker import Load
from heartbeat.metrics import HEARTBEATS, UNSIGNED_LEASES, VERDICTS


class ServerMetrics:
    """The metrics exist in worker processes only. Those of a worker that has ended are removed by `child_exit`."""

    def __init__(self, *, threads: int) -> None:
        self.number_of_threads = threads
        self.connections = Gauge(
            "portcullis_client_connections", "Connections of clients that are open.", multiprocess_mode="livesum"
        )
        self.handling = Gauge(
            "portcullis_requests_in_progress", "Requests that a thread is handling.", multiprocess_mode="livesum"
        )
        self.waiting = Gauge(
            "portcullis_requests_waiting", "Whole requests that wait for a thread.", multiprocess_mode="livesum"
        )
        self.waited = Counter(
            "portcullis_requests_waited_seconds", "Time that requests have waited for a thread, added up."
        )
        workers = Gauge("portcullis_worker_processes", "Worker processes that run.", multiprocess_mode="livesum")
        capacity = Gauge("portcullis_threads", "Threads that handle requests.", multiprocess_mode="livesum")
        workers.set(1)
        capacity.set(threads)
        start_at_zero()
        write_in_background()

    def report_load(self, load: Load) -> None:
        self.connections.set(load.connections)
        self.handling.set(min(load.handling, self.number_of_threads))
        self.waiting.set(max(0, load.handling - self.number_of_threads))
        self.waited.inc(load.waited_seconds)


def start_at_zero() -> None:
    """Show the counters that alerts watch before they first count: a rate needs a value before and after."""
    for verdict in VERDICTS:
        increment_of(HEARTBEATS, verdict)
    increment_of(UNSIGNED_LEASES)
    for source in AttemptSource:
        for outcome in AttemptOutcome:
            increment_of(SIGN_INS, str(source), str(outcome))
