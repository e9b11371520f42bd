"""Settings of how people get access."""

from django.core.exceptions import ImproperlyConfigured, ValidationError

from accounts.usernames import MAX_USERNAME_LENGTH, username_of_email
from config import environment as env


def access_requests_per_address() -> int:
    """ACCESS_REQUESTS_PER_ADDRESS: how many one address may send in an hour, whatever the answer."""
    return env.integer("ACCESS_REQUESTS_PER_ADDRESS", default=20, minimum=1, maximum=10_000)


def first_admin_email() -> str:
    """FIRST_ADMIN_EMAIL: address and user name of the sysadmin who is made if there is no admin; empty for none."""
    given = env.text("FIRST_ADMIN_EMAIL", "")
    try:
        return username_of_email(given) if given else ""
    except ValidationError as error:
        message = f"FIRST_ADMIN_EMAIL must be an e-mail address of at most {MAX_USERNAME_LENGTH} characters"
        raise ImproperlyConfigured(f"{message}: {' '.join(error.messages)}") from error
