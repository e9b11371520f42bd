"""The Google account of an admin whose password is reset. `accounts.google` has the rest."""

from accounts.models import Admin, GoogleAccount
from audit.services import Changes


def unlink_at_reset(admin: Admin) -> Changes:
    """Unlink it, and return the change for the event of the reset. Another person may have the admin's account afterwards."""
    account = GoogleAccount.objects.filter(admin=admin).first()
    if account is None:
        return {}
    account.delete()
    return {"google_account": (account.email, None)}
