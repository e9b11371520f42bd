"""Lists of the panel that show as many rows at once as their reader chose."""

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from accounts.models import Admin
from accounts.preferences import preferences_of


def rows_of_a_list(request: HttpRequest) -> int:
    """For the admin who is signed in; the pages of lists let only those in."""
    assert isinstance(request.user, Admin)
    return preferences_of(request.user).page_size


class OwnLengthChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        self.list_per_page = rows_of_a_list(request)
        super().get_results(request)


class OwnLength:
    """For a ModelAdmin, in place of `list_per_page`."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OwnLengthChangeList
