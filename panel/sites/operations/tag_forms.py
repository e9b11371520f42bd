"""The forms that add tags to the selected sites and remove tags from them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import prefetch_related_objects

from panel.sites.operations.expected_results import ExpectedResult, refused, unchanged, will_change
from panel.sites.operations.forms import OperationForm
from panel.widgets.times import plural
from sites.limits import MAX_TAGS, MAX_TAGS_LENGTH
from sites.models import Site
from sites.tags import split_tags


class TagsField(forms.CharField):
    """Tags separated by commas."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_TAGS_LENGTH, widget=forms.TextInput({"class": "vTextField"}), **kwargs)

    def clean(self, value: Any) -> Any:
        tags = split_tags(super().clean(value))
        if not tags:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return tags


class PresentTagsField(forms.MultipleChoiceField):
    widget = forms.CheckboxSelectMultiple

    def valid_value(self, value: Any) -> bool:
        """Also a tag that somebody has removed since: then there is nothing to do."""
        return split_tags(str(value)) == [value]


class TagsForm(OperationForm):
    def __init__(self, data: Any = None, *, sites: Sequence[Site], at: datetime) -> None:
        super().__init__(data, sites=sites, at=at)
        prefetch_related_objects(list(sites), "tags")

    def chosen(self) -> list[str]:
        """The tags of a valid form; none before."""
        return list(self.cleaned_data.get("tags", [])) if self.is_bound else []


class AddTagsForm(TagsForm):
    tags = TagsField(help_text=f"Separated by commas, such as pilot, north. A site can have up to {MAX_TAGS}.")

    def detailed(self, expected: ExpectedResult, site: Site) -> ExpectedResult:
        chosen = self.chosen()
        if not chosen or site.deregistered_at is not None:
            return expected
        present = {tag.name for tag in site.tags.all()}
        new = [name for name in chosen if name not in present]
        if len(present) + len(new) > MAX_TAGS:
            return refused(f"Would have {len(present) + len(new)} tags, more than {MAX_TAGS}")
        return will_change(f"Gets {', '.join(new)}") if new else unchanged("Has these tags already: nothing to do")


class RemoveTagsForm(TagsForm):
    tags = PresentTagsField()

    def __init__(self, data: Any = None, *, sites: Sequence[Site], at: datetime) -> None:
        super().__init__(data, sites=sites, at=at)
        numbers = Counter(tag.name for site in sites for tag in site.tags.all())
        several = len(sites) > 1
        self.fields["tags"].choices = [  # type: ignore[attr-defined]
            (name, f"{name} ({plural(number, 'site')})" if several else name)
            for name, number in sorted(numbers.items())
        ]

    def detailed(self, expected: ExpectedResult, site: Site) -> ExpectedResult:
        chosen = self.chosen()
        if not chosen or site.deregistered_at is not None:
            return expected
        lost = [tag.name for tag in site.tags.all() if tag.name in chosen]
        return will_change(f"Loses {', '.join(lost)}") if lost else unchanged("Has none of these: nothing to do")
