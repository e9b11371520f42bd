"""Creating and changing a channel. What tells incidents to a new address gives data away, so that it needs a confirmation."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic.edit import FormMixin

from alerts.channels.services import change_channel, create_channel
from alerts.errors import ChannelInvalid, ChannelNameTaken
from audit.actors import acting_admin
from audit.models import Event
from panel.account.confirmation import confirmation_page, needs_confirmation
from panel.alerts.channels.forms import ChangeChannelForm, ChannelForm, present_values
from panel.alerts.channels.views import ManageChannelsView, OneChannelView


class ChannelFormView(FormMixin, ManageChannelsView):
    """Shows the refusal of a service beside its field."""

    template_name = "panel/alerts/channels/form.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data())

    def send(self) -> HttpResponse:
        form = self.get_form()
        if not form.is_valid():
            return self.form_invalid(form)
        try:
            return self.form_valid(form)
        except (ChannelInvalid, ChannelNameTaken) as error:
            form.add_error(error.field if error.field in form.fields else None, error.detail)
            return self.form_invalid(form)


class AddChannelView(ChannelFormView):
    form_class = ChannelForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        titles = {"title": "Add a channel", "button": "Add channel", "back": reverse("admin:channels")}
        return super().get_context_data(**{**titles, **kwargs})

    @method_decorator(sensitive_post_parameters("address"))
    @needs_confirmation
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.send()

    def form_valid(self, form: ChannelForm) -> HttpResponse:
        by, at = acting_admin(self.request, Event.Source.ADMIN), timezone.now()
        created = create_channel(form.cleaned_data["kind"], form.facts, by=by, at=at)
        channel = created.channel
        if created.signing_secret is None:
            messages.success(self.request, f"Added: {channel.name}. Send a test to see whether it arrives.")
            return self.to_page_of(channel.pk)
        # The answer to the POST: the secret is stored sealed, and no other page shows it.
        context = {"channel": channel, "signing_secret": created.signing_secret, "title": f"Added: {channel.name}"}
        context |= {"page_title": f"Signing secret · {channel.name}"}
        return TemplateResponse(
            self.request, "panel/alerts/channels/secret.html", ManageChannelsView.get_context_data(self, **context)
        )


class ChangeChannelView(ChannelFormView, OneChannelView):
    form_class = ChangeChannelForm

    def get_initial(self) -> dict[str, Any]:
        return present_values(self.channel)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "channel": self.channel}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        channel = self.channel
        titles = {"title": f"Change {channel.name}", "page_title": f"Change · {channel.name}", "button": "Save"}
        back = reverse("admin:channel", args=[channel.pk])
        return super().get_context_data(**{**titles, "channel": channel, "back": back, **kwargs})

    @method_decorator(sensitive_post_parameters("address"))
    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        page = confirmation_page(request) if request.POST.get("address") else None
        return page or self.send()

    def form_valid(self, form: ChangeChannelForm) -> HttpResponse:
        by, at = acting_admin(self.request, Event.Source.ADMIN), timezone.now()
        channel = change_channel(self.channel.pk, form.facts, by=by, at=at)
        messages.success(self.request, f"Saved: {channel.name}.")
        return self.to_its_page()
