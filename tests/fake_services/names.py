"""A resolver that a test scripts: the world outside, as `socket.getaddrinfo` shows it."""

import socket
import threading
from collections.abc import Sequence
from typing import Any

import pytest

REAL = socket.getaddrinfo


class FakeNames:
    """Names with the addresses that they have at the first question, at the second, and so on; the last answer stays.

    Addresses are resolved as usual; any other name is unknown.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []
        self.is_hanging = False
        self.over = threading.Event()

    def set(self, name: str, *answers: Sequence[str]) -> None:
        self.answers[name] = list(answers)

    def __call__(self, host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if is_address(name):
            return REAL(name, port, *args, **options)
        self.asked.append(name)
        if self.is_hanging:
            self.over.wait(30)
        answers = self.answers.get(name)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [found for address in addresses for found in REAL(address, port, *args, **options)]


def is_address(name: str | None) -> bool:
    """Whether the resolver of the machine reads it without asking, such as 127.1 and 0x7f000001."""
    try:
        REAL(name, None, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return False
    return True


def install_names(monkeypatch: pytest.MonkeyPatch) -> FakeNames:
    names = FakeNames()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    return names
