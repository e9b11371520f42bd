import re
import uuid

from sites.errors import SiteNotFound

UUID_AS_WE_WRITE_IT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def path_site_id(text: str) -> uuid.UUID:
    """The id in a path; one that cannot be an id is as unknown as any other. Raises SiteNotFound."""
    if not UUID_AS_WE_WRITE_IT.fullmatch(text):
        raise SiteNotFound
    return uuid.UUID(text)
