"""The part of an erasure for stored answers."""

from collections.abc import Iterable

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from idempotency.models import IdempotentRequest


def answers_about(site_id: str) -> list[IdempotentRequest]:
    """Those whose path or answer contains the id."""
    answers = IdempotentRequest.objects.annotate(answer=Cast("body", TextField()))
    return list(answers.filter(Q(path__contains=site_id) | Q(answer__contains=site_id)))


def erase_answers(answers: Iterable[IdempotentRequest], *, site_id: str, value: str) -> None:
    """Delete the answers about this site, and put `value` for it in reports of the panel on several sites."""
    for answer in answers:
        if not (isinstance(answer.body, list) and len(answer.body) > 1):
            answer.delete()
            continue
        # As panel.sites.operations.results stores them.
        erased = {"name": value, "words": value}
        body = [{**entry, **erased} if entry.get("site_id") == site_id else entry for entry in answer.body]
        IdempotentRequest.objects.filter(pk=answer.pk).update(body=body)
