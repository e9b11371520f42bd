"""The filters of the list of roll-outs."""

from typing import Any

from django.http import HttpRequest

from fleet.rollouts.models import Rollout
from panel.fleet.filters import ColumnFilter


class StateFilter(ColumnFilter):
    title = parameter_name = column = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Rollout.State.choices]
