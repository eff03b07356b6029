"""The examination authority moves the application window: later, again, or earlier (R-11, edge case 46).

One person of the bureau records the authority's document, another approves. From then on every school and its filing
go by the new days: signing works until the new lock, and cooling-offs that are not confirmed end by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from domain.actors import require_other_person
from domain.campaign_events import CampaignStatus, DayRange, SchoolStatus
from domain.campaign_state import CampaignState
from domain.events import Envelope, Event
from domain.parts import Part
from domain.refusal import Refusal
from domain.stage_state import require_reason
from domain.stream import Outgoing, news
from domain.time import civil
from domain.window_change_events import (
    WINDOW_COMMANDS,
    WINDOW_EVENTS,
    ApproveWindow,
    ChangeWindow,
    WindowChange,
    WindowChangeApproved,
    WindowChangeRecorded,
    WindowChangeWithdrawn,
    WithdrawWindow,
)


class WindowPart(Part[CampaignState]):
    """The days on which the official system takes applications, as the examination authority moves them."""

    commands = WINDOW_COMMANDS
    event_types = WINDOW_EVENTS

    def decide(self, state: CampaignState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide what the bureau records, approves and takes back.

        Raises:
            Refusal: CAMPAIGN_NOT_APPROVED, CAMPAIGN_STOPPED, WINDOW_*, REASON_REQUIRED; SELF_APPROVAL (recorded).
        """
        if state.status == CampaignStatus.DRAFT:
            raise Refusal("CAMPAIGN_NOT_APPROVED")
        if state.status == CampaignStatus.STOPPED:
            raise Refusal("CAMPAIGN_STOPPED")
        match command:
            case ChangeWindow():
                return [_recorded(state, command, civil(now))]
            case ApproveWindow(number=number):
                change = _waiting(state, number)
                require_other_person(command.actor, change.recorded_by)
                _refuse_past(change.last, civil(now))
                fields = change.model_dump(include={"change", "first", "last", "document"})
                return [WindowChangeApproved.model_validate(fields)]
            case WithdrawWindow(number=number):
                reason = require_reason(command)
                return [WindowChangeWithdrawn(change=_waiting(state, number).change, reason=reason)]
            case _:
                return super().decide(state, command, now)

    def evolve(self, state: CampaignState, event: Event, envelope: Envelope) -> None:
        """Keep the window and the change that waits; a school that starts later begins with the window."""
        changes = state.window_changes
        match event:
            case WindowChangeRecorded(change=number, first=first, last=last, document=document):
                actor = envelope["actor"]
                changes.count = number
                changes.waiting = WindowChange(
                    change=number,
                    first=first,
                    last=last,
                    document=document,
                    recorded_by=[person for person in (actor["id"], actor["on_behalf_of"]) if person is not None],
                )
            case WindowChangeApproved(first=first, last=last):
                changes.waiting = None
                state.application_window = DayRange(first=first, last=last)
            case WindowChangeWithdrawn():
                changes.waiting = None
            case _:
                pass  # what happens elsewhere in the campaign moves no window

    def outgoing(self, state: CampaignState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Tell every school that has started."""
        if not isinstance(event, WindowChangeApproved):
            return []
        open_ = (SchoolStatus.STARTING, SchoolStatus.RUNNING)
        said = {"first": event.first.isoformat(), "last": event.last.isoformat(), "document": event.document}
        return [
            news(f"{state.campaign}/{code}", "window", envelope, **said)
            for code, standing in state.standing.items()
            if standing in open_
        ]

    def view(self, state: CampaignState) -> dict[str, Any]:
        """Return the change that waits for its approval."""
        waiting = state.window_changes.waiting
        if waiting is None:
            return {}
        return {"window_coming": {"change": waiting.change, "last": waiting.last.isoformat()}}


# -- inside -------------------------------------------------------------------------------------------------------


def _recorded(state: CampaignState, command: ChangeWindow, today: date) -> WindowChangeRecorded:
    held, changes = state.application_window, state.window_changes
    if changes.waiting is not None:
        raise Refusal("WINDOW_CHANGE_WAITING", change=changes.waiting.change)
    first = held.first if command.first is None and held is not None else command.first
    if first is None:
        raise Refusal("WINDOW_FIRST_NEEDED")
    if command.last < first:
        raise Refusal("WINDOW_DAYS_INVALID", first=first.isoformat())
    _refuse_past(command.last, today)
    if held is not None and (held.first, held.last) == (first, command.last):
        raise Refusal("WINDOW_THE_SAME", last=held.last.isoformat())
    return WindowChangeRecorded(
        change=changes.count + 1,
        first=first,
        last=command.last,
        was_last=None if held is None else held.last,
        document=command.document,
        digest=command.digest,
    )


def _refuse_past(last: date, today: date) -> None:
    """Refuse a last day that is over: nobody could sign any more, and an earlier lock would have been news to nobody.

    Raises:
        Refusal: WINDOW_IN_THE_PAST.
    """
    if last < today:
        raise Refusal("WINDOW_IN_THE_PAST", last=last.isoformat())


def _waiting(state: CampaignState, number: int) -> WindowChange:
    waiting = state.window_changes.waiting
    if waiting is None or waiting.change != number:
        raise Refusal("WINDOW_CHANGE_UNKNOWN", change=number)
    return waiting
