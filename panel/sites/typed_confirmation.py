"""Fields in which a person types what a dangerous page is about, before the page does it (decision 86)."""

from typing import Any

from django import forms

from sites.querysets import folded


class TypedCountField(forms.CharField):
    """How many sites the page is about."""

    def __init__(self, count: int) -> None:
        attrs = {"inputmode": "numeric", "autocomplete": "off", "size": 6}
        super().__init__(label=f"Type {count} to confirm", widget=forms.TextInput(attrs=attrs))
        self.count = count

    def clean(self, value: Any) -> str:
        typed = str(value or "").strip()
        if typed != str(self.count):
            raise forms.ValidationError(f"Type {self.count} to confirm.")
        return typed


class TypedNameField(forms.CharField):
    """The name of the only site, or another thing, that the page is about. Capitals and repeated spaces do not matter."""

    def __init__(self, name: str, *, what: str = "site") -> None:
        attrs = {"class": "vTextField", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        super().__init__(
            label=f"Type the {what}’s name to confirm", help_text=name, widget=forms.TextInput(attrs=attrs)
        )
        self.name = name

    def clean(self, value: Any) -> str:
        if comparable(str(value or "")) != comparable(self.name):
            raise forms.ValidationError(f"Type “{self.name}” to confirm.")
        return self.name


def comparable(name: str) -> str:
    return " ".join(folded(name).split())
