"""The parents' meetings as their events make them."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel

from domain.parent_meetings_events import FollowUpKind, Outcome
from domain.stage_state import StageState
from domain.time import civil


class SessionState(BaseModel):
    """A session: its classes, its time, and whether the record says that it was held."""

    classes: list[str]
    at: AwareDatetime
    held: bool = False


class Household(BaseModel):
    """What the stage keeps of one pupil's household."""

    invited: list[str] = []
    sessions: dict[str, bool] = {}
    recorded: dict[str, int] = {}
    attempts: list[str] = []
    visited: bool = False
    outcome: Outcome | None = None

    @property
    def present(self) -> bool:
        """Tell whether the household was at any session."""
        return any(self.sessions.values())

    @property
    def needs_visit(self) -> bool:
        """Tell whether a visit is still owed below the quorum: nobody reached, nobody at the door yet."""
        return not self.visited and self.outcome in (None, "NO_ANSWER")

    def takes_follow_up(self, contact: FollowUpKind) -> bool:
        """Tell whether a contact still serves: before the final outcome, or the visit after calls found nobody."""
        return self.outcome is None or (self.outcome == "NO_ANSWER" and contact == "home_visit" and not self.visited)

    def contacted(self, contact: FollowUpKind, instant: datetime) -> None:
        """Take in a contact: attempts of one day count once."""
        day = civil(instant).isoformat()
        if day not in self.attempts:
            self.attempts.append(day)
        self.visited = self.visited or contact == "home_visit"


class ParentMeetingsState(StageState):
    """The stage as its events make it."""

    sessions: dict[str, SessionState] = {}
    cancelled: list[str] = []
    households: dict[str, Household]
