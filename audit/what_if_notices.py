"""What other rules would have done with the notices of a record, and whom they would have put on the bureau's list.

`notices`: each notice that an event asked for is judged at the moment at which it was asked for, by the rules of
sending (DOMAIN §5.4): it may go, or it waits, why and until when. What only the people's own rows know is left out and
said by the caller: addresses (the household's budget), who wants no notices, and when an invitation's occasion begins.

`reminders`: reminders and escalations to staff follow from a stage's due date, so other rules plan others. They are
counted from what each stage was at their instant: open, not held, not done. A delay that a pause causes is not played
on.

`sample`: whose consents the bureau calls back (R-21), for each seed that was published, on the record of that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from audit.counts import Recorded, recorded
from audit.what_if_acts import OWN, OtherRules, Question, Streams, Verdict, as_far_as_folded
from domain.calendar import Calendar, CalendarUnknown
from domain.deciders import decider_of
from domain.events import Envelope, event_id
from domain.notices import NoticePlan, class_of, notices_for, student_of
from domain.policy import PolicyProfile
from domain.policy_change import policy_on
from domain.sampling import draw
from domain.sending import Candidate, SendingRules, judge, rules_of
from domain.stage_events import StageSlug, StageStatus
from domain.stage_state import StageState
from domain.stream import Decider, apply, envelope_event
from domain.time import at, civil, end_of, instant, stamp
from ledger.store import Ledger

NOTICE: Final = Question(
    "notice",
    "DOMAIN §5.4",
    (
        "quiet_from",
        "quiet_until",
        "notices_on_school_days",
        "notice_embargo",
        "digest_at",
        "digest_purposes",
        "channel_order",
        "staff_channel_order",
    ),
)
REMINDER: Final = Question("reminder", "S12", ("reminder_working_days",))
ESCALATION: Final = Question("escalation", "S12", ("escalation_working_days", "escalation_roles"))
SAMPLE: Final = Question(
    "sample",
    "R-21",
    (
        "callback_rate_autumn",
        "callback_rate_spring",
        "late_consent_days",
        "late_by",
        "destination_cluster",
        "reward_tiers",
        "tier_boundary",
        "veto_ratio",
        "veto_boundary",
    ),
)

QUESTIONS: Final = (NOTICE, REMINDER, ESCALATION, SAMPLE)
"""What is asked, in the order in which it is told."""

MAY_GO: Final = "MAY_GO"
IN_SAMPLE: Final = "IN_SAMPLE"


def planned(
    streams: Streams, campaign: str, rules: OtherRules | None = None, broken: dict[str, None] | None = None
) -> Iterator[Verdict]:
    """Judge every notice that the events of a record ask for, and tell which reminders its stages would give.

    Args:
        streams: all events that are known, by stream.
        campaign: the campaign's id; its own stream says which policy and calendar sending goes by.
        rules: makes the other policy of the one that holds; None judges by what holds.
        broken: takes the streams that the rules cannot fold; they are left out.
    """
    until = max((events[-1]["recorded_at"] for events in streams.values() if events), default="")
    sending = _Sending(streams.get(campaign, ()), rules)
    for stream in sorted(streams):
        for envelope in streams[stream]:
            for plan in notices_for(envelope):
                yield sending.judged(plan)
        if stream.split("/")[OWN:] in [[slug.value] for slug in StageSlug]:
            yield from as_far_as_folded(stream, _of_stage(stream, streams[stream], instant(until), rules), broken)


async def samples_of(ledger: Ledger, campaign: str, events: Iterable[Envelope]) -> list[tuple[Envelope, Recorded]]:
    """Return each event that published a sample's seed, with what the record held at its moment.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        events: of the campaign's own stream.
    """
    published = [envelope for envelope in events if envelope["type"] == "SamplePublished"]
    return [(one, await recorded(ledger, campaign, instant(one["recorded_at"]))) for one in published]


def listed(samples: Iterable[tuple[Envelope, Recorded]], rules: OtherRules | None = None) -> Iterator[Verdict]:
    """Draw every sample again, by the policy of its day or by other rules."""
    for envelope, found in samples:
        policy = policy_on(found.state, civil(instant(envelope["recorded_at"])))
        parameters = (policy if rules is None else rules(policy)).parameters
        quotas = {(count.school, count.class_id): count.quota for count in found.classes}
        name = event_id(envelope["stream"], envelope["version"])
        for one in draw(found.consents, quotas, envelope["data"]["seed"], end_of(found.cutoff), parameters):
            yield Verdict(SAMPLE, name, one.school, one.student, " ".join((IN_SAMPLE, *one.why)))


# -- inside -------------------------------------------------------------------------------------------------------


class _Sending:
    """What the campaign's own stream says about sending, as it stood at each moment."""

    def __init__(self, events: Iterable[Envelope], rules: OtherRules | None) -> None:
        self._steps: list[tuple[datetime, SendingRules, Calendar]] = []
        policy: PolicyProfile | None = None
        calendar: Calendar | None = None
        for envelope in events:
            match envelope["type"], envelope["data"]:
                case "CampaignDrafted", data:
                    policy = PolicyProfile.model_validate(data["policy"])
                    calendar = Calendar.model_validate(data["calendar"])
                case "PolicyAdopted", data:
                    policy = PolicyProfile.model_validate(data["profile"])
                case "CalendarPublished", data:
                    calendar = Calendar.model_validate(data["calendar"])
                case _:
                    continue
            if policy is not None and calendar is not None:
                held = policy if rules is None else rules(policy)
                self._steps.append((instant(envelope["recorded_at"]), rules_of(held.parameters), calendar))

    def judged(self, plan: NoticePlan) -> Verdict:
        """Judge one notice at the moment at which it was asked for, on the first channel of its readers."""
        now = instant(plan.planned_at)
        _, rules, calendar = next((step for step in reversed(self._steps) if step[0] <= now), self._steps[0])
        student = student_of(plan.recipient)
        order = rules.staff_channel_order if student is None else rules.channel_order
        candidate = Candidate(
            notice_id=plan.notice_id,
            root=plan.notice_id,
            purpose=plan.purpose,
            recipient=plan.recipient,
            notice_class=class_of(plan.purpose, plan.recipient, optional=plan.optional),
            channel=order[0],
            planned_at=now,
        )
        [found] = judge(rules, calendar, [candidate], {}, now)
        until = "" if found.until is None else f" {stamp(found.until)}"
        parts = plan.stream.split("/")
        return Verdict(
            NOTICE,
            f"{plan.cause} {plan.purpose} {plan.recipient}",
            parts[OWN - 1] if len(parts) >= OWN else None,
            student,
            MAY_GO if found.code is None else f"{found.code}{until}",
        )


def _of_stage(stream: str, events: Sequence[Envelope], until: datetime, rules: OtherRules | None) -> Iterator[Verdict]:
    """Yield the reminders and escalations whose instant finds the stage open, from each event to the one after it."""
    decider: Decider[Any] = decider_of(stream)
    school = stream.split("/")[OWN - 1]
    state: Any = None
    for number, envelope in enumerate(events):
        state = apply(decider, state, envelope_event(decider, envelope), envelope)
        begin = instant(envelope["recorded_at"])
        end = instant(events[number + 1]["recorded_at"]) if number + 1 < len(events) else until
        if end <= begin or not isinstance(state, StageState) or state.status != StageStatus.OPEN:
            continue
        if state.paused or state.stopped:
            continue
        policy = state.policy if rules is None else rules(state.policy)
        for question, name, moment in _clocks(state, policy):
            if begin <= moment < end:
                yield Verdict(question, f"{stream} {state.due} {name}", school, None, stamp(moment))


def _clocks(state: StageState, policy: PolicyProfile) -> Iterator[tuple[Question, str, datetime]]:
    """Yield what a policy would tell the staff of an open stage, and when; as `domain.stage_clocks` has it."""
    since = max(state.opened_at or state.ready_at, state.awake_at or state.ready_at)
    for days in policy.parameters.reminder_working_days:
        moment = _working_day(state.calendar, state.due, -days)
        if moment is not None and moment >= since:
            yield REMINDER, str(days), moment
    base = max(state.due, civil(state.awake_at)) if state.awake_at else state.due
    parameters = policy.parameters
    levels = zip(parameters.escalation_working_days, parameters.escalation_roles, strict=True)
    for level, (days, role) in enumerate(levels, 1):
        moment = _working_day(state.calendar, base, days)
        if moment is not None:
            yield ESCALATION, f"{level} {role.value}", moment


def _working_day(calendar: Calendar, day: Any, days: int) -> datetime | None:
    try:
        return at(calendar.add_working_days(day, days))
    except CalendarUnknown:
        return None
