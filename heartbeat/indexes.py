"""An index of another kind on each database."""

from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class ArrivalIndex(BrinIndex):
    """For a column whose values grow as rows are added: BRIN on PostgreSQL, which costs little; B-tree on SQLite."""

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        if schema_editor.connection.vendor == "postgresql":
            return super().create_sql(model, schema_editor, using=using, **kwargs)
        return models.Index.create_sql(self, model, schema_editor, using=using, **kwargs)
