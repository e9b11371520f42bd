"""The page that confirms the undo of an operation, and the undo."""

import uuid
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils import timezone

from audit.actors import acting_admin
from audit.models import Event
from idempotency.errors import IdempotencyKeyInUse
from idempotency.services import report_once
from panel.account.confirmation import FEW_SITES, confirmation_page
from panel.sites.results.inverses import INVERSES, Inverse
from panel.sites.results.undo import Step, changed_words, plan_undo, revisions_of, run_undo, told_words, undo_until
from panel.sites.results.views import ReportView
from panel.widgets.times import plural

TOO_LATE = "It can be undone within ten minutes only. Nothing was done."
NO_SITES = "It changed no site, so there is nothing to undo."


class UndoView(ReportView):
    template_name = "panel/sites/results/undo.html"

    def get_permission_required(self) -> tuple[str, ...]:  # type: ignore[override]
        inverse = self.inverse
        return (self.operation.permission, *((inverse.permission,) if inverse else ()))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.has_permission() and self.inverse is None:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def refusal(self) -> HttpResponse | None:
        """Back to the result, with the reason why it cannot be undone; None if it can."""
        if timezone.now() >= undo_until(self.report):
            messages.error(self.request, TOO_LATE)
        elif not revisions_of(self.report.body or []):
            messages.error(self.request, NO_SITES)
        else:
            return None
        return self.back_to_result()

    def back_to_result(self) -> HttpResponse:
        return HttpResponseRedirect(self.result_url())

    def get(self, request: HttpRequest, name: str, run_id: uuid.UUID) -> HttpResponse:
        if refusal := self.refusal():
            return refusal
        at, inverse = timezone.now(), INVERSES[self.operation.name]
        steps = plan_undo(self.report)
        will_change = [step for step in steps if not step.is_changed]
        count = plural(len(will_change), "site")
        return self.render_to_response(
            self.get_context_data(
                title=f"Undo: {self.operation.label_for(len(steps))}",
                steps=[
                    (step, step_words(step, inverse, at=at), told_words(inverse, step.site, at=at)) for step in steps
                ],
                count=count,
                will_change=len(will_change),
                left=len(steps) - len(will_change),
                is_destructive=inverse.takes_service,
                at=self.report.created_at,
                by=self.report.admin,
                until=undo_until(self.report),
                cancel_url=self.result_url(),
            )
        )

    def post(self, request: HttpRequest, name: str, run_id: uuid.UUID) -> HttpResponse:
        """A second click, a reload and a second person get the results of the first time."""
        report = self.report
        if refusal := self.refusal():
            return refusal
        if len(report.body or []) > FEW_SITES and (page := confirmation_page(request)):
            return page
        by = acting_admin(request, Event.Source.ADMIN)
        with suppress(IdempotencyKeyInUse):
            report_once(lambda: run_undo(report, self.operation, by=by), **self.undo_key(), body={}, at=timezone.now())
        return self.back_to_result()


def step_words(step: Step, inverse: Inverse, *, at: Any) -> str:
    if step.event is None or step.is_changed:
        return changed_words(step.event, at=at)
    return inverse.words(step.event.changes)[0]
