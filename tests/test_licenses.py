"""docs/licenses.md is up to date, and no package has a licence that nobody has looked at."""

import pytest

from scripts import licenses

pytestmark = pytest.mark.any_database


def test_the_page_lists_the_locked_packages_and_their_licences() -> None:
    assert licenses.PAGE.read_text() == licenses.page(), "Run 'make licenses'."


@pytest.mark.parametrize("declared", ["GPL-3.0-only", "UNKNOWN", "MIT OR Proprietary", ""])
def test_a_licence_that_nobody_allowed_is_refused(declared: str) -> None:
    with pytest.raises(ValueError, match="ALLOWED"):
        licenses.spdx("some-package", declared)


def test_licences_are_named_as_spdx_does() -> None:
    assert licenses.spdx("cryptography", "Apache-2.0 OR BSD-3-Clause") == "Apache-2.0 OR BSD-3-Clause"
    assert licenses.spdx("fido2", "Apache Software License; BSD License") == "Apache-2.0 AND BSD"
