"""What can be wrong with a lease, a key, the settings or the state folder."""

from __future__ import annotations


class AgentError(Exception):
    """The base of all errors of this package."""


class Refused(AgentError):
    """A token or a key must not be believed. `code` is stable; `docs/protocol.md` lists the codes."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class LeaseRefused(Refused):
    """The lease must not be stored."""


class KeyRefused(Refused):
    """The key or its endorsement must not be trusted."""


class SettingsError(AgentError):
    """A setting is missing or contradicts another one."""


class StateError(AgentError):
    """The state folder cannot be read or written."""


class AnotherWriter(StateError):
    """Another process has the state folder open for writing."""
