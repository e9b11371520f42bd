"""A server behind a proxy that records what reaches it, and can end a connection in place of a response."""

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from scripts.with_services import free_port


@dataclass
class Received:
    method: str
    path: str
    headers: dict[str, list[str]]
    body: bytes


@dataclass
class Upstream:
    """Answers 200, or ends the connection once it has the whole request if `breaks`; both after `seconds`."""

    breaks: bool = False
    seconds: float = 0
    port: int = field(default_factory=free_port)
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> "Upstream":
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                upstream.connections += 1

            def handle_request(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): self.headers.get_all(name) or [] for name in self.headers}
                upstream.received.append(Received(self.command, self.path, headers, body))
                time.sleep(upstream.seconds)
                self.close_connection = upstream.breaks
                if not upstream.breaks:
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_request  # noqa: N815 - names of http.server

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128  # the usual 5 makes nginx wait for its connections, and give up

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
