"""The vendor's words, whether notices are sent, and who has unsubscribed."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from alerts.customer_notices.tokens import Subscriber
from alerts.customer_notices.words import clean_body, clean_subject, current_template
from alerts.errors import NoticesNeedMail, NoticeTemplateChanged, NoticeTemplateInvalid, UnsubscribeLinkInvalid
from alerts.events import LICENSE_NOTICES, CustomerNoticesAction
from alerts.models import NoticeTemplate, Unsubscription
from audit.actors import Actor
from audit.services import record_event
from sites.events import SiteAction, site_subject
from sites.models import Site


def can_be_sent() -> bool:
    """A mail needs a server, and its links the address of this control plane."""
    return bool(settings.EMAIL_HOST and settings.PUBLIC_URL)


@transaction.atomic
def change_notices(
    *, subject: str, text: str, is_enabled: bool, by: Actor, at: datetime, expected_revision: int
) -> NoticeTemplate:
    """Change the words, and turn the notices on or off. `expected_revision` is 0 as long as nothing was stored.

    Raises NoticeTemplateInvalid, NoticesNeedMail, NoticeTemplateChanged. Nothing is recorded if nothing changes.
    """
    values = {"subject": cleaned(clean_subject, "subject", subject), "text": cleaned(clean_body, "text", text)}
    NoticeTemplate.objects.bulk_create([unsaved(at=at)], ignore_conflicts=True)
    template = NoticeTemplate.objects.select_for_update().get(pk=NoticeTemplate.LICENSE)
    if template.revision != expected_revision:
        raise NoticeTemplateChanged
    if is_enabled and not template.is_enabled and not can_be_sent():
        raise NoticesNeedMail
    after = {**values, "is_enabled": is_enabled}
    changes = {
        name: (getattr(template, name), value) for name, value in after.items() if value != getattr(template, name)
    }
    if not changes:
        return template
    for name, value in after.items():
        setattr(template, name, value)
    template.revision, template.updated_at = template.revision + 1, at
    template.save(update_fields=[*after, "revision", "updated_at"])
    record_event(CustomerNoticesAction.CHANGED, subject=LICENSE_NOTICES, by=by, at=at, changes=changes)
    return template


def unsaved(*, at: datetime) -> NoticeTemplate:
    template = current_template()
    template.updated_at = at
    return template


def cleaned(rule: Callable[[str], str], field: str, value: str) -> str:
    try:
        return rule(value)
    except ValidationError as error:
        raise NoticeTemplateInvalid(error.messages[0], field=field) from error


@transaction.atomic
def unsubscribe(subscriber: Subscriber, *, by: Actor, at: datetime) -> None:
    """No more notices, except the last one. A second time changes nothing. Raises UnsubscribeLinkInvalid."""
    site = site_for_update(subscriber)
    unsubscription, is_new = Unsubscription.objects.get_or_create(
        site=site, address_digest=subscriber.address_digest, defaults={"at": at}
    )
    if is_new:
        record_event(SiteAction.UNSUBSCRIBED, subject=site_subject(site.pk, site.name), by=by, at=unsubscription.at)


@transaction.atomic
def subscribe_again(subscriber: Subscriber, *, by: Actor, at: datetime) -> None:
    """Undo `unsubscribe`. A second time changes nothing. Raises UnsubscribeLinkInvalid."""
    site = site_for_update(subscriber)
    deleted, _ = Unsubscription.objects.filter(site=site, address_digest=subscriber.address_digest).delete()
    if deleted:
        record_event(SiteAction.SUBSCRIBED, subject=site_subject(site.pk, site.name), by=by, at=at)


def is_subscribed(subscriber: Subscriber) -> bool:
    left = Unsubscription.objects.filter(site_id=subscriber.site_id, address_digest=subscriber.address_digest)
    return not left.exists()


def site_of(subscriber: Subscriber) -> Site:
    """Raises UnsubscribeLinkInvalid for a site that is deregistered: it gets no notices."""
    site: Site | None = Site.objects.live().filter(pk=subscriber.site_id).first()
    if site is None:
        raise UnsubscribeLinkInvalid
    return site


def site_for_update(subscriber: Subscriber) -> Site:
    site: Site | None = Site.objects.live().select_for_update(no_key=True).filter(pk=subscriber.site_id).first()
    if site is None:
        raise UnsubscribeLinkInvalid
    return site
