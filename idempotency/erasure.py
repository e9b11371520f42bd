"""The part of an erasure for stored answers."""

from collections.abc import Iterable

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from idempotency.models import IdempotentRequest

# Of one statement; a site may have hundreds of devices.
MAX_IDS = 50


def answers_about(ids: Iterable[str]) -> list[IdempotentRequest]:
    """Those whose path or answer contains one of the ids."""
    found: dict[int, IdempotentRequest] = {}
    answers = IdempotentRequest.objects.annotate(answer=Cast("body", TextField()))
    for some in batched(ids, MAX_IDS):
        matching = Q(pk__in=[])
        for each in some:
            matching |= Q(path__contains=each) | Q(answer__contains=each)
        found |= {answer.pk: answer for answer in answers.filter(matching)}
    return list(found.values())


def batched(ids: Iterable[str], size: int) -> Iterable[list[str]]:
    rest = list(ids)
    return (rest[start : start + size] for start in range(0, len(rest), size))


def erase_answers(answers: Iterable[IdempotentRequest], *, ids: frozenset[str], value: str) -> None:
    """Delete the answers with one of the ids, and put `value` for it in reports of the panel on several sites or devices."""
    for answer in answers:
        if not (isinstance(answer.body, list) and len(answer.body) > 1):
            answer.delete()
            continue
        # As panel.sites.operations.results stores them.
        erased = {"name": value, "words": value}
        body = [{**entry, **erased} if not ids.isdisjoint(values_of(entry)) else entry for entry in answer.body]
        IdempotentRequest.objects.filter(pk=answer.pk).update(body=body)


def values_of(entry: dict[str, object]) -> set[str]:
    return {value for value in entry.values() if isinstance(value, str)}
