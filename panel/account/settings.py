"""The page of one's own settings, and the button in the header that chooses a theme."""

from dataclasses import asdict

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.generic import View

from accounts.models import StartPage, Theme
from accounts.models.preferences import MAX_PAGE_SIZE, MIN_PAGE_SIZE
from alerts.own_settings import EmailNotices, change_own_settings, own_settings, reset_own_settings
from panel.account.pages import current_admin, render_page
from panel.kept_forms import take_kept_entries
from panel.widgets.zone_field import ZoneField


class SettingsForm(forms.Form):
    """`alerts.own_settings` has the rules; the form reads what a browser sends."""

    timezone = ZoneField(
        label="Time zone", required=False, help_text="Of all times in the panel. Leave it empty for your browser's."
    )
    theme = forms.ChoiceField(choices=Theme.choices)
    page_size = forms.IntegerField(
        label="Rows of a list",
        min_value=MIN_PAGE_SIZE,
        max_value=MAX_PAGE_SIZE,
        help_text=f"{MIN_PAGE_SIZE} to {MAX_PAGE_SIZE}, in each list of the menu.",
    )
    start_page = forms.ChoiceField(
        choices=StartPage.choices, label="Start page", help_text="Where you arrive after you sign in."
    )


class OwnSettingsView(View):
    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest) -> HttpResponse:
        present = asdict(own_settings(current_admin(request)))
        return self.render(SettingsForm(take_kept_entries(request), initial=present))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SettingsForm(request.POST)
        if not form.is_valid():
            return self.render(form)
        change_own_settings(current_admin(request), form.cleaned_data, at=timezone.now())
        messages.success(request, "Your settings are saved.")
        return redirect("admin:own_settings")

    def render(self, form: SettingsForm) -> HttpResponse:
        chosen = EmailNotices(own_settings(current_admin(self.request)).email_notices)
        return render_page(self.request, "settings", "Your settings", form=form, notices=chosen.label)


class ResetOwnSettingsView(View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        reset_own_settings(current_admin(request), at=timezone.now())
        messages.success(request, "Your settings are the defaults again.")
        return redirect("admin:own_settings")


class ChooseThemeView(View):
    """Saves the theme for `static/portcullis/theme.js`, which shows it already. 204 without a body."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        change_own_settings(current_admin(request), {"theme": request.POST.get("theme")}, at=timezone.now())
        return HttpResponse(status=204)
