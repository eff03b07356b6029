"""The anomaly rules: each looks at a campaign's acts and asks where a pattern of known abuse shows (DOMAIN §6, R-18).

A finding is a question and no verdict: every pattern has innocent reasons, and each question names some. What it
compares with is an expectation from the same record, as an exact fraction; nothing leaves the registry for it, so that
marks, names and addresses play no part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Final

from audit.anomaly_facts import Act, Facts, Parameters
from domain.consent import CallbackOutcome
from domain.time import civil


@dataclass(frozen=True)
class Finding:
    """One place to ask about.

    Attributes:
        rule: the rule's code.
        school, class_id: the place, "" and None for none.
        by: reference of the member of staff whose acts they are, where they are one person's.
        events: ids of the acts.
        count: how many there are.
        expected: how many would be usual by the record itself; None where nothing says.
    """

    rule: str
    school: str
    class_id: str | None
    by: str | None
    events: tuple[str, ...]
    count: int
    expected: Fraction | None = None


@dataclass(frozen=True)
class Rule:
    """What is looked for, in which order of the report, and what is asked.

    Attributes:
        source: the rule or the row of the domain's list of abuses that it comes from.
        parameters: the names of those that it reads.
        zh, en: the question, with an innocent reason.
    """

    code: str
    source: str
    parameters: tuple[str, ...]
    zh: str
    en: str
    look: Callable[[Facts, Parameters], Iterator[Finding]]


def _consent_burst(facts: Facts, given: Parameters) -> Iterator[Finding]:
    span = timedelta(minutes=given.burst_minutes)
    for school, acts in _by(facts.signatures, lambda act: act.school):
        days = max(acts[-1].at - acts[0].at, span)
        pupils = len(_pupils(acts))
        for group in _together(acts, span, given.burst_signatures + 1, lambda act: act.student or ""):
            usual = Fraction(pupils * (span // timedelta(seconds=1)), days // timedelta(seconds=1))
            yield _found("CONSENT_BURST", group, school, count=len(_pupils(group)), expected=usual)


def _cutoff_burst(facts: Facts, given: Parameters) -> Iterator[Finding]:
    begins = facts.cutoff - timedelta(days=given.cutoff_days)
    for school, acts in _by(facts.consents, lambda act: act.school):
        late = [act for act in acts if begins <= act.at < facts.cutoff]
        days = max((facts.cutoff - acts[0].at) // timedelta(days=1), given.cutoff_days)
        usual = Fraction(len(acts) * given.cutoff_days, days)
        if len(late) >= given.least and len(late) >= given.times * usual:
            yield _found("CUTOFF_BURST", late, school, expected=usual)


def _visits_overlap(facts: Facts, given: Parameters) -> Iterator[Finding]:
    yield from _overlap("VISITS_OVERLAP", facts.visits, given.visit_minutes, given.visits)


def _calls_overlap(facts: Facts, given: Parameters) -> Iterator[Finding]:
    yield from _overlap("CALLS_OVERLAP", facts.calls, given.call_minutes, given.calls)


def _overlap(code: str, acts: Sequence[Act], minutes: int, least: int) -> Iterator[Finding]:
    """Yield contacts of one person with different pupils whose stated times lie within the minutes."""
    for by, own in _by(acts, lambda act: act.by):
        for group in _together(own, timedelta(minutes=minutes), least, lambda act: act.student or ""):
            yield _found(code, group, group[0].school, by=by, count=len(_pupils(group)))


def _entered_fast(facts: Facts, given: Parameters) -> Iterator[Finding]:
    span = timedelta(seconds=given.entry_seconds)
    for by, own in _by(facts.entries, lambda act: act.by):
        by_record = [_at_recording(act) for act in own]
        for group in _together(by_record, span, given.entries, lambda act: act.event):
            yield _found("ENTERED_FAST", group, group[0].school, by=by)


def _back_dated(facts: Facts, given: Parameters) -> Iterator[Finding]:
    limit = timedelta(days=given.late_days)
    everything = len(facts.recorded)
    late_in_all = sum(act.recorded - act.at > limit for act in facts.recorded)
    for by, own in _by(facts.recorded, lambda act: act.by):
        for _, acts in _by(own, lambda act: civil(act.recorded).isoformat()):
            late = [act for act in acts if act.recorded - act.at > limit]
            if len(late) >= given.late_acts:
                usual = Fraction(len(acts) * late_in_all, everything)
                yield _found("BACK_DATED_TOGETHER", late, late[0].school, by=by, expected=usual)


def _device_shared(facts: Facts, given: Parameters) -> Iterator[Finding]:
    with_device = [act for act in facts.signatures if act.what]
    for _, acts in _by(with_device, lambda act: act.what):
        if len(_pupils(acts)) > given.device_pupils:
            schools = dict.fromkeys(act.school for act in acts)
            place = acts[0].school if len(schools) == 1 else ""
            yield _found("DEVICE_SHARED", acts, place, count=len(_pupils(acts)))


def _one_destination(facts: Facts, given: Parameters) -> Iterator[Finding]:
    for _, acts in _by(facts.consents, lambda act: f"{act.school} {act.class_id}"):
        others = [act for act in facts.consents if (act.school, act.class_id) != (acts[0].school, acts[0].class_id)]
        if len(acts) >= given.destination_pupils and len(dict.fromkeys(act.what for act in acts)) == 1:
            same = sum(act.what == acts[0].what for act in others)
            usual = Fraction(len(acts) * same, len(others)) if others else None
            yield _found("ONE_DESTINATION", acts, acts[0].school, class_id=acts[0].class_id, expected=usual)


def _no_withdrawal(facts: Facts, given: Parameters) -> Iterator[Finding]:
    gone = dict(_by(facts.withdrawals, lambda act: act.school))
    for school, acts in _by(facts.consents, lambda act: act.school):
        usual = _usual(len(acts), len(facts.withdrawals) - len(gone.get(school, ())), len(facts.consents) - len(acts))
        if school not in gone and usual is not None and usual >= given.missing:
            yield _found("NO_WITHDRAWAL", acts, school, count=0, expected=usual)


def _callbacks(facts: Facts, given: Parameters) -> Iterator[Finding]:
    failed = [act for act in facts.callbacks if act.what != CallbackOutcome.CONFIRMED]
    for school, acts in _by(facts.callbacks, lambda act: act.school):
        own = [act for act in acts if act.what != CallbackOutcome.CONFIRMED]
        usual = _usual(len(acts), len(failed) - len(own), len(facts.callbacks) - len(acts))
        if len(own) >= given.least and (usual is None or len(own) >= given.times * usual):
            yield _found("CALLBACKS_NOT_CONFIRMED", own, school, expected=usual)


def _nothing_but_zero(facts: Facts, given: Parameters) -> Iterator[Finding]:
    rows = [act for act in facts.reports if act.what == "rows"]
    for school, acts in _by(facts.reports, lambda act: act.school):
        own = [act for act in acts if act.what == "rows"]
        usual = _usual(len(acts), len(rows) - len(own), len(facts.reports) - len(acts))
        if not own and usual is not None and usual >= given.missing:
            yield _found("NOTHING_BUT_ZERO", acts, school, count=0, expected=usual)


def _contradicted(facts: Facts, given: Parameters) -> Iterator[Finding]:
    del given
    for school, acts in _by(facts.contradicted, lambda act: act.school):
        yield _found("ZERO_CONTRADICTED", acts, school)


def _vanished(facts: Facts, given: Parameters) -> Iterator[Finding]:
    ends = facts.cutoff + timedelta(days=given.vanish_days)
    counted = _pupils([act for act in facts.registered if act.at < facts.cutoff])
    gone = [act for act in facts.gone if act.student in counted and facts.cutoff <= act.at < ends]
    for school, acts in _by(gone, lambda act: act.school):
        yield _found("VANISHED", acts, school, count=len(_pupils(acts)))


def _tried(facts: Facts, given: Parameters) -> Iterator[Finding]:
    del given
    for by, acts in _by(facts.tried, lambda act: act.by):
        yield _found("STAFF_TRIED_FAMILY_ACT", acts, acts[0].school, by=by)


def _alike(facts: Facts, given: Parameters) -> Iterator[Finding]:
    del given
    for act in facts.alike:
        shares, _, least = act.what.partition(" ")
        shared, _, shingles = shares.partition("/")
        yield _found("SUMMARY_ALIKE", [act], act.school, count=int(shared), expected=int(shingles) * Fraction(least))


RULES: Final = (
    Rule(
        "CONSENT_BURST", "§6, R-18", ("burst_signatures", "burst_minutes"),
        "同一学校多名学生在几分钟内签字：是否集中在同一场所签署？家长会当晚签署也会如此。",
        "Pupils of one school signed within minutes: in one room? An evening with all parents does it too.",
        _consent_burst,
    ),
    Rule(
        "CUTOFF_BURST", "R-21, S22", ("cutoff_days", "least", "times"),
        "截止前几天的同意明显多于平时：是否为凑数？志愿填报时间靠后也会如此。",
        "Many more consents just before the cut-off than usual: to make up a number? A late window does it too.",
        _cutoff_burst,
    ),
    Rule(
        "VISITS_OVERLAP", "§6", ("visits", "visit_minutes"),
        "同一人登记的多次家访时间重叠：是否都去过？兄弟姐妹同住一户也会如此。",
        "Home visits of one person at overlapping times: were all made? Siblings in one home do it too.",
        _visits_overlap,
    ),
    Rule(
        "CALLS_OVERLAP", "§6", ("calls", "call_minutes"),
        "同一人登记的多次通话在几分钟内：是否都打过？只登记了大致时间也会如此。",
        "Calls of one person within minutes: were all made? Times that were written down roughly do it too.",
        _calls_overlap,
    ),
    Rule(
        "ENTERED_FAST", "§6", ("entries", "entry_seconds"),
        "同一人在极短时间内逐条登记多名学生：是否由程序代录？网络恢复后集中提交也会如此。",
        "One person's entries within seconds of each other: made by a program? A queue after an outage does it too.",
        _entered_fast,
    ),
    Rule(
        "BACK_DATED_TOGETHER", "§7.6", ("late_days", "late_acts"),
        "同一人一天内补录多条多日前的记录：有何依据？停电后补录纸质记录也会如此。",
        "One person recorded many things on one day that lie days back: on what paper? A power cut does it too.",
        _back_dated,
    ),
    Rule(
        "DEVICE_SHARED", "R-18", ("device_pupils",),
        "同一设备为多名学生签字：设备是谁的？村里共用一部手机也会如此。",
        "One device signed for several pupils: whose is it? One telephone for a village does it too.",
        _device_shared,
    ),
    Rule(
        "ONE_DESTINATION", "§6, R-21", ("destination_pupils",),
        "全班的同意都指向同一所学校：有无收费介绍？附近只有这一所学校也会如此。",
        "All consents of a class name one school: was anybody paid for it? Being the only one near does it too.",
        _one_destination,
    ),
    Rule(
        "NO_WITHDRAWAL", "§6", ("missing",),
        "该校无一撤回，他校则有：家庭是否知道可以撤回？人数不多时也可能碰巧。",
        "Nobody withdrew here, and elsewhere some did: do families know that they may? It may also be chance.",
        _no_withdrawal,
    ),
    Rule(
        "CALLBACKS_NOT_CONFIRMED", "R-21", ("least", "times"),
        "该校的回访有较多未得到家庭确认：签字是否出于本人？号码更换也会如此。",
        "Call-backs of this school were often not confirmed: are the signatures their own? New numbers do it too.",
        _callbacks,
    ),
    Rule(
        "NOTHING_BUT_ZERO", "§6, INV-15", ("missing",),
        "该校日报全为零报告，他校则有缺勤：是否逐日点名？规模小的学校也会如此。",
        "Nothing but zero reports here, and absences elsewhere: is the roll called daily? A small school does it too.",
        _nothing_but_zero,
    ),
    Rule(
        "ZERO_CONTRADICTED", "§6, INV-15", (),
        "零报告事后被证明有误：当日是如何核实的？放学后才得知也会如此。",
        "Zero reports turned out to be none: how was the day checked? What is learned after school does it too.",
        _contradicted,
    ),
    Rule(
        "VANISHED", "§6", ("vanish_days",),
        "截止后不久流失或撤销注册的学生：截止时是否在读？",
        "Registered by the cut-off and gone soon after it: were they present on that day?",
        _vanished,
    ),
    Rule(
        "STAFF_TRIED_FAMILY_ACT", "INV-04", (),
        "教职工试图代家庭表态或签字（系统未受理）：是操作失误，还是代办？",
        "Staff tried to state or sign for a family, and were refused: a slip of the hand, or in their place?",
        _tried,
    ),
    Rule(
        "SUMMARY_ALIKE", "R-19", (),
        "总结与较早的另一篇大量相同：谁写的？沿用统一模板也会如此。",
        "Much of a summary stands in an earlier one: who wrote it? A common template does it too.",
        _alike,
    ),
)  # fmt: skip


# -- inside -------------------------------------------------------------------------------------------------------


def _found(
    rule: str,
    acts: Sequence[Act],
    school: str,
    *,
    class_id: str | None = None,
    by: str | None = None,
    count: int | None = None,
    expected: Fraction | None = None,
) -> Finding:
    """Return a finding; its class is that of all acts where they have one, else the one given."""
    classes = dict.fromkeys(act.class_id for act in acts)
    own = next(iter(classes)) if len(classes) == 1 else class_id
    events = tuple(act.event for act in acts)
    return Finding(rule, school, own, by, events, len(acts) if count is None else count, expected)


def _by(acts: Iterable[Act], key: Callable[[Act], str]) -> list[tuple[str, list[Act]]]:
    """Return acts by a key, in its order, each group in the order of time."""
    groups: dict[str, list[Act]] = {}
    for act in acts:
        groups.setdefault(key(act), []).append(act)
    return [(name, sorted(groups[name], key=lambda act: (act.at, act.event))) for name in sorted(groups)]


def _together(acts: Sequence[Act], span: timedelta, least: int, different: Callable[[Act], str]) -> Iterator[list[Act]]:
    """Yield groups of acts that lie within a span and name at least so many different things; no act is in two."""
    begin, end = 0, 0
    while begin < len(acts):
        end = max(begin, end)
        while end < len(acts) and acts[end].at - acts[begin].at <= span:
            end += 1
        group = list(acts[begin:end])
        if len(group) >= least and len(dict.fromkeys(different(act) for act in group)) >= least:
            yield group
            begin += len(group)
        else:
            begin += 1


def _at_recording(act: Act) -> Act:
    """Return an act at the time of its recording: how fast somebody types shows there."""
    return Act(act.event, act.school, act.class_id, act.student, act.by, act.recorded, act.recorded, act.what)


def _pupils(acts: Iterable[Act]) -> dict[str | None, None]:
    return dict.fromkeys(act.student for act in acts)


def _usual(own: int, others: int, of_others: int) -> Fraction | None:
    """Return how many one would expect among so many by the rate of all others, None where there are no others."""
    return Fraction(own * others, of_others) if of_others else None
