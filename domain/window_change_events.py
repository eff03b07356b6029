"""What can happen to the application window during a campaign, and be commanded of it (R-11, edge case 46)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.events import Event
from domain.exact import Positive
from domain.instants import Day
from domain.stream import Command
from domain.targets_events import DocumentNumber

DIGEST: Final = r"^[0-9a-f]{64}$"

# -- events -----------------------------------------------------------------------------------------------------


class WindowChangeRecorded(Event):
    """The bureau has a document of the examination authority that moves the days on which applications are taken.

    Nothing changes before another person has compared it with the document.

    Attributes:
        change: its number, 1 for the first.
        first, last: the window's days as they will be; `was_last` is None where none was named.
        document, digest: the document's number, and the SHA-256 of its file.
    """

    change: int
    first: date
    last: date
    was_last: date | None
    document: str
    digest: str


class WindowChangeApproved(Event):
    """A second person has approved the change; schools and stages go by it from now on."""

    change: int
    first: date
    last: date
    document: str


class WindowChangeWithdrawn(Event):
    """A recorded change will not come."""

    change: int
    reason: str


WINDOW_EVENTS: Final[tuple[type[Event], ...]] = (WindowChangeRecorded, WindowChangeApproved, WindowChangeWithdrawn)


# -- commands ---------------------------------------------------------------------------------------------------


class ChangeWindow(Command):
    """Record what a document of the examination authority says; the first day stays where it is not named."""

    kind: Literal["change_window"] = "change_window"
    last: Day
    first: Day | None = None
    document: DocumentNumber
    digest: Annotated[str, Field(pattern=DIGEST)]


class ApproveWindow(Command):
    """Approve a recorded change; by another person than who recorded it (INV-21)."""

    kind: Literal["approve_window"] = "approve_window"
    number: Positive


class WithdrawWindow(Command):
    """Take a recorded change back before it is approved; needs a reason."""

    kind: Literal["withdraw_window"] = "withdraw_window"
    number: Positive


WINDOW_COMMANDS: Final[tuple[type[Command], ...]] = (ChangeWindow, ApproveWindow, WithdrawWindow)


# -- what the campaign remembers ----------------------------------------------------------------------------------


class WindowChange(BaseModel):
    """A recorded change that waits for its approval.

    Attributes:
        recorded_by: who recorded it and for whom, to keep the approver another person.
    """

    model_config = ConfigDict(frozen=True)

    change: int
    first: date
    last: date
    document: str
    recorded_by: list[str]


class WindowChanges(BaseModel):
    """What the campaign remembers: how many changes were recorded, and the one that waits."""

    count: int = 0
    waiting: WindowChange | None = None
