"""What can happen to the sending of notices as a whole, and be commanded of it (FEATURES G4, G8, O7, O8).

The campaign's stream decides who may do what and why. It knows no single notice: whether one exists and where it
stands, the outbox knows, which applies these events in the transaction that appends them (decision 0021).
"""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from domain.campaign_events import SCHOOL_CODE
from domain.events import Event
from domain.exact import Count
from domain.notices import PAPER, PHONE, NoticeState
from domain.stream import CODE, STUDENT, Command
from domain.time import stamp

NOTICE: Final = r"^ntc_[0-9a-f]{32}$"
PERSON: Final = r"^(gdn|cgv|stu)_[a-z0-9]{6,32}$"
SCOPE: Final = r"^[a-z0-9][a-z0-9_]{2,39}$"
DIGEST: Final = r"^[0-9a-f]{64}$"
DISPATCH: Final = "dispatch"
"""A channel's dispatcher sends its news as `{campaign}/dispatch/{channel}`; it is no stream."""

UNKNOWN_CODE: Final = "UNKNOWN_CODE"
"""In place of a provider's code that is no word of ours."""

RECEIPTS_AT_ONCE: Final = 200
"""Most receipts of one event, so that a day of receipts is a handful of events and each stays small."""

Channel = Literal["wecom", "sms", "email", "phone", "paper", "wecom_robot", "dingtalk_robot"]
"""`domain.notices.CHANNELS`, as a command names one."""

NoticeId = Annotated[str, Field(pattern=NOTICE)]
SchoolCode = Annotated[str, Field(pattern=SCHOOL_CODE)]
Student = Annotated[str, Field(pattern=STUDENT)]
Person = Annotated[str, Field(pattern=PERSON)]


class ScopeKind(StrEnum):
    """What a kill switch shuts."""

    CHANNEL = "channel"
    PURPOSE = "purpose"
    SCHOOL = "school"


class TaskOutcome(StrEnum):
    """What became of a call or a letter, as the person says who did it."""

    REACHED = "REACHED"
    NO_ANSWER = "NO_ANSWER"
    WRONG_NUMBER = "WRONG_NUMBER"
    HANDED_OVER = "HANDED_OVER"
    SIGNED = "SIGNED"
    RETURNED = "RETURNED"


OUTCOMES: Final[dict[str, tuple[TaskOutcome, ...]]] = {
    PHONE: (TaskOutcome.REACHED, TaskOutcome.NO_ANSWER, TaskOutcome.WRONG_NUMBER),
    PAPER: (TaskOutcome.HANDED_OVER, TaskOutcome.SIGNED, TaskOutcome.RETURNED),
}
"""A list's channel → what can become of its work."""

# -- events -----------------------------------------------------------------------------------------------------


class NoticesKilled(Event):
    """Nothing goes out any more on this channel, for this purpose or from this school, until it is released.

    Attributes:
        scope: the channel's name, the purpose's, or the school's code.
    """

    scope_kind: ScopeKind
    scope: str
    reason: str


class NoticesReleased(Event):
    """A kill switch is open again; what it held goes out as far as it is not too late."""

    scope_kind: ScopeKind
    scope: str
    reason: str


class NoticeMuted(Event):
    """A person has stopped one notice; with `school`, only an optional one of that school can be meant."""

    notice: str
    school: str | None
    reason: str


class NoticeRetried(Event):
    """A notice that had come to its end goes once more; on the channel named, or as if it were new."""

    notice: str
    channel: str | None
    reason: str


class NoticeOutcomeStated(Event):
    """A person has found out whether a notice went out of which the record could not tell."""

    notice: str
    sent: bool
    reason: str


class NoticeTaskRecorded(Event):
    """What became of a call or a letter from a list."""

    school: str
    notice: str
    channel: str
    outcome: TaskOutcome


class OptionalNoticesDeclined(Event):
    """A person wants no optional notices about a pupil any more; those on rights and safety still come (G8).

    Attributes:
        school: whose staff has put it down; it holds for that school's own notices. None: the family itself, or the
            bureau for it.
    """

    LATER: ClassVar[tuple[str, ...]] = ("school",)

    student: str
    person: str
    school: str | None = None


class OptionalNoticesAllowed(Event):
    """A person wants the optional notices about a pupil again."""

    student: str
    person: str


class NoticesSettled(Event):
    """What became of a channel's notices on one civil day, tied to the chain by the digest of that day's journal.

    Attributes:
        rows: of the journal on that day.
        digest: SHA-256 over those rows in their order.
        states: state → how many of the rows ended in it.
    """

    channel: str
    day: date
    rows: int
    digest: str
    states: dict[str, int]


def _word_of_ours(value: Any) -> Any:
    return value if not isinstance(value, str) or re.fullmatch(CODE, value) else UNKNOWN_CODE


class Receipted(BaseModel):
    """What a provider told of one notice: the notice's id, and nothing that the provider itself wrote.

    Attributes:
        code: a word of ours; what reads otherwise is UNKNOWN_CODE, so that one odd receipt costs no other its place.
    """

    model_config = ConfigDict(frozen=True)

    notice: NoticeId
    state: NoticeState
    at: AwareDatetime
    code: Annotated[str, BeforeValidator(_word_of_ours)] | None = None


class ReceiptsTaken(Event):
    """Receipts of a channel, as they came in: a notice was accepted, delivered, read, or failed."""

    channel: str
    receipts: tuple[Receipted, ...]


SENDING_EVENTS: Final[tuple[type[Event], ...]] = (
    NoticesKilled,
    NoticesReleased,
    NoticeMuted,
    NoticeRetried,
    NoticeOutcomeStated,
    NoticeTaskRecorded,
    OptionalNoticesDeclined,
    OptionalNoticesAllowed,
    NoticesSettled,
    ReceiptsTaken,
)

TOLD_BY_DISPATCHERS: Final = tuple(kind.__name__ for kind in (NoticesSettled, ReceiptsTaken))
"""Types that no command and no other stream causes: a dispatcher read them from the outbox's journal."""


# -- commands ---------------------------------------------------------------------------------------------------


class _Switch(Command):
    """A kill switch: which, and why."""

    scope_kind: ScopeKind
    scope: str = Field(pattern=SCOPE)


class KillNotices(_Switch):
    """Hold every notice of a channel, a purpose or a school at once; needs a reason."""

    kind: Literal["kill_notices"] = "kill_notices"


class ReleaseNotices(_Switch):
    """Let go what a kill switch holds; needs a reason."""

    kind: Literal["release_notices"] = "release_notices"


class MuteNotice(Command):
    """Stop one notice for good; needs a reason. A school names itself, and stops optional ones of its own only."""

    kind: Literal["mute_notice"] = "mute_notice"
    notice: NoticeId
    school: SchoolCode | None = None


class RetryNotice(Command):
    """Send a notice once more that failed, was muted, came too late or is of unknown outcome; needs a reason."""

    kind: Literal["retry_notice"] = "retry_notice"
    notice: NoticeId
    channel: Channel | None = None


class SettleUnknownNotice(Command):
    """Say whether a notice of unknown outcome went out; needs a reason, which names how that was found out."""

    kind: Literal["settle_unknown_notice"] = "settle_unknown_notice"
    notice: NoticeId
    sent: bool


class RecordNoticeTask(Command):
    """Record what became of a call or a letter."""

    kind: Literal["record_notice_task"] = "record_notice_task"
    school: SchoolCode
    notice: NoticeId
    channel: Literal["phone", "paper"]
    outcome: TaskOutcome


class DeclineOptionalNotices(Command):
    """Put down that a person wants no optional notices; a family gives no reason. `school` is the pupil's."""

    kind: Literal["decline_optional_notices"] = "decline_optional_notices"
    student: Student
    person: Person
    school: SchoolCode | None = None


class AllowOptionalNotices(Command):
    """Put down that a person wants the optional notices again."""

    kind: Literal["allow_optional_notices"] = "allow_optional_notices"
    student: Student
    person: Person


SENDING_COMMANDS: Final[tuple[type[Command], ...]] = (
    KillNotices,
    ReleaseNotices,
    MuteNotice,
    RetryNotice,
    SettleUnknownNotice,
    RecordNoticeTask,
    DeclineOptionalNotices,
    AllowOptionalNotices,
)


# -- what the campaign remembers ----------------------------------------------------------------------------------


class Kill(BaseModel):
    """A kill switch that is shut.

    Attributes:
        since: when it was shut.
    """

    scope_kind: ScopeKind
    scope: str
    reason: str
    since: datetime

    def as_view(self) -> dict[str, Any]:
        """Return it as the board shows it."""
        return {**self.model_dump(mode="json"), "since": stamp(self.since)}


class SendingBook(BaseModel):
    """What the campaign remembers of sending. Single notices, and who declined optional ones, the outbox remembers.

    Attributes:
        kills: what is shut, in the order in which it was.
        settled: channel → the last day whose journal is tied to the chain.
    """

    kills: list[Kill] = []
    settled: dict[str, date] = {}


# -- what the dispatchers tell ------------------------------------------------------------------------------------


class DayTold(BaseModel):
    """A message `notices_settled`, as a dispatcher sends it."""

    channel: Channel
    day: date
    rows: Count
    digest: Annotated[str, Field(pattern=DIGEST)]
    states: dict[NoticeState, Count]


class ReceiptsTold(BaseModel):
    """A message `receipts_taken`, as a dispatcher sends it; what else a receipt may hold is not read."""

    channel: Channel
    receipts: tuple[Receipted, ...] = Field(max_length=RECEIPTS_AT_ONCE)
