"""The bureau's hand on the sending of notices: kill switches, single notices, people's lists, opting out.

What is decided here stands in the campaign's stream before its command is answered, and the outbox has applied it in
the same transaction: a channel that is killed sends nothing more, whatever is under way (FEATURES O8, G8; decision
0021). The dispatchers' daily records and the receipts come in as news.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from domain.actors import Actor, Role
from domain.campaign_state import CampaignState
from domain.events import Envelope, Event
from domain.notices import CHANNELS, FOR_CAREGIVERS, SAFETY_PURPOSES, TO_BOTH
from domain.parts import Part
from domain.refusal import Refusal
from domain.sending_events import (
    DISPATCH,
    OUTCOMES,
    SENDING_COMMANDS,
    SENDING_EVENTS,
    AllowOptionalNotices,
    DayTold,
    DeclineOptionalNotices,
    Kill,
    KillNotices,
    MuteNotice,
    NoticeMuted,
    NoticeOutcomeStated,
    NoticeRetried,
    NoticesKilled,
    NoticesReleased,
    NoticesSettled,
    NoticeTaskRecorded,
    OptionalNoticesAllowed,
    OptionalNoticesDeclined,
    ReceiptsTaken,
    ReceiptsTold,
    RecordNoticeTask,
    ReleaseNotices,
    RetryNotice,
    ScopeKind,
    SettleUnknownNotice,
)
from domain.stage_state import require_reason
from domain.stream import Message, UnknownEventError

NO_SCHOOLS: Final = ("bureau", "system")
"""Organisations of those who act for the county or for a family itself."""

SETTLED: Final = "notices_settled"
RECEIPTS: Final = "receipts_taken"

NOT_AN_OFFICERS: Final = (
    *SAFETY_PURPOSES,
    "choice_notice",
    "choice_notice_pupil",
    FOR_CAREGIVERS["choice_notice"],
    "document_superseded",
    "cooling_lengthened",
    "cooling_moved",
    *TO_BOTH.values(),
)
"""Purposes of a child's safety and of a family's rights (`domain.notices.class_of`): only the approver stops them."""


class SendingPart(Part[CampaignState]):
    """What is sent at all, and what people say of single notices."""

    commands = SENDING_COMMANDS
    event_types = SENDING_EVENTS
    messages = (SETTLED, RECEIPTS)
    since: ClassVar[int] = 4

    def decide(self, state: CampaignState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide a command over notices; also before the approval, and while a closed campaign's cases go on.

        Raises:
            Refusal: REASON_REQUIRED, ALREADY_KILLED, NOT_KILLED, KILL_NEEDS_APPROVER, CHANNEL_UNKNOWN,
                SCHOOL_UNKNOWN, OUTCOME_NOT_OF_LIST.
        """
        match command:
            case KillNotices():
                return [_killed(state, command)]
            case ReleaseNotices(scope_kind=kind, scope=scope):
                reason = require_reason(command)
                if _open_kill(state, kind, scope) is None:
                    raise Refusal("NOT_KILLED", scope=scope)
                return [NoticesReleased(scope_kind=kind, scope=scope, reason=reason)]
            case MuteNotice(notice=notice, school=school):
                _require_school(state, school)
                return [NoticeMuted(notice=notice, school=school, reason=require_reason(command))]
            case RetryNotice(notice=notice, channel=channel):
                return [NoticeRetried(notice=notice, channel=channel, reason=require_reason(command))]
            case SettleUnknownNotice(notice=notice, sent=sent):
                return [NoticeOutcomeStated(notice=notice, sent=sent, reason=require_reason(command))]
            case RecordNoticeTask(school=school, notice=notice, channel=channel, outcome=outcome):
                _require_school(state, school)
                if outcome not in OUTCOMES[channel]:
                    possible = [one.value for one in OUTCOMES[channel]]
                    raise Refusal("OUTCOME_NOT_OF_LIST", outcome=outcome.value, channel=channel, possible=possible)
                return [NoticeTaskRecorded(school=school, notice=notice, channel=channel, outcome=outcome)]
            case DeclineOptionalNotices(student=student, person=person, school=school):
                _require_school(state, school)
                own = None if command.actor.organisation in NO_SCHOOLS else school
                return [OptionalNoticesDeclined(student=student, person=person, school=own)]
            case AllowOptionalNotices(student=student, person=person):
                return [OptionalNoticesAllowed(student=student, person=person)]
            case _:
                return super().decide(state, command, now)

    def evolve(self, state: CampaignState, event: Event, envelope: Envelope) -> None:
        """Keep the switches that are shut, and the last day of each channel."""
        book = state.sending
        match event:
            case NoticesKilled(scope_kind=kind, scope=scope, reason=reason):
                since = datetime.fromisoformat(envelope["recorded_at"])
                book.kills.append(Kill(scope_kind=kind, scope=scope, reason=reason, since=since))
            case NoticesReleased(scope_kind=kind, scope=scope):
                book.kills = [one for one in book.kills if (one.scope_kind, one.scope) != (kind, scope)]
            case NoticesSettled(channel=channel, day=day):
                book.settled[channel] = day
            case _:
                pass  # single notices and opting out are the outbox's to remember

    def absorb(self, state: CampaignState, message: Message, now: datetime) -> list[Event]:
        """Take in a channel's day and its receipts; a day that is settled already, and no receipts, lead to nothing.

        Raises:
            UnknownEventError: they do not come from the dispatcher of the channel that they are about.
        """
        del now
        if message.kind == RECEIPTS:
            told = ReceiptsTold.model_validate(message.data)
            _require_sender(state, message, told.channel)
            return [ReceiptsTaken(channel=told.channel, receipts=told.receipts)] if told.receipts else []
        day = DayTold.model_validate(message.data)
        _require_sender(state, message, day.channel)
        last = state.sending.settled.get(day.channel)
        if last is not None and day.day <= last:
            return []
        return [NoticesSettled.model_validate(day.model_dump())]

    def view(self, state: CampaignState) -> dict[str, Any]:
        """Return the switches that are shut."""
        kills = state.sending.kills
        return {"killed": [one.as_view() for one in kills]} if kills else {}


# -- inside -------------------------------------------------------------------------------------------------------


def _killed(state: CampaignState, command: KillNotices) -> NoticesKilled:
    kind, scope = command.scope_kind, command.scope
    reason = require_reason(command)
    if kind is ScopeKind.CHANNEL and scope not in CHANNELS:
        raise Refusal("CHANNEL_UNKNOWN", channel=scope, known=list(CHANNELS))
    if kind is ScopeKind.SCHOOL:
        _require_school(state, scope)
    _require_weight(command.actor, kind, scope)
    if _open_kill(state, kind, scope) is not None:
        raise Refusal("ALREADY_KILLED", scope=scope)
    return NoticesKilled(scope_kind=kind, scope=scope, reason=reason)


def _require_weight(actor: Actor, kind: ScopeKind, scope: str) -> None:
    """Refuse an officer who would hold what the law or a child's safety asks for; a fault is shut by its channel.

    Raises:
        Refusal: KILL_NEEDS_APPROVER.
    """
    heavy = kind is ScopeKind.SCHOOL or (kind is ScopeKind.PURPOSE and scope in NOT_AN_OFFICERS)
    if heavy and actor.role is not Role.BUREAU_APPROVER:
        raise Refusal("KILL_NEEDS_APPROVER", scope=scope)


def _require_school(state: CampaignState, school: str | None) -> None:
    if school is not None and school not in state.schools:
        raise Refusal("SCHOOL_UNKNOWN", school=school)


def _require_sender(state: CampaignState, message: Message, channel: str) -> None:
    sender = message.id.rpartition("#")[0]
    if sender != f"{state.campaign}/{DISPATCH}/{channel}":
        raise UnknownEventError(f"{message.id} is not from the dispatcher of {channel} of {state.campaign}")


def _open_kill(state: CampaignState, kind: ScopeKind, scope: str) -> Kill | None:
    return next((one for one in state.sending.kills if (one.scope_kind, one.scope) == (kind, scope)), None)
