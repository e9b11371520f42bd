"""The buttons on the page of a request for access: approve and reject."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.generic import View

from accounts.access_requests.deciding import approve_request, reject_request
from accounts.errors import AccessRequestNotFound
from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.account.confirmation import needs_confirmation
from panel.account.pages import current_admin
from panel.people.access_requests.forms import ApproveForm, RejectForm


class DecisionView(View):
    """A POST decides, and leads back to the page of the request, which says what comes next."""

    http_method_names = ["post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm("accounts.decide_accessrequest"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def decide(self, request: HttpRequest, request_id: uuid.UUID) -> None:
        raise NotImplementedError

    def answer(self, request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
        try:
            self.decide(request, request_id)
        except AccessRequestNotFound as error:
            messages.error(request, error.detail)
            return redirect("admin:accounts_accessrequest_changelist")
        except DomainError as error:
            messages.error(request, f"{error.detail}. Nothing was changed.")
        return redirect("admin:accounts_accessrequest_change", request_id)


class ApproveView(DecisionView):
    @needs_confirmation
    def post(self, request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
        return self.answer(request, request_id)

    def decide(self, request: HttpRequest, request_id: uuid.UUID) -> None:
        form = ApproveForm(request.POST, by=current_admin(request))
        if not form.is_valid():
            messages.error(request, "Choose a role. Nothing was changed.")
            return
        by, at = acting_admin(request, Event.Source.ADMIN), timezone.now()
        approved = approve_request(request_id, role=form.cleaned_data["role"], by=by, at=at)
        messages.success(request, f"{approved.email} has access now.")


class RejectView(DecisionView):
    def post(self, request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
        return self.answer(request, request_id)

    def decide(self, request: HttpRequest, request_id: uuid.UUID) -> None:
        form = RejectForm(request.POST, is_mail_on=bool(settings.EMAIL_HOST))
        if not form.is_valid():
            messages.error(request, "The note is too long or has characters that it may not have. Nothing was changed.")
            return
        by, at = acting_admin(request, Event.Source.ADMIN), timezone.now()
        reject_request(request_id, note=form.cleaned_data["note"], by=by, at=at)
        messages.success(request, "The request was rejected.")
