"""Everything that changes devices, their keys and enrolment codes: one function for each change of state.

Each takes the id of what it changes, facts by keyword, who acts (`by`) and the time (`at`), locks the row, writes only the
columns that change, and records an event in the same transaction.
"""

from fleet.devices.services.changes import retire_device, update_device
from fleet.devices.services.enrolment import (
    NewCode,
    create_enrolment_code,
    revoke_enrolment_code,
    use_enrolment_code,
)
from fleet.devices.services.keys import DeviceKeyRotation, note_use_of_new_key, rotate_device_key
from fleet.devices.services.registration import (
    NewDevice,
    register_device,
    replace_device,
    update_registration,
)
from fleet.devices.services.rows import touch_devices

__all__ = [
    "DeviceKeyRotation",
    "NewCode",
    "NewDevice",
    "create_enrolment_code",
    "note_use_of_new_key",
    "register_device",
    "replace_device",
    "retire_device",
    "revoke_enrolment_code",
    "rotate_device_key",
    "touch_devices",
    "update_device",
    "update_registration",
    "use_enrolment_code",
]
