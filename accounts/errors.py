from common.errors import (
    Conflict,
    Gone,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TooManyRequests,
    Unavailable,
)


class InvalidCredentials(NotAuthenticated):
    """One error for an unknown user, a wrong password and a disabled admin, so that they cannot be told apart."""

    code = "invalid_credentials"
    title = "These credentials are not valid"


class SignInEnded(NotAuthenticated):
    """The admin was disabled, reset or given another role while the request was being answered."""

    title = "Your account was changed at this moment. Sign in again."


class InvalidRefreshToken(NotAuthenticated):
    """Forged, expired, used before, or part of a family that has ended."""

    code = "invalid_refresh_token"
    title = "This refresh token is not valid"


class InvalidPersonalToken(NotAuthenticated):
    """One error for an unknown, expired and revoked token and a disabled owner."""

    code = "invalid_personal_token"
    title = "This personal access token is not valid"


class PersonalTokenNotFound(NotFound):
    code = "personal_token_not_found"
    title = "You have no such personal access token"


class TooManyPersonalTokens(Conflict):
    code = "too_many_personal_tokens"
    title = "You have as many personal access tokens as one may have. Revoke one that you do not need."


class PersonRequired(NotAllowed):
    """A personal access token was sent where only a person who has signed in may act."""

    code = "person_required"
    title = "A personal access token may not do this. Sign in instead."


class TooManyLoginAttempts(TooManyRequests):
    code = "too_many_login_attempts"
    title = "Too many failed attempts to sign in"


class Busy(Unavailable):
    """The process computes as many password hashes as it may at a time, and others wait already."""

    code = "busy"
    title = "Too many people are signing in at this moment. Try again in a few seconds."
    retry_after_seconds = 2


class PasswordChangeRequired(NotAllowed):
    """Somebody else set the password, so that two people know it."""

    code = "password_change_required"
    title = "Sign in to the control panel and choose a password of your own first"


class TwoFactorRequired(NotAllowed):
    """The admin's role requires a second factor."""

    code = "two_factor_required"
    title = "Sign in to the control panel and set up a second factor first"


class EnrolmentExpired(NotAllowed):
    """The second factors were reset, and no new one was set up in time."""

    code = "enrolment_expired"
    title = "The time to set up a new second factor has ended. Ask a sysadmin to renew it."


class PasswordLinkUnknown(NotFound):
    code = "password_link_unknown"
    title = "This link is not valid. If a newer one was made, only that one works."


class PasswordLinkUsed(Gone):
    code = "password_link_used"
    title = "This link was used already. If that was not you, tell a sysadmin at once."


class PasswordLinkExpired(Gone):
    code = "password_link_expired"
    title = "This link has expired. Ask a sysadmin for a new one."


class SecurityKeyRefused(InvalidInput):
    """The browser's answer does not prove possession of the key."""

    code = "security_key_refused"
    title = "The security key was not recognised; try again"


class NameTaken(Conflict):
    code = "name_taken"
    title = "You have a security key of that name"


class AdminNotFound(NotFound):
    code = "admin_not_found"
    title = "There is no admin of that name"


class LastSysadmin(Conflict):
    """Somebody must be able to administer the control plane."""

    code = "last_sysadmin"
    title = "The last sysadmin who can sign in can be neither demoted nor disabled, nor left without a password"


class GoogleSignInOff(NotFound):
    """GOOGLE_CLIENT_IDS is not set, or for the panel GOOGLE_CLIENT_SECRET."""

    title = "Sign-in with Google is not set up here"


class GoogleUnavailable(Unavailable):
    """Google's certificates, or the answer for a sign-in in the panel, cannot be had at the moment."""

    code = "google_unavailable"
    title = "Google does not answer at this moment. Try again in a minute, or sign in with your password."
    retry_after_seconds = 30


class GoogleAccountTaken(Conflict):
    code = "google_account_taken"
    title = "This Google account belongs to another admin"


class GoogleAccountLinked(Conflict):
    """An admin has one Google account at most."""

    code = "google_account_linked"
    title = "Another Google account is linked. Unlink it first."


class GoogleAccountNeeded(Conflict):
    """Without a password, the Google account is the only way to sign in."""

    code = "google_account_needed"
    title = "You have no password, so you could not sign in. A sysadmin who resets your password unlinks the Google account."


class AccessPending(NotAllowed):
    code = "access_pending"
    title = "Your request for access is waiting for a sysadmin"


class AccessUnknown(NotAllowed):
    """The identity is proven, but no admin is linked to it, and no request of it waits."""

    code = "access_unknown"
    title = "This Google account is not known here. You can request access."


class TooManyAccessRequests(TooManyRequests):
    code = "too_many_access_requests"
    title = "Too many requests for access from this address"


class AccessRequestNotFound(NotFound):
    code = "access_request_not_found"
    title = "There is no such request for access"


class AlreadyDecided(Conflict):
    code = "already_decided"
    title = "This request was decided otherwise already"


class UsernameTaken(Conflict):
    """An approved request never changes an admin who is there already."""

    code = "username_taken"
    title = "There is an admin with this user name already"


class RoleAboveOwn(NotAllowed):
    code = "role_above_own"
    title = "You can neither grant nor change a role that may do more than your own"
