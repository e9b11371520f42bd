from common.errors import Conflict, NotAllowed, NotAuthenticated, TooManyRequests


class InvalidCredentials(NotAuthenticated):
    """The same for an unknown user, a wrong password and a disabled admin, so that none can be told from another."""

    code = "invalid_credentials"
    title = "These credentials are not valid"


class InvalidRefreshToken(NotAuthenticated):
    """Forged, expired, used before, or of a family that was ended."""

    code = "invalid_refresh_token"
    title = "This refresh token is not valid"


class TooManyLoginAttempts(TooManyRequests):
    code = "too_many_login_attempts"
    title = "Too many failed attempts to sign in"


class PasswordChangeRequired(NotAllowed):
    """The password was set by somebody else, so that two know it."""

    code = "password_change_required"
    title = "Sign in to the control panel and choose a password of your own first"


class LastSysadmin(Conflict):
    """Somebody must be able to administer the control plane."""

    code = "last_sysadmin"
    title = "The last sysadmin who can sign in can be neither demoted nor disabled, nor left without a password"
