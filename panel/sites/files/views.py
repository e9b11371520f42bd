"""The files of a site: all of them, adding one, its bytes, and deleting it."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.views.decorators.csrf import csrf_protect
from django.views.generic.base import View

from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError, http_status
from documents.files import services
from documents.files.answers import file_answer, preview_answer
from documents.files.errors import FileInvalid
from documents.files.incoming import IncomingFileHandler
from documents.models import SiteFile
from panel.sites.files.card import form_for, may_delete
from panel.sites.files.forms import DeleteFileForm, FileForm
from panel.sites.views import SiteAdminView, SiteFormView
from sites.models import Site

FILES_ON_A_PAGE = 48


class FilesView(SiteAdminView):
    http_method_names = ["get"]
    permission_required = "documents.view_sitefile"
    template_name = "panel/sites/files/page.html"

    def get(self, request: HttpRequest, site_id: uuid.UUID) -> HttpResponse:
        site: Site = get_object_or_404(Site, pk=site_id)
        found = SiteFile.objects.of_site(site.pk).select_related("uploaded_by")
        return self.render_to_response(
            self.get_context_data(
                site=site,
                files=Paginator(found, FILES_ON_A_PAGE).get_page(request.GET.get("page")),
                form=form_for(site, request.user.has_perm),
                can_delete=may_delete(site, request.user.has_perm),
                title=f"Files: {site.name}",
                page_title=f"Files · {site.name}",
            )
        )


class AddFileView(SiteAdminView):
    """Answers the page's script with JSON, `{"url"}` or `{"error"}`, and a browser without script by a redirect.

    The body is read once the permission is known, to a temporary file.
    """

    http_method_names = ["post"]
    permission_required = "documents.add_sitefile"

    def post(self, request: HttpRequest, site_id: uuid.UUID) -> HttpResponse:
        site: Site = get_object_or_404(Site.objects.live(), pk=site_id)
        url = site_files_url(site.pk)
        handler = IncomingFileHandler(request)
        request.upload_handlers = [handler]
        try:
            answer: HttpResponse | SiteFile = self.read_and_add(request, site)
        except DomainError as error:
            if is_script(request):
                return JsonResponse({"error": error.detail}, status=http_status(error))
            messages.error(request, f"Not uploaded: {error.detail}")
            return HttpResponseRedirect(url)
        finally:
            handler.discard()
        if isinstance(answer, HttpResponse):
            return answer  # the CSRF token is wrong
        messages.success(request, f"Uploaded: {answer.name}.")
        return JsonResponse({"url": url}) if is_script(request) else HttpResponseRedirect(url)

    @method_decorator(csrf_protect)
    def read_and_add(self, request: HttpRequest, site: Site) -> Any:
        """Raises DomainError."""
        form = FileForm(request.POST, request.FILES)
        if not form.is_valid():
            raise FileInvalid(str(next(iter(form.errors.values()))[0]))
        incoming = form.cleaned_data["file"]
        kind, by = form.cleaned_data["kind"], acting_admin(request, Event.Source.ADMIN)
        return services.add_file(site.pk, incoming, kind=kind, name=incoming.name, by=by, at=timezone.now())


class FileView(PermissionRequiredMixin, View):
    """Something of a file. `kwargs` has its site and its id."""

    http_method_names = ["get"]
    raise_exception = True
    permission_required = "documents.view_sitefile"

    def file(self) -> SiteFile:
        file: SiteFile = get_object_or_404(SiteFile.objects.of_site(self.kwargs["site_id"]), pk=self.kwargs["file_id"])
        return file


class ContentView(FileView):
    def get(self, request: HttpRequest, **_: Any) -> HttpResponseBase:
        try:
            return file_answer(self.file())
        except DomainError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(site_files_url(self.kwargs["site_id"]))


class PreviewView(FileView):
    def get(self, request: HttpRequest, **_: Any) -> HttpResponseBase:
        try:
            return preview_answer(request, self.file())
        except DomainError as error:
            raise Http404(error.detail) from error


class DeleteFileView(SiteFormView):
    permission_required = "documents.delete_sitefile"
    template_name = "panel/sites/files/delete.html"
    form_class = DeleteFileForm

    @cached_property
    def file(self) -> SiteFile:
        found = SiteFile.objects.of_site(self.kwargs["site_id"]).filter(site__in=Site.objects.live())
        file: SiteFile = get_object_or_404(found.select_related("site", "uploaded_by"), pk=self.kwargs["file_id"])
        return file

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        site = self.file.site
        titles = {"title": f"Delete {self.file.name}", "page_title": f"Delete a file · {site.name}"}
        return super().get_context_data(**{"file": self.file, "site": site, **titles, **kwargs})

    def form_valid(self, form: DeleteFileForm) -> HttpResponse:
        file, by = self.file, acting_admin(self.request, Event.Source.ADMIN)
        try:
            services.delete_file(file.site_id, file.pk, by=by, at=timezone.now(), reason=form.cleaned_data["reason"])
        except DomainError as error:
            messages.error(self.request, error.detail)
        else:
            messages.success(self.request, f"Deleted: {file.name}.")
        return HttpResponseRedirect(site_files_url(file.site_id))


def is_script(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def site_files_url(site_id: uuid.UUID) -> str:
    return reverse("admin:sites_site_change", args=[site_id]) + "#files"
