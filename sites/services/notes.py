"""Notes about a site: added, never changed. They tell colleagues something and decide nothing, so the site's revision stays."""

import uuid
from datetime import datetime

from django.db import transaction

from audit.actors import Actor
from sites.errors import NoteAlreadyAdded, SiteErased
from sites.events import SiteAction
from sites.models import Site, SiteNote
from sites.services.rows import record, row_for_update
from sites.validation import checked_note_text


@transaction.atomic
def add_note(site_id: uuid.UUID, *, text: str, by: Actor, at: datetime, note_id: uuid.UUID | None = None) -> SiteNote:
    """Add an admin's note to a site, also to a deregistered one. The event does not hold the text (decision 88).

    A caller that may send the same form twice passes the `note_id`: the same note is added once.
    Raises InvalidInput, SiteNotFound, SiteErased, NoteAlreadyAdded.
    """
    if by.admin is None:
        raise ValueError("a note is by an admin")
    text, note_id = checked_note_text(text), note_id or uuid.uuid4()
    # Of two at once the second sees the note of the first.
    site = row_for_update(Site.objects.all(), site_id)
    if site.erased_at is not None:
        raise SiteErased
    added = SiteNote.objects.filter(note_id=note_id).first()
    if added is not None:
        if (added.site_id, added.text) != (site.pk, text):
            raise NoteAlreadyAdded
        return added
    note = SiteNote.objects.create(
        site=site, note_id=note_id, at=at, admin_id=by.admin.pk, admin_name=by.admin.username, text=text
    )
    record(SiteAction.NOTE_ADDED, site, by=by, at=at)
    return note
