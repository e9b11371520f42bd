"""Who gets which notice when: at 9 in the morning of the site, 30, 14, 7 and 1 days before the last day of the licence.

A notice that could not be sent at 9 is sent later on that day, but not on another one. By two constraints of the database each
stage is sent at most once for one end of the licence, and a site gets at most one notice a day, even if the end is changed.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, Value, When

from alerts.models import LicenseNotice
from alerts.models.customer_notices import STAGES
from sites.calendar import last_day
from sites.models import Site
from sites.querysets import SiteQuerySet, licensed_at

SEND_AT = time(9)
# How much nearer and farther than its days the end may be: the stage begins at 9, and both days are whole ones. Two hours more,
# for clocks that change in between.
NEARER, FARTHER = timedelta(hours=24 + 2), timedelta(hours=24 - 9 + 2)
BATCH_SIZE = 500


def gets_notices(at: datetime) -> Q:
    """A condition on sites that are not deregistered: who gets notices at all."""
    return licensed_at(at) & Q(is_locked=False)


def due_stage(site: Site, *, at: datetime) -> int | None:
    """The stage of a notice that is due now, and until the end of this day."""
    now = at.astimezone(ZoneInfo(site.timezone))
    days_left = (last_day(site.license_expires_at, site.timezone) - now.date()).days
    return days_left if days_left in STAGES and now.time() >= SEND_AT else None


def is_over(notice: LicenseNotice, *, at: datetime) -> bool:
    """Whether its day has ended in the site's zone."""
    return at.astimezone(ZoneInfo(notice.site.timezone)).date() > notice.day


def sites_near_a_stage(*, at: datetime) -> SiteQuerySet:
    """Those for which a notice may be due, depending on their zone, and is not stored yet. `stage` says which."""
    windows = {days: (at + timedelta(days=days) - NEARER, at + timedelta(days=days) + FARTHER) for days in STAGES}
    whens = [When(Q(license_expires_at__range=window), then=Value(days)) for days, window in windows.items()]
    near = Site.objects.live().filter(gets_notices(at)).annotate(stage=Case(*whens, output_field=IntegerField()))
    planned = LicenseNotice.objects.filter(
        site=OuterRef("pk"), license_expires_at=OuterRef("license_expires_at"), stage=OuterRef("stage")
    )
    sites: SiteQuerySet = near.filter(~Exists(planned), stage__isnull=False)
    return sites.only("site_id", "timezone", "license_expires_at").order_by("pk")


def store_due_notices(*, at: datetime) -> None:
    """Two workers at once store each of them once."""
    due = [(site, stage) for site in sites_near_a_stage(at=at) if (stage := due_stage(site, at=at))]
    LicenseNotice.objects.bulk_create(
        [new_notice(site, stage, at=at) for site, stage in due], batch_size=BATCH_SIZE, ignore_conflicts=True
    )


def new_notice(site: Site, stage: int, *, at: datetime) -> LicenseNotice:
    day = at.astimezone(ZoneInfo(site.timezone)).date()
    return LicenseNotice(
        site=site,
        license_expires_at=site.license_expires_at,
        stage=stage,
        day=day,
        created_at=at,
        next_attempt_at=at,
    )
