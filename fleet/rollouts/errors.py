from common.errors import Conflict, InvalidInput, NotFound, PreconditionFailed


class RolloutNotFound(NotFound):
    code = "rollout_not_found"
    title = "There is no such roll-out"


class RolloutInvalid(InvalidInput):
    title = "The roll-out is invalid"


class RolloutAlreadyCreated(Conflict):
    code = "rollout_already_created"
    title = "The roll-out was created already"


class RolloutChanged(PreconditionFailed):
    code = "rollout_changed_meanwhile"
    title = "The roll-out was changed since you read it"


class RolloutInOtherState(Conflict):
    code = "rollout_in_other_state"
    title = "The state of the roll-out does not allow this"


class RolloutSelectsNothing(Conflict):
    code = "rollout_selects_nothing"
    title = "No device matches the selection"


class WindowInvalid(InvalidInput):
    title = "The maintenance window is invalid"
