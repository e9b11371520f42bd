from django.core.exceptions import ValidationError
from django.http import Http404

from accounts.models import Admin


def find_admin(typed_id: str) -> Admin:
    """The admin of an address in the panel. Raises Http404, also for what is no id."""
    try:
        return Admin.objects.get(pk=Admin._meta.pk.to_python(typed_id))
    except (Admin.DoesNotExist, ValidationError, OverflowError) as error:
        raise Http404 from error
