"""How `choice show` tells where the families' cases stand: codes and dates, references, never a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.language import LANG, say
from cli.outcome_values import VOCABULARY
from cli.refusals import blockers_data
from domain.application_filing_state import ApplicationFilingState
from domain.consent import Protocol, SuspensionReason
from domain.destination import Case, Step
from domain.family_act import Intent, Party
from domain.sentences import sentence
from domain.time import stamp

DECLINED: Final = "DECLINED"
"""Where a family has said no and has stated nothing else: it has answered, and the answer is as good as any."""

STEPS: Final[dict[str, str]] = {
    Step.ROSTERED: say("未答复", "no answer yet"),
    DECLINED: say("已答复：不同意", "answered: no"),
    Step.INTENT: say("已表达意向", "intent stated"),
    Step.INFORMED: say("已确认告知", "notice acknowledged"),
    Step.SIGNED: say("双方已签署", "signed by both"),
    Step.COOLING: say("冷静期", "cooling-off"),
    Step.CONFIRMED: say("已确认", "confirmed"),
    Step.APPLIED: say("已填报", "applied"),
    Step.ADMITTED: say("已录取", "admitted"),
    Step.NO_SHOW: say("未按期报到", "no-show"),
    Step.REPORTED: say("已报到", "reported"),
    Step.REGISTERED: say("已注册学籍", "registered"),
    Step.OTHER: say("其他去向", "other destination"),
}
"""Step of a case → what a person reads; none is better than another."""

PARTIES: Final = {Party.PUPIL: say("学生", "pupil"), Party.GUARDIAN: say("监护人", "guardian")}
INTENTS: Final = {
    Intent.GENERAL_HIGH: say("普高", "general high school"),
    Intent.VOCATIONAL: say("中职", "vocational school"),
    Intent.UNDECIDED: say("未定", "undecided"),
    Intent.OTHER: say("其他", "something else"),
}
SUSPENDED: Final[dict[SuspensionReason, str]] = {
    SuspensionReason.WITHDRAWAL_REPORTED: say(
        "有人报告家庭要求撤回，待家庭本人确认", "a withdrawal was reported; the family itself says whether it stands"
    ),
    SuspensionReason.SIGNATURE_DENIED: say("家庭称未曾签署", "the family says that it did not sign"),
    SuspensionReason.GUARDIANS_DISAGREE: say("监护人意见不一致", "the guardians disagree"),
    SuspensionReason.CUSTODY_DISPUTE: say("监护权有争议", "custody is disputed"),
    SuspensionReason.COURT_ORDER: say("法院裁定", "an order of a court"),
    SuspensionReason.IMPOSTOR_SUSPECTED: say("疑有他人冒用", "somebody else may have held the code"),
}

_BEFORE_SIGNING: Final = (Step.ROSTERED, Step.INTENT, Step.INFORMED)


def standing(case: Case) -> str:
    """Return a case's step, or DECLINED where the family has said no before it signed."""
    return DECLINED if case.declined and case.step in _BEFORE_SIGNING else case.step.value


def counts_data(state: ApplicationFilingState) -> dict[str, Any]:
    """Return how many pupils stand where, wait for which service, and are suspended for which reason."""
    counted = Counter(map(standing, state.cases.values()))
    owed = Counter(code for student in state.cases if (code := state.owed(student)) is not None)
    suspended = Counter(reason.value for case in state.cases.values() for reason in case.protocol.suspended)
    return {
        "pupils": len(state.cases),
        "steps": {str(step): counted[str(step)] for step in STEPS if counted[str(step)]},
        "owed": dict(owed),
        "suspended": {reason.value: suspended[reason.value] for reason in SUSPENDED if suspended[reason.value]},
    }


def counts(data: Mapping[str, Any]) -> RenderableType:
    """Return what a person reads of `counts_data`."""
    table = Table(say("环节", "step"), say("人数", "pupils"))
    for step, text in STEPS.items():
        if str(step) in data["steps"]:
            table.add_row(text, str(data["steps"][str(step)]))
    head = say(f"{data['school']}：{data['pupils']} 名学生", f"{data['school']}: {data['pupils']} pupils")
    waiting = blockers_data([{"code": code, "count": count} for code, count in data["owed"].items()])
    lines = [Text(f"  - {service['message']}") for service in waiting]
    lines += [
        Text(f"  - {SUSPENDED[SuspensionReason(reason)]}{say('：', ': ')}{count}")
        for reason, count in data["suspended"].items()
    ]
    return Group(Text(head), table, *lines)


def case_data(student: str, case: Case, owed: str | None) -> dict[str, Any]:
    """Return one case as JSON: codes, dates and whose signatures there are; no reference of another register."""
    registration, reporting = case.registration, case.reporting
    return {
        "student": student,
        "step": standing(case),
        "outcome": None if case.outcome is None else case.outcome.value,
        "owed": owed,
        "offered": case.offered,
        "offered_on": _day(case.offered_on),
        "acknowledged": case.acknowledged,
        "intent": None if case.intent is None else case.intent.value,
        "signed": {party.value: document for party, document in case.consents.items()},
        "declined": case.declined,
        "receiving_school": case.school,
        "applied": case.application is not None,
        "admitted_on": _day(case.admitted_on),
        "reported_on": None if reporting is None else _day(reporting.on),
        "registered_on": None if registration is None else _day(registration.on),
        "destination": None if case.destination is None else case.destination.value,
        "conflicts_with": None if case.found is None else case.found.destination.value,
        **_protocol_data(case.protocol),
    }


def _protocol_data(protocol: Protocol) -> dict[str, Any]:
    """Return what a consent stands on beside the path; who said what is each one's own (G12)."""
    return {
        "intents": {party.value: intent.value for party, intent in protocol.intents.items()},
        "guardians": {person: standing.value for person, standing in protocol.guardians.items()},
        "cooling_ends": _instant(protocol.ends),
        "short_cooling": protocol.short,
        "callback_needed": protocol.needs_call,
        "suspended": {reason.value: _instant(since) for reason, since in protocol.suspended.items()},
        "re_acknowledge": protocol.reacknowledge,
        "restricted": protocol.restricted,
    }


def case_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a person reads of `case_data`."""
    yield f"{data['student']}: {STEPS[data['step']]}"
    if data["offered"]:
        yield say(
            f"告知书 {data['offered']}，{data['offered_on']} 发出", f"notice {data['offered']} on {data['offered_on']}"
        )
    for party, intent in data["intents"].items():
        yield f"{PARTIES[Party(party)]}{say('意向：', ' wants: ')}{INTENTS[Intent(intent)]}"
    if data["signed"]:
        yield say("已签署：", "signed by: ") + say("、", ", ").join(PARTIES[Party(party)] for party in data["signed"])
    if data["receiving_school"]:
        yield say("接收学校：", "receiving school: ") + data["receiving_school"]
    yield from _protocol_lines(data)
    dates = (
        ("admitted_on", say("录取", "admitted")),
        ("reported_on", say("报到", "reported")),
        ("registered_on", say("注册学籍", "registered")),
    )
    for name, text in dates:
        if data[name]:
            yield f"{text} {data[name]}"
    if data["destination"]:
        yield say("去向：", "destination: ") + _destination(data["destination"])
    if data["conflicts_with"]:
        yield say("与另一记录不一致：", "another record says: ") + _destination(data["conflicts_with"])


def _protocol_lines(data: Mapping[str, Any]) -> Iterator[str]:
    if data["cooling_ends"]:
        yield say("冷静期至：", "cooling-off until: ") + data["cooling_ends"]
    if data["callback_needed"]:
        yield sentence("CALLBACK_NEEDED", {}, LANG)
    for reason, since in data["suspended"].items():
        yield say("中止：", "suspended: ") + f"{SUSPENDED[SuspensionReason(reason)]} ({since})"
    if data["re_acknowledge"]:
        yield say("须重新确认告知书：", "to be acknowledged anew: ") + data["re_acknowledge"]
    if data["restricted"]:
        yield say("记录已限制使用", "the record is restricted")


def _destination(code: str) -> str:
    english, chinese, *_ = VOCABULARY["destination"][code]
    return say(chinese, english)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else stamp(instant)
