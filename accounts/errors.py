from common.errors import Conflict, InvalidInput, NotAllowed, NotAuthenticated, NotFound, TooManyRequests, Unavailable


class InvalidCredentials(NotAuthenticated):
    """One error for an unknown user, a wrong password and a disabled admin, so that they cannot be told apart."""

    code = "invalid_credentials"
    title = "These credentials are not valid"


class InvalidRefreshToken(NotAuthenticated):
    """Forged, expired, used before, or part of a family that has ended."""

    code = "invalid_refresh_token"
    title = "This refresh token is not valid"


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
