import pytest

from fleet.rollouts.tests.estate import Estate


@pytest.fixture
def estate(db: None) -> Estate:
    return Estate()
