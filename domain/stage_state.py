"""What all stages remember, and the lines of a work list."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from domain.calendar import Calendar
from domain.refusal import Refusal
from domain.stage_events import CorrectRecord, StageStatus
from domain.stream import Command, StreamState


class StageState(StreamState):
    """The state that all stages share.

    Attributes:
        classes: class id → its pupils' references, without those who have left.
        joined: late joiners with the day by which their own service is due (B12); they never block a completion.
        came: late joiners with the day from which they are in their class.
        late_joiners: those whose day has passed with service missing.
        left: those who have left the register, with the kind of exit.
        content_release: the release that gave the stage its content; an older stream keeps what it began with.
    """

    campaign: str
    school: str
    stage: str
    status: StageStatus = StageStatus.PLANNED
    opens: date
    due: date
    after: list[str]
    met: list[str] = []
    ready_at: AwareDatetime
    opened_at: AwareDatetime | None = None
    calendar: Calendar
    classes: dict[str, list[str]]
    joined: dict[str, date] = {}
    came: dict[str, date] = {}
    late_joiners: list[str] = []
    left: dict[str, str] = {}
    overdue: bool = False
    paused: list[str] = []
    stopped: bool = False
    awake_at: AwareDatetime | None = None
    reminded: list[int] = []
    escalated: int = 0
    completed_at: AwareDatetime | None = None
    on_time: bool | None = None
    content_release: int = 1

    def listed(self, student: str) -> bool:
        """Tell whether work for a pupil is open: while the stage is, and for a late joiner also after it."""
        return self.status == StageStatus.OPEN or (self.status == StageStatus.COMPLETED and student in self.joined)

    def unknown(self, student: str) -> str:
        """Return the code of a row that names a pupil who is not in the stage."""
        return "STUDENT_LEFT" if student in self.left else "STUDENT_UNKNOWN"


T = TypeVar("T", bound=StageState)


class Todo(BaseModel):
    """One line of a work list: a pupil and the service that is missing, as a blocker's code."""

    model_config = ConfigDict(frozen=True)

    class_id: str
    student: str
    code: str


class DatedTodo(Todo):
    """A line of a work list with the day for which it is planned."""

    on: date


R = TypeVar("R", bound=BaseModel)


def read_values(row: type[R], held: dict[str, Any], command: CorrectRecord) -> R:
    """Return a recorded row with the values that a correction gives.

    Args:
        row: the model of the row.
        held: the row as it is recorded.
        command: the correction.

    Raises:
        Refusal: COMMAND_INVALID, with the value's name; a value that the row does not have, or of another form.
    """
    unknown = [name for name in command.values if name not in row.model_fields or name == "student"]
    if unknown:
        raise Refusal("COMMAND_INVALID", places=[{"place": name, "problem": "unknown_field"} for name in unknown])
    try:
        return row.model_validate({**held, **command.values})
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        places = [{"place": ".".join(str(part) for part in item["loc"]), "problem": item["type"]} for item in details]
        raise Refusal("COMMAND_INVALID", places=places) from None


def require_reason(command: Command) -> str:
    """Return the command's reason code.

    Raises:
        Refusal: REASON_REQUIRED.
    """
    if command.reason is None:
        raise Refusal("REASON_REQUIRED")
    return command.reason
