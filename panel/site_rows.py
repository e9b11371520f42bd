"""The rows of the sites list. Django's own tag finds out for each cell anew what it is; here all of that is known."""

from typing import Any

from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.views.main import ChangeList
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from sites.models import Site


def headers_of(changelist: ChangeList) -> list[dict[str, Any]]:
    return list(result_headers(changelist))


def rows_of(changelist: ChangeList) -> list[SafeString]:
    """One `<tr>` for each site on the page: its tick box where there are actions, its name as a link, the other columns."""
    admin: Any = changelist.model_admin
    columns = {str(name): getattr(admin, str(name)) for name in changelist.list_display}
    ticks = columns.pop("action_checkbox", None)
    # So that the page of a site leads back to the list as it was.
    back = f"?{changelist.preserved_filters}" if changelist.preserved_filters else ""
    rows = []
    for site in changelist.result_list:
        tick = format_html('<td class="action-checkbox">{}</td>', ticks(site)) if ticks else ""
        rows.append(row_of(site, columns, tick=tick, link=changelist.url_for_result(site) + back))
    return rows


def row_of(site: Site, columns: dict[str, Any], *, tick: SafeString | str, link: str) -> SafeString:
    (name, shown_name), *others = columns.items()
    cells = format_html_join("", '<td class="field-{}">{}</td>', ((each, shown(site)) for each, shown in others))
    html = '<tr>{}<th class="field-{}"><a href="{}">{}</a></th>{}</tr>'
    return format_html(html, tick, name, link, shown_name(site), cells)
