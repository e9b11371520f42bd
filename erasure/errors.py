from common.errors import Conflict, InvalidInput, NotAllowed


class MayNotErase(NotAllowed):
    """Commands name the acting admin; the panel checks the permission before."""

    code = "may_not_erase"
    title = "Only a sysadmin may request, confirm or withdraw an erasure"


class ErasureAlreadyRequested(Conflict):
    code = "erasure_already_requested"
    title = "The erasure was requested already; another sysadmin has to confirm it"


class ErasureNotRequested(Conflict):
    """Never, or the request was withdrawn, or withdrawn and made anew."""

    code = "erasure_not_requested"
    title = "There is no such request: it was withdrawn, or never made"


class ErasureRequestExpired(Conflict):
    code = "erasure_request_expired"
    title = "The request has expired; the erasure must be requested again"


class ErasureNeedsSecondPerson(Conflict):
    code = "erasure_needs_second_person"
    title = "Another sysadmin than the one who requested the erasure has to confirm it"


class ErasureConfirmerTooNew(Conflict):
    """Otherwise one sysadmin could make a second account, or take over another's, to confirm their own request."""

    code = "erasure_confirmer_too_new"
    title = (
        "Your account, role, password or second factor was set up or reset after the request; another sysadmin has to"
        " confirm it, or the erasure must be requested again"
    )


class RequesterMayNotErase(Conflict):
    code = "requester_may_not_erase"
    title = "The admin who requested the erasure is not a sysadmin any more; it must be requested again"


class ErasureRequestOutdated(Conflict):
    code = "erasure_request_outdated"
    title = "The site was restored and deregistered again since the request; the erasure must be requested again"


class ReasonNamesCustomer(InvalidInput):
    title = "The reason stays, so it must not name the restaurant, its owner or an e-mail address. Give a reference instead."
