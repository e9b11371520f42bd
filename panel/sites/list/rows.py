"""The rows of the sites list. Django's own tag finds out for each cell anew what it is; here all of that is known."""

from typing import Any

from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.views.main import ChangeList
from django.utils.html import format_html
from django.utils.safestring import SafeString

TICK, NAME = '<td class="action-checkbox">{}</td>', '<th class="field-%s"><a href="{}">{}</a></th>'
CELL = '<td class="field-%s">{}</td>'


def headers_of(changelist: ChangeList) -> list[dict[str, Any]]:
    return list(result_headers(changelist))


def rows_of(changelist: ChangeList) -> list[SafeString]:
    """One `<tr>` for each site on the page: its tick box where there are actions, its name as a link, the other columns."""
    admin: Any = changelist.model_admin
    columns = {str(name): getattr(admin, str(name)) for name in changelist.list_display}
    ticks = columns.pop("action_checkbox", None)
    (name, shown_name), *others = columns.items()
    # One template for all rows: to put each cell together by itself takes several times as long.
    row = "<tr>" + TICK * bool(ticks) + NAME % name + "".join(CELL % each for each, _ in others) + "</tr>"
    # So that the page of a site leads back to the list as it was.
    back = f"?{changelist.preserved_filters}" if changelist.preserved_filters else ""
    return [
        format_html(
            row,
            *([ticks(site)] if ticks else []),
            changelist.url_for_result(site) + back,
            shown_name(site),
            *(shown(site) for _, shown in others),
        )
        for site in changelist.result_list
    ]
