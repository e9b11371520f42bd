"""Everything that admins change of roll-outs: one function for each change of state.

Each takes the id of what it changes, facts by keyword, who acts (`by`) and the time (`at`), locks the row, writes only the
columns that change, and records an event in the same transaction. What happens by itself is in `fleet.rollouts.engine`.
"""

from fleet.rollouts.services.changes import (
    abort_rollout,
    pause_rollout,
    resume_rollout,
    roll_back_rollout,
    start_rollout,
)
from fleet.rollouts.services.creation import create_rollout
from fleet.rollouts.services.windows import USUAL_WINDOW, set_maintenance_window, windows_of

__all__ = [
    "USUAL_WINDOW",
    "abort_rollout",
    "create_rollout",
    "pause_rollout",
    "resume_rollout",
    "roll_back_rollout",
    "set_maintenance_window",
    "start_rollout",
    "windows_of",
]
