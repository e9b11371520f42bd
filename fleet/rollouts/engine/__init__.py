"""What happens to roll-outs by themselves, in the periodic job `advance_rollouts`."""

from fleet.rollouts.engine.advance import advance_rollouts

__all__ = ["advance_rollouts"]
