"""gunicorn's worker for ASGI, with limits for connections, and with an end of all waits when it stops.

Leans on these parts of gunicorn 27, which config/tests/test_package_internals.py checks: `ASGIWorker.handle_exit_signal` and
`asgi`; the name `ASGIProtocol` in `gunicorn.workers.gasgi`; `ASGIProtocol._keepalive_handle`, which the first request cancels,
`_keepalive_timeout`, and `_awaiting_request`.
"""

from collections import Counter
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

HEAD_SECONDS = 10.0
CONNECTIONS_OF_A_NETWORK = 2_000
connections: set["BoundedProtocol"] = set()
of_network: Counter[str] = Counter()
reported: set[str] = set()  # networks over the limit, until their last connection ends


class BoundedProtocol(ASGIProtocol):
    """A connection: its first request must arrive within HEAD_SECONDS, and those of one network are limited.

    A later request must begin within gunicorn's `keepalive`, which is counted in the same way.
    """

    network: str | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        connections.add(self)
        self.network = self.worker.network_of(transport.get_extra_info("peername"))
        if self.network is not None:
            of_network[self.network] += 1
            if of_network[self.network] > CONNECTIONS_OF_A_NETWORK:
                if self.network not in reported:
                    reported.add(self.network)
                    self.log.warning("More than %s connections from %s.", CONNECTIONS_OF_A_NETWORK, self.network)
                transport.abort()
                return
        self._keepalive_handle = self.worker.loop.call_later(HEAD_SECONDS, self._keepalive_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        connections.discard(self)
        if self.network is not None:
            of_network[self.network] -= 1
            if not of_network[self.network]:
                del of_network[self.network]
                reported.discard(self.network)
            self.network = None


class DoorbellWorker(gasgi.ASGIWorker):
    def handle_exit_signal(self) -> None:
        super().handle_exit_signal()
        self.asgi.stop()
        for connection in list(connections):
            if connection._awaiting_request:  # gunicorn would wait for its client, too
                connection._keepalive_timeout()


gasgi.ASGIProtocol = BoundedProtocol
