"""A client's socket, with the kernel's real buffers."""

import socket
from pathlib import Path

from config.server.connection import SYSTEM_BUFFER, ClientSocket

LARGE = 4 * 1024 * 1024


def test_of_a_file_that_a_client_does_not_read_the_system_holds_little(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(LARGE))
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname())
        sock = ClientSocket(listener.accept()[0])
        with sock, (tmp_path / "large").open("rb") as file:
            sock.sendfile(file)
            rest = sock.rest_of_file
            assert rest is not None
            held = rest.position - len(sock.unsent)
            # Linux doubles the size that was asked for, to have room for its own records; the client's buffer comes on top.
            assert 0 < held < 3 * SYSTEM_BUFFER
            sock.close_file()
