"""The limits of the values of a site and of its services, used by serializers, forms, commands, files, services and tables."""

MAX_NAME_LENGTH = 200  # of a site and of its owner
MAX_EMAIL_LENGTH = 254  # RFC 5321, section 4.5.3.1
MAX_PHONE_LENGTH = 32
MAX_ZONE_LENGTH = 64
MAX_SLUG_LENGTH = 64  # of an organization
MAX_REASON_LENGTH = 500  # of a lock's reason, and of a reason or a note in the history
MAX_NOTE_LENGTH = 2000  # of a note about a site
MAX_IMPORT_REASON_LENGTH = 200  # with the name of the file it makes a reason in the history
MAX_EXTENSION_DAYS = 3660  # ten years
MAX_OVERLAP_HOURS = 168  # a week
DEFAULT_OVERLAP_HOURS = 24
DEFAULT_LICENSE_DAYS = 365
MAX_SEARCH_LENGTH = 300
MAX_VERSION_LENGTH = 64
MAX_TAG_LENGTH = 40
MAX_TAGS = 20  # of one site
MAX_TAGS_LENGTH = MAX_TAGS * (MAX_TAG_LENGTH + 2)  # with commas and spaces
MAX_VIEW_NAME_LENGTH = 120
MAX_VIEW_QUERY_LENGTH = 2_000
MAX_VIEWS = 50  # of one admin, and for everybody
