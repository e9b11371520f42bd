import uuid
from typing import Any

import pytest

from accounts.models import Admin
from conftest import Register, RegisteredSite
from erasure.tests.customers import add_sysadmin, make_customer


@pytest.fixture
def carla(db: None) -> Admin:
    """A second sysadmin."""
    return add_sysadmin("carla")


@pytest.fixture
def site_id(api: Any, register: Register, anna: Admin) -> uuid.UUID:
    """A deregistered site with a past."""
    return uuid.UUID(make_customer(api, register, anna).site_id)


@pytest.fixture
def closed(roma: RegisteredSite, api: Any) -> uuid.UUID:
    """A deregistered site without a past."""
    api.delete(roma.path)
    return uuid.UUID(roma.site_id)
