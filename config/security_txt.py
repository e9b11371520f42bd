"""/.well-known/security.txt: to whom one reports a vulnerability (RFC 9116)."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse


def security_txt_view(request: HttpRequest) -> HttpResponse:
    if not settings.SECURITY_CONTACTS:
        raise Http404
    lines = [f"Contact: {contact}" for contact in settings.SECURITY_CONTACTS]
    lines += [f"Expires: {settings.SECURITY_TXT_EXPIRES}", "Preferred-Languages: en"]
    if settings.SECURITY_POLICY_URL:
        lines.append(f"Policy: {settings.SECURITY_POLICY_URL}")
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
