"""How the soak decides whether memory grows."""

import pytest

from tests.faults.soak import Memory

pytestmark = pytest.mark.any_database


def memory(*workers: list[tuple[float, float]]) -> Memory:
    return Memory(by_worker=dict(enumerate(workers)))  # type: ignore[arg-type]


def test_a_worker_that_stays_where_it_is_does_not_grow() -> None:
    assert memory([(200, 100.0), (300, 101.0), (400, 100.0)]).growth() == pytest.approx(0)


def test_a_worker_that_grows_is_found() -> None:
    assert memory([(200, 100.0), (300, 105.0), (400, 110.0)]).growth() == pytest.approx(10 / 105)


def test_a_new_worker_at_another_level_is_no_growth() -> None:
    assert memory([(200, 120.0), (300, 120.0)], [(200, 100.0), (300, 100.0)]).growth() == 0


def test_memory_that_was_never_measured_is_not_called_flat() -> None:
    with pytest.raises(ValueError, match="let the soak run for longer"):
        memory().growth()
