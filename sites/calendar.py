"""Days as a restaurant counts them: in the time zone of its site."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

MOMENT = timedelta(microseconds=1)


def last_day(license_expires_at: datetime, timezone: str) -> date:
    """Of the licence. One that ends at midnight ends with the day before. Raises OverflowError outside the years 1 to 9999."""
    return (license_expires_at - MOMENT).astimezone(ZoneInfo(timezone)).date()
