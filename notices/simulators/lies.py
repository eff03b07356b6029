"""What a provider can get wrong about one message; a simulator is told which, and what is then true is known."""

from __future__ import annotations

from enum import StrEnum


class Lie(StrEnum):
    """How a provider answers to one submit."""

    NONE = "none"
    """It takes the message and says so."""
    ACCEPTED_WITHOUT_STATUS = "accepted_without_status"
    """It takes the message and says "200" with nothing else."""
    BAD_REQUEST_DURING_OUTAGE = "bad_request_during_outage"
    """It is out of order, and a proxy before it says that the request was wrong."""
    FAULT_AFTER_TAKING = "fault_after_taking"
    """It takes the message and says "500"."""
    SUCCESS_TWICE = "success_twice"
    """It takes the message, loses the answer, says "taken" to the second submit too, and reports its receipt twice."""
    LOST_RESPONSE = "lost_response"
    """It takes the message, and the connection ends before the answer."""
    LOST_REQUEST = "lost_request"
    """The message is lost, and the connection ends before the answer: from outside the same as `LOST_RESPONSE`."""
    LATE_CALLBACK = "late_callback"
    """It takes the message, and its receipt comes when everybody has stopped waiting."""
    MUTED_TEN_MINUTES = "muted_ten_minutes"
    """It takes nothing from us for ten minutes."""
    TEMPLATE_REFUSED = "template_refused"
    """The wording is no longer approved."""
    RECYCLED_NUMBER = "recycled_number"
    """It takes the message and then finds that the number has a new owner."""
    NOBODY = "nobody"
    """There is no such number or user."""
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - the name of a lie
    """Its token ends before the time that it said."""
    TOO_OFTEN = "too_often"
    """We ask too often, it says."""


DROPPED = (Lie.LOST_RESPONSE, Lie.LOST_REQUEST)
"""The connection ends before an answer."""

UNTAKEN = (
    Lie.BAD_REQUEST_DURING_OUTAGE,
    Lie.LOST_REQUEST,
    Lie.MUTED_TEN_MINUTES,
    Lie.TEMPLATE_REFUSED,
    Lie.NOBODY,
    Lie.TOKEN_EXPIRED,
    Lie.TOO_OFTEN,
)
"""The message goes nowhere."""
