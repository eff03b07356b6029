"""Which channels the notices of this installation go out through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.notices import BY_PEOPLE, DINGTALK_ROBOT, EMAIL, SMS, WECOM, WECOM_ROBOT
from settings import Settings

PROVIDERS: Final = (
    "DIVERSION_SMTP_",
    "DIVERSION_SMS_",
    "DIVERSION_WECOM_",
    "DIVERSION_DINGTALK_",
    "DIVERSION_METRICS",
    "DIVERSION_AUDIT_KEY",
    "DIVERSION_HEADS_",
)
"""How the variables begin that the worker needs to send and to sign; the rest of its environment is made for it."""


def ways_out(settings: Settings) -> tuple[str, ...]:
    """Return the channels that have dispatchers: those with settings, and with any of them calls and letters.

    Without a provider nobody knows whether there will be one: notices wait in the outbox.
    """
    found = {
        WECOM: settings.wecom,
        SMS: settings.sms,
        EMAIL: settings.smtp,
        WECOM_ROBOT: settings.wecom_robot,
        DINGTALK_ROBOT: settings.dingtalk_robot,
    }
    electronic = tuple(channel for channel, given in found.items() if given is not None)
    return (*electronic, *BY_PEOPLE) if electronic else ()


def providers(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment that the worker needs to send and to sign."""
    return {name: value for name, value in environ.items() if name.startswith(PROVIDERS)}
