from accounts.models.access_requests import AccessRequest, AccessRequestState
from accounts.models.admins import Admin, AdminQuerySet
from accounts.models.factors import PasswordLink, RecoveryCode, SecurityKey, TotpDevice
from accounts.models.google import GoogleAccount
from accounts.models.personal_tokens import PersonalToken
from accounts.models.preferences import Preferences, StartPage, Theme
from accounts.models.sign_ins import AttemptOutcome, AttemptSource, PanelSession, SignInAttempt, TokenFamily

__all__ = [
    "AccessRequest",
    "AccessRequestState",
    "Admin",
    "AdminQuerySet",
    "AttemptOutcome",
    "AttemptSource",
    "GoogleAccount",
    "PanelSession",
    "PasswordLink",
    "PersonalToken",
    "Preferences",
    "RecoveryCode",
    "SecurityKey",
    "SignInAttempt",
    "StartPage",
    "Theme",
    "TokenFamily",
    "TotpDevice",
]
