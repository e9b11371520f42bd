"""Changes of state of admins, their passwords, sign-ins and preferences. Second factors have their own: `accounts.two_factor`.

Each is one function, called by the panel, the API and the commands alike. Who acts is `by`, the moment `at`. A change and
its event are written in one transaction; a sign-in that only ends because of another change is part of that change's event.
"""

from accounts.services.admins import (
    CHANGEABLE,
    change_admin,
    give_missing_ids,
    keep_one_sysadmin,
    refuse_role_above_own,
)
from accounts.services.first_admin import invite_first_admin
from accounts.services.locks import lock_acting_admin, lock_admin
from accounts.services.password_links import (
    NewPasswordLink,
    find_password_link,
    invite_admin,
    password_link_url,
    reset_password_by_link,
    set_password_by_link,
)
from accounts.services.passwords import change_own_password, check_password, reset_password
from accounts.services.preferences import change_preferences, reset_preferences
from accounts.services.sign_in_attempts import finish_sign_in, record_attempt, record_failure
from accounts.services.sign_ins import (
    END_ALL_SIGN_INS,
    TokenPair,
    admin_of_access_token,
    end_all_sign_ins,
    end_api_sign_in,
    end_browser_session,
    end_other_sign_ins,
    renew_tokens,
    revoke_all_personal_tokens,
    sign_out,
    start_token_family,
)

__all__ = [
    "CHANGEABLE",
    "END_ALL_SIGN_INS",
    "NewPasswordLink",
    "TokenPair",
    "admin_of_access_token",
    "change_admin",
    "change_own_password",
    "change_preferences",
    "check_password",
    "end_all_sign_ins",
    "end_api_sign_in",
    "end_browser_session",
    "end_other_sign_ins",
    "find_password_link",
    "finish_sign_in",
    "give_missing_ids",
    "invite_admin",
    "invite_first_admin",
    "keep_one_sysadmin",
    "lock_acting_admin",
    "lock_admin",
    "password_link_url",
    "record_attempt",
    "record_failure",
    "refuse_role_above_own",
    "renew_tokens",
    "reset_password",
    "reset_password_by_link",
    "reset_preferences",
    "revoke_all_personal_tokens",
    "set_password_by_link",
    "sign_out",
    "start_token_family",
]
