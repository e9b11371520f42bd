"""What the API's serializers declare, commands and files read, and CSV files hold is the same."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.fields import get_error_detail
from rest_framework.serializers import Serializer

from conftest import RegisteredSite
from sites.api.serializers import (
    EditSerializer,
    ExtendSerializer,
    LockSerializer,
    RegistrationSerializer,
    RotateSerializer,
    RotationSerializer,
    SiteDetailSerializer,
    SiteSerializer,
)
from sites.imports.columns import IMPORTED, LOOKUPS, NOT_EXPORTED
from sites.models import Site
from sites.representation import rotation_representation, site_representation
from sites.services import EDITABLE, Rotation
from sites.validation import REQUIRED, RULES, read_values

DECLARED = [
    (serializer, name)
    for serializer in (EditSerializer, RegistrationSerializer, LockSerializer, ExtendSerializer, RotateSerializer)
    for name in serializer().fields
]
VALUES = [
    "",
    "  ",
    " Roma ",
    "x" * 64,
    "x" * 200,
    "x" * 201,
    "x" * 255,
    "x" * 500,
    "x" * 501,
    "two\nlines",
    "a\x07b",
    "\udcff",
    "giulia@roma.example",
    "g@" + "x" * 260,
    "+39 (06) 55-50/12.3",
    "12",
    "1" * 33,
    "٠٦٥٥٥٠",
    "Europe/Rome",
    "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11",
    "0b6f4c1e6d0f4f0e9d533a3c1f5d2b11",
    "Mars/Phobos",
    "2030-01-01T01:00:00+01:00",
    "2030-01-01T00:00:00",
    True,
    0,
    1,
    168,
    169,
    3660,
    3661,
    10**30,
    1.5,
    [],
    {},
]


@pytest.mark.parametrize(("serializer", "name"), DECLARED, ids=lambda each: getattr(each, "__name__", each))
@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
def test_a_value_is_taken_or_refused_alike(serializer: type[Serializer[Any]], name: str, value: Any) -> None:
    body = serializer(data={name: value}, partial=True)
    body.is_valid()
    try:
        expected, problems = read_values({name: value}), []
    except ValidationError as error:
        expected, problems = {}, get_error_detail(error)[name]
    assert [(str(each), each.code) for each in body.errors.get(name, [])] == [(str(e), e.code) for e in problems]
    if not problems:
        assert body.validated_data == expected


def test_the_same_values_are_required() -> None:
    needed = [name for name, field in RegistrationSerializer().fields.items() if field.required]
    assert tuple(needed) == REQUIRED
    with pytest.raises(ValidationError) as refusal:
        read_values({}, required=REQUIRED)
    body = RegistrationSerializer(data={})
    assert not body.is_valid()
    assert get_error_detail(refusal.value) == body.errors


def test_every_rule_is_declared_by_the_api_and_every_editable_value_has_one() -> None:
    assert {name for _, name in DECLARED} | {"note"} == set(RULES)
    assert set(EDITABLE) == set(EditSerializer().fields)


def test_a_site_looks_as_its_serializer_declares(roma: RegisteredSite) -> None:
    """The fields serve the API's documentation: by themselves they would print the very same."""
    for _ in range(2):
        site = Site.objects.with_state(at=timezone.now()).get()
        declared = SiteSerializer(site)
        printed = {
            name: field.to_representation(value) if value is not None else None
            for name, field, value in (
                (name, field, field.get_attribute(site)) for name, field in declared.fields.items()
            )
        }
        assert list(site_representation(site).items()) == list(printed.items())
        assert list(SiteDetailSerializer(site).data) == list(SiteDetailSerializer().fields)
        roma.call_home()


def test_a_rotation_looks_as_its_serializer_declares(roma: RegisteredSite) -> None:
    rotation = Rotation(Site.objects.get(), "psk_x", timezone.now())
    assert rotation_representation(rotation) == RotationSerializer(rotation).data


def test_a_file_has_the_columns_of_the_api_from_the_same_places() -> None:
    fields = SiteSerializer().fields
    sources = {name: str(field.source).replace(".", "__") for name, field in fields.items() if name not in NOT_EXPORTED}
    appended = {
        "deregistered_at": "deregistered_at",
        "contact_phone": sources.pop("contact_phone"),
        "organization": "organization__slug",
    }
    assert list(LOOKUPS.items()) == [*sources.items(), *appended.items()]
    edited = ["organization" if name == "organization_id" else name for name in EditSerializer().fields]
    assert ("site_id", *edited) == IMPORTED
