"""What infra/emulate.sh does on the emulator beside Terraform."""

import sys

import alarms
import cloud
import order
import roles

COMMANDS = {
    "wait": cloud.wait,
    "prepare": cloud.prepare,
    "describe": cloud.describe,
    "replicate": cloud.replicate,
    "configure": cloud.configure,
    "order": order.follow,
    "roles": roles.check,
    "alarms": alarms.feed,
}

COMMANDS[sys.argv[1]](*sys.argv[2:])
