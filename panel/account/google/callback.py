"""Where Google sends browsers back to."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View

from accounts.errors import GoogleUnavailable, InvalidCredentials
from accounts.google.authorization import refuse_if_panel_is_off
from accounts.google.sign_in import Attempt, identify_by_code
from accounts.models import SignInAttempt
from panel.account.google.again import confirm
from panel.account.google.journeys import AGAIN, LINK, SIGN_IN, redirect_uri, take_journey
from panel.account.google.linking import ask_to_link
from panel.account.google.sign_in import sign_in


@method_decorator(never_cache, name="dispatch")
class CallbackView(View):
    """A state works once, in the session for which it was made."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_if_panel_is_off()
        journey = take_journey(request)
        if journey is None:
            messages.error(request, "This sign-in with Google has expired or was used already. Please start again.")
            return redirect("admin:login")
        back = "admin:login" if journey.purpose == SIGN_IN else "admin:account"
        if "error" in request.GET:
            is_cancelled = request.GET["error"] == "access_denied"
            messages.error(request, "You cancelled at Google." if is_cancelled else "Google refused. Please try again.")
            return redirect(back)
        attempt = Attempt(SignInAttempt.Source.PANEL, getattr(request, "client_address", None), timezone.now())
        try:
            code = request.GET.get("code", "")
            identity = identify_by_code(code, journey.secrets, attempt, redirect_uri=redirect_uri(request))
            if journey.purpose == LINK:
                return ask_to_link(request, identity, journey)
            if journey.purpose == AGAIN:
                return confirm(request, identity, journey)
            return sign_in(request, identity, journey, attempt)
        except InvalidCredentials:
            messages.error(request, "You cannot sign in with this Google account.")
        except GoogleUnavailable as error:
            messages.error(request, error.detail)
        return redirect(back)
