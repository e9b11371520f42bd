"""The agent as a task of an event loop."""

from __future__ import annotations

import asyncio
from pathlib import Path

from portcullis_agent import Agent

from .control_plane import SITE_KEY, ControlPlane
from .signing import SITE_ID


def test_a_cancelled_task_leaves_the_state_to_others(plane: ControlPlane, tmp_path: Path) -> None:
    agent = Agent(
        url="https://licenses.example.com", site_id=SITE_ID, site_key=SITE_KEY, state_dir=tmp_path, server=plane
    )

    async def run() -> None:
        task = asyncio.create_task(agent.arun())
        for _ in range(200):
            await asyncio.sleep(0.02)
            if plane.received:
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert len(plane.received) == 1
    second = Agent(
        url="https://licenses.example.com", site_id=SITE_ID, site_key=SITE_KEY, state_dir=tmp_path, server=plane
    )
    assert second.beat().stored
    second.close()
