"""docs/retention.md says of every table how long its rows are kept."""

from django.apps import apps
from django.conf import settings

from common.counters import SqlCounterCache


def test_every_table_is_in_the_page_about_retention() -> None:
    page = (settings.BASE_DIR / "docs" / "retention.md").read_text(encoding="utf-8")
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    missing = {table for table in tables if f"`{table}`" not in page and not table.startswith(("auth_", "django_"))}
    assert missing == set()
    assert SqlCounterCache.__name__ in str(settings.CACHES)
    assert "`common_counter`" in page


def test_the_settings_that_it_names_exist() -> None:
    page = (settings.BASE_DIR / "docs" / "retention.md").read_text(encoding="utf-8")
    example = (settings.BASE_DIR / ".env.example").read_text(encoding="utf-8")
    table = [line for line in page.splitlines() if line.startswith("| ")]
    named = {word for line in table for word in line.split("`") if word.isupper() and "_" in word}
    assert len(named) >= 8
    assert {name for name in named if f"#{name}=" not in example} == set()
