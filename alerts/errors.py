from common.errors import Conflict, InvalidInput, NotFound


class IncidentNotFound(NotFound):
    code = "incident_not_found"
    title = "There is no such incident"


class AlreadyResolved(Conflict):
    code = "already_resolved"
    title = "The incident is resolved already"


class ChannelNotFound(NotFound):
    code = "channel_not_found"
    title = "There is no such channel"


class ChannelNameTaken(InvalidInput):
    title = "Another channel has that name"


class ChannelInvalid(InvalidInput):
    title = "The channel is invalid"


class DeliveryNotFound(NotFound):
    code = "delivery_not_found"
    title = "There is no such delivery"


class DeliveryNotFailed(Conflict):
    code = "delivery_not_failed"
    title = "Only a delivery that has failed can be sent again"


class DeliveryOutdated(Conflict):
    code = "delivery_outdated"
    title = "A later message about the same incident was delivered; sent again, this one would open it anew"


class ChannelDisabled(Conflict):
    code = "channel_disabled"
    title = "The channel is disabled"


class NoticesNeedMail(Conflict):
    code = "notices_need_mail"
    title = "Notices to restaurants need EMAIL_HOST and PUBLIC_URL"


class NoticeTemplateInvalid(InvalidInput):
    title = "The words are invalid"


class NoticeTemplateChanged(Conflict):
    code = "notice_template_changed"
    title = "Somebody else has changed the notices since you opened the page"


class UnsubscribeLinkInvalid(NotFound):
    code = "unsubscribe_link_invalid"
    title = "This link is not valid"
