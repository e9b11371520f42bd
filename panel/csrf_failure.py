"""The answer to a form whose CSRF token is missing or wrong."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render

from panel.kept_forms import entries_to_keep, is_sent_by_our_page, keep_in_session


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """A form of our own page, opened before another sign-in in this browser, is shown again; any other is refused."""
    entries = entries_to_keep(request) if is_sent_by_our_page(request) else None
    if entries is None:
        return render(request, "403_csrf.html", status=403)
    if not admin.site.has_permission(request):
        return admin.site.ask_to_sign_in(request, entries)  # type: ignore[attr-defined]
    keep_in_session(request, path=request.get_full_path(), entries=entries)
    return redirect(request.get_full_path())
