"""Preferences of an admin: what holds without a choice, and changes at the same moment."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.backends import GuardedBackend
from accounts.models import Admin, Preferences
from accounts.preferences import RULES, preferences_of
from accounts.services import change_preferences, reset_preferences
from accounts.tests.side_by_side import side_by_side


def test_without_a_choice_the_defaults_hold_and_nothing_is_stored(anna: Admin) -> None:
    chosen = preferences_of(anna)
    assert {name: getattr(chosen, name) for name in RULES} == {
        "timezone": "",
        "theme": "auto",
        "page_size": 50,
        "start_page": "dashboard",
    }
    change_preferences(anna.pk, {})
    reset_preferences(anna.pk)
    assert not Preferences.objects.exists()


def test_every_column_of_the_table_has_a_rule() -> None:
    assert {field.name for field in Preferences._meta.fields} - {"admin"} == set(RULES)


def test_the_admin_of_a_session_is_found_with_the_preferences_unless_disabled(anna: Admin) -> None:
    change_preferences(anna.pk, {"theme": "dark"})
    with CaptureQueriesContext(connection) as queries:
        found = GuardedBackend().get_user(anna.pk)
        assert found is not None
        assert preferences_of(found).theme == "dark"
    assert len(queries) == 1
    Admin.objects.update(is_active=False)
    assert GuardedBackend().get_user(anna.pk) is None
    assert GuardedBackend().get_user(0) is None


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks")
def test_two_first_changes_at_the_same_moment_are_both_kept(transactional_db: None, anna: Admin) -> None:
    for _ in range(5):
        side_by_side(
            lambda: change_preferences(anna.pk, {"theme": "dark"}),
            lambda: change_preferences(anna.pk, {"page_size": 200}),
            lambda: change_preferences(anna.pk, {"start_page": "sites"}),
        )
        stored = Preferences.objects.get(admin=anna)
        assert (stored.theme, stored.page_size, stored.start_page) == ("dark", 200, "sites")
        reset_preferences(anna.pk)
