"""Agents that begin anew in a process that was forked from theirs."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """An agent, as this module sees it."""

    def after_fork(self) -> None: ...


_agents: weakref.WeakSet[Forked] = weakref.WeakSet()


def follow(agent: Forked) -> None:
    """Call its `after_fork` in each child, as long as the agent exists."""
    _agents.add(agent)


def _after_fork() -> None:
    for agent in list(_agents):
        agent.after_fork()


os.register_at_fork(after_in_child=_after_fork)
