"""Who is counted, once, and where: persons, registrations, targets and the settlement's counts (DOMAIN §7.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from audit.invariants.families import BOTH, FILING
from audit.invariants.log import Log, at, day, recorded, repeated
from audit.invariants.rule import Found, invariant
from domain.events import Envelope
from domain.time import civil, end_of

_ENDS_A_PLACE: Final = (
    "NotAdmitted",
    "NoShow",
    "IntentStated",
    "ConsentWithdrawn",
    "ConsentRefused",
    "RegistrationCancelled",
    "DestinationRemoved",
    "CaseInvalidated",
    "SpringCaseReturned",
    "OtherDestination",
    "StudentRemoved",
)


@invariant(
    "INV-01",
    ("一人一案，一个去向", "one case a person, one destination a case"),
    (
        "每名学生在一次活动中只有一个案卷；同一时刻只有一个有效的录取和一个有效的学籍登记。",
        "A pupil has one case in a campaign, and at a time one admission and one registration.",
    ),
    source="DOMAIN §8.2 INV-01; §8.1 R-18; 2019 ten prohibitions, double registration [P5]",
    remedy=(
        "请由学籍办核实，只保留真实的一个。",
        "The register office finds out which is real, and only that one stays.",
    ),
)
def one_case(log: Log) -> Iterator[Found]:
    """Yield pupils who join a second school, and second admissions or registrations while the first stands."""
    at_school: dict[str, str] = {}
    moves = sorted(log.of("CohortLoaded", "LeftRegister", "StudentJoined"), key=recorded)
    for event in moves:
        if event["type"] == "CohortLoaded":
            for student in (student for pupils in event["data"]["classes"].values() for student in pupils):
                at_school.setdefault(student, event["stream"])
            continue
        student = event["data"]["student"]
        if event["type"] == "LeftRegister":
            at_school.pop(student, None)
        elif at_school.setdefault(student, event["stream"]) != event["stream"]:
            yield Found(event, "该生仍在另一所学校的名册上。", "The pupil is still on another school's register.")
    for _, events in log.by_stream("Admitted", "RegistrationVerified", *_ENDS_A_PLACE, kind=FILING):
        held: dict[tuple[str, str], None] = {}
        for event in events:
            student = event["data"]["student"]
            if event["type"] in _ENDS_A_PLACE:
                held.pop((student, "Admitted"), None)
                if event["type"] == "RegistrationCancelled":
                    held.pop((student, "RegistrationVerified"), None)
                continue
            if (student, event["type"]) in held:
                yield Found(
                    event,
                    "原有的录取或登记仍然有效。",
                    "An earlier admission or registration of the pupil still stands.",
                )
            held[student, event["type"]] = None


@invariant(
    "INV-08",
    ("指标逐级相符", "targets add up"),
    (
        "同一批次：各班之和等于学校指标，各校之和等于全县总数。",
        "In each wave the classes of a school sum to its target, and the schools sum to the county's total.",
    ),
    source="DOMAIN §8.2 INV-08; §4.2",
    remedy=("请以文件更正指标。", "Correct the targets by a document."),
)
def targets_add_up(log: Log) -> Iterator[Found]:
    """Yield papers whose schools do not sum to the total, and shares that do not sum to the school's number."""
    papers: dict[tuple[str, str], dict[str, int]] = {}
    for event in log.own(log.campaign, "TargetsIssued", "TargetRevised", "ClassQuotaAssigned", "ClassQuotaReassigned"):
        data = event["data"]
        key = (data["document"], data["wave"])
        if event["type"] in ("TargetsIssued", "TargetRevised"):
            papers[key] = data["schools"]
            if sum(data["schools"].values()) != data["total"]:
                yield Found(event, "各校之和不等于全县总数。", "The schools do not sum to the total.")
            elif any(heads < 0 for heads in data["schools"].values()):
                yield Found(event, "有学校的指标为负数。", "A school's target is below nothing.")
        elif key in papers and sum(data["classes"].values()) != papers[key].get(data["school"], 0):
            yield Found(event, "各班之和不等于学校指标。", "The classes do not sum to the school's target.")
        elif any(heads < 0 for heads in data["classes"].values()):
            yield Found(event, "有班级的指标为负数。", "A class's quota is below nothing.")


@dataclass
class _Case:
    """A pupil on the way to being counted, by the words of DOMAIN §7.3 (`countable`)."""

    signed: dict[str, datetime] = field(default_factory=dict)
    admitted: datetime | None = None
    registered: bool = False
    in_time: bool = False
    suspended: dict[str, None] = field(default_factory=dict)
    invalid: bool = False
    signer: str | None = None
    no_guardians: dict[str, None] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Tell whether both signed before the admission, the registration was in time, and nothing is against it."""
        if self.signer in self.no_guardians:
            return False
        both = all(party in self.signed for party in BOTH)
        before = self.admitted is not None and both and max(self.signed.values()) <= self.admitted
        return self.registered and self.in_time and before and not self.suspended and not self.invalid


_CASE_TYPES: Final = (
    "ConsentSigned",
    "ConsentWithdrawn",
    "Admitted",
    "RegistrationVerified",
    "RegistrationCorrected",
    "RegistrationCancelled",
    "ConsentSuspended",
    "WithdrawalReported",
    "SuspensionLifted",
    "CaseInvalidated",
    "CaseReinstated",
    "CaseHoldNoted",
    "StudentRemoved",
    "GuardianshipRecorded",
)


@invariant(
    "INV-09",
    ("计数不超过真实登记", "no more counted than registered"),
    (
        "每个班计入的人数不超过已核验登记的人数，一个学籍登记号只属于一人。",
        "A class counts no more pupils than have a verified registration, and a number of the register is one pupil's.",
    ),
    source="DOMAIN §8.2 INV-09; §8.1 R-18; vocational register 2015 [P17]; fake pupils [P23]",
    remedy=("请由学籍办与接收学校逐一核对。", "The register office compares each one with the receiving school."),
    rest=(
        "接收学校自己的登记总数不在事件中：由学籍办核验时对照，见 tests/domain/test_filing_records.py。",
        (
            "The receiving school's own total is in no event; the verification compares it: "
            "tests/domain/test_filing_records.py."
        ),
    ),
)
def no_more_than_registered(log: Log) -> Iterator[Found]:
    """Yield numbers of the register that two pupils have, and lines that count more than are registered."""
    for _, events in log.by_stream("RegistrationVerified", "RegistrationCorrected", kind=FILING):
        owner: dict[str, str] = {}
        for event in events:
            student, reference = event["data"]["student"], event["data"]["register_ref"]
            if owner.setdefault(reference, student) != student:
                yield Found(event, "该登记号已属于另一名学生。", "Another pupil has this number of the register.")
    for event, line in _lines(log):
        found = _cases(log, event, line["school"])
        of_class = log.cohorts.get(f"{log.campaign}/{line['school']}", {}).get(line["class_id"], [])
        registered = sum(student in found and found[student].registered for student in of_class)
        if line["countable"] > registered:
            yield Found(
                event,
                f"{line['class_id']} 班计入 {line['countable']} 人，已核验登记 {registered} 人。",
                f"Class {line['class_id']} counts {line['countable']}, and {registered} are registered.",
            )


@invariant(
    "INV-10",
    ("一人只在一班计数一次", "each pupil counted once"),
    (
        "学生只计入 9 月名册所在的一所学校、一个班。",
        "A pupil counts once: for the school and the class of the September register.",
    ),
    source="DOMAIN §8.2 INV-10; edge case 10",
    remedy=("请核对 9 月名册。", "Compare with the September register."),
)
def counted_once(log: Log) -> Iterator[Found]:
    """Yield pupils of two registers or classes, lines of unknown classes, and classes counted twice."""
    holder: dict[str, None] = {}
    for _, events in log.by_stream("CohortLoaded"):
        for number, event in enumerate(events):
            if number:
                yield Found(event, "名册被第二次载入。", "The register was loaded a second time.")
            pupils = [student for own in event["data"]["classes"].values() for student in own]
            if repeated(pupils) or any(student in holder for student in pupils):
                yield Found(event, "有学生在名册上出现两次。", "A pupil stands on the register twice.")
            holder.update(dict.fromkeys(pupils))
    seen: dict[tuple[str, int, str, str], None] = {}
    for event, line in _lines(log):
        key = (event["data"]["run"], event["data"]["version"], line["school"], line["class_id"])
        cohort = log.cohorts.get(f"{log.campaign}/{line['school']}", {})
        if key in seen or (line["countable"] and line["class_id"] not in cohort):
            yield Found(
                event,
                f"{line['class_id']} 班被计了两次，或不在名册上。",
                f"Class {line['class_id']} is counted twice, or stands on no register.",
            )
        seen[key] = None


@invariant(
    "INV-11",
    ("计数可由事件重算", "every counted pupil is countable"),
    (
        "计入者须：截止前登记在册、两人签署有效且早于录取、没有暂停、无效或调查中的冻结；所依据的事件都在记录中。",
        (
            "Who is counted was registered in time, with both signatures before the admission, and no suspension, no "
            "violation and no hold; the events that the count names as its basis are in the record."
        ),
    ),
    source="DOMAIN §8.2 INV-11; §7.3 (countable)",
    remedy=(
        "请用 settle verify 查明差异，然后计算新版本。",
        "See with `settle verify` what differs, then compute a new version.",
    ),
)
def countable_only(log: Log) -> Iterator[Found]:
    """Yield versions whose basis is not in the record, or that came too early, and lines that count too many."""
    for event in log.own(log.campaign, "SettlementComputed"):
        for stream, mark in event["data"]["basis"].items():
            events = log.streams.get(stream, ())
            last = events[mark["version"] - 1] if len(events) >= mark["version"] else None
            if last is None or last["hash"] != mark["hash"] or recorded(last) > recorded(event):
                yield Found(event, f"依据 {stream} 不在记录中。", f"The basis {stream} is not in the record.")
    for event in log.own(log.campaign, "SettlementPublished", "VetoProposed"):
        computed = _computed(log, event)
        if computed is not None and civil(datetime.fromisoformat(computed["data"]["as_at"])) <= cutoff_of(log, event):
            yield Found(
                event, "计数截止之前的结算不得作为依据。", "It rests on a count of before the counting cut-off."
            )
    year = log.campaign.rpartition("/")[2]
    for event in log.of("RegistrationVerified", "RegistrationCorrected"):
        deadline = date.fromisoformat(f"{year}-{log.parameter(event, 'registration_deadline')}")
        if event["data"]["in_time"] and day(event["data"]["on"]) > deadline:
            yield Found(event, "登记晚于截止日，却记为按时。", "Registered after the deadline, and called in time.")
    for event, line in _lines(log):
        found = _cases(log, event, line["school"])
        gone = _gone(log, event, line["school"])
        held = _held(log, event, line["school"])
        of_class = log.cohorts.get(f"{log.campaign}/{line['school']}", {}).get(line["class_id"], [])
        covered = any(hold in (("class", line["class_id"]), ("school", None)) for hold in held)
        allowed = [
            student
            for student in of_class
            if student in found
            and found[student].counts
            and student not in gone
            and not covered
            and ("student", student) not in held
        ]
        registered = [student for student in of_class if student in found and found[student].registered]
        if len(allowed) < line["countable"] <= len(registered):
            yield Found(
                event,
                f"{line['class_id']} 班计入 {line['countable']} 人，按事件只有 {len(allowed)} 人。",
                f"Class {line['class_id']} counts {line['countable']}; the events allow {len(allowed)}.",
            )


@invariant(
    "INV-29",
    ("公布的结果不再改变", "what is published stays"),
    (
        "口径或日历变更不改动已公布的结果，只产生新版本，并写明差异。",
        (
            "A change of policy or calendar never changes a published result: it makes a new version, which says what "
            "differs."
        ),
    ),
    source="DOMAIN §8.2 INV-29; DESIGN §7",
    remedy=("请恢复原结果，并另算新版本。", "Restore the published result, and compute a new version beside it."),
)
def published_stays(log: Log) -> Iterator[Found]:
    """Yield lines added after publication, versions out of order, and differences that are not told."""
    version: dict[str, int] = {}
    amounts: dict[str, dict[str, int]] = {}
    before: dict[str, dict[str, int]] = {}
    fresh: dict[str, dict[str, int]] = {}
    told: dict[str, Envelope] = {}
    public: dict[tuple[str, int], None] = {}
    more = ("SettlementLinesAdded", "SettlementPublished", "AdjustmentComputed")
    for event in log.own(log.campaign, "SettlementComputed", *more):
        data = event["data"]
        run, number = data["run"], data["version"]
        if event["type"] == "SettlementComputed":
            if number != version.get(run, 0) + 1:
                yield Found(event, "版本号不连续。", "The version does not follow the one before.")
            version[run] = number
            before[run], amounts[run] = amounts.get(run, {}), _amounts(data)
            fresh[run], told[run] = dict(amounts[run]), event
        elif event["type"] == "SettlementPublished":
            public[run, number] = None
            yield from _untold(told[run], before[run], fresh[run])
        elif event["type"] == "AdjustmentComputed":
            amounts[run][data["line"]] = amounts[run].get(data["line"], 0) + data["delta_fen"]
        elif (run, number) in public:
            yield Found(event, "公布之后又增加了明细。", "Lines were added after the publication.")
        else:
            amounts[run] |= _amounts(data)
            fresh[run] |= _amounts(data)
    for _, events in log.by_stream("PolicyAdopted"):
        adopted = [event["data"]["profile"]["version"] for event in events]
        for event, one, other in zip(events[1:], adopted, adopted[1:], strict=False):
            if other <= one:
                yield Found(event, "口径版本没有递增。", "The version of the policy did not grow.")


# -- inside ---------------------------------------------------------------------------------------------------------


def _amounts(data: dict[str, Any]) -> dict[str, int]:
    return {f"{line['school']}/{line['class_id']}": line["amount_fen"] for line in data["lines"]}


def _untold(event: Envelope, before: dict[str, int], now: dict[str, int]) -> Iterator[Found]:
    """Yield differences of a version from the one before it that its changes leave out, tell wrongly or make up."""
    if event["data"]["version"] == 1:
        return
    told = {change["line"]: (change["was_fen"], change["now_fen"]) for change in event["data"]["changes"]}
    for line in dict.fromkeys([*now, *before, *told]):
        was, becomes = before.get(line), now.get(line)
        if told.get(line) != (None if was == becomes else (was, becomes)):
            yield Found(event, f"没有如实写明 {line} 的差异。", f"The difference of line {line} is not told as it is.")


def _lines(log: Log) -> Iterator[tuple[Envelope, dict[str, Any]]]:
    for event in log.own(log.campaign, "SettlementComputed", "SettlementLinesAdded"):
        for line in event["data"]["lines"]:
            yield event, line


def cutoff_of(log: Log, event: Envelope) -> date:
    """Return the last day of counting for a line: by the policy of the day that its settlement looks at (INV-29)."""
    name, computed = "counting_cutoff", _computed(log, event)
    day = None if computed is None else civil(datetime.fromisoformat(computed["data"]["as_at"]))
    profiles = [one["data"]["profile"] for one in log.own(log.campaign, "PolicyAdopted")]
    begun = [one for one in profiles if day is not None and date.fromisoformat(one["valid_from"]) <= day]
    first = log.streams[log.campaign][0]
    month_day = begun[-1]["parameters"][name] if begun else log.parameter(first, name)
    return date.fromisoformat(f"{log.campaign.rpartition('/')[2]}-{month_day}")


def _computed(log: Log, event: Envelope) -> Envelope | None:
    """Return the computation that a line belongs to."""
    data = event["data"]
    of_the_run = (
        one
        for one in log.own(log.campaign, "SettlementComputed")
        if (one["data"]["run"], one["data"]["version"]) == (data["run"], data["version"])
    )
    return next(of_the_run, None)


def _basis(log: Log, event: Envelope, stream: str) -> int:
    """Return up to which version a settlement has read a stream."""
    computed = _computed(log, event)
    return 0 if computed is None else int(computed["data"]["basis"].get(stream, {"version": 0})["version"])


def _cases(log: Log, event: Envelope, school: str) -> dict[str, _Case]:
    """Return a school's cases as they stood where a settlement has read them; kept for the next line of the school."""
    stream = f"{log.campaign}/{school}/{FILING}"
    upto = _basis(log, event, stream)
    key = (stream, upto)
    if key not in log.memo:
        cases: dict[str, _Case] = {}
        for one in log.own(stream, *_CASE_TYPES):
            if one["version"] <= upto and "student" in one["data"] and one["type"] != "CaseHoldNoted":
                _take(cases.setdefault(one["data"]["student"], _Case()), one)
        log.memo[key] = cases
    kept: dict[str, _Case] = log.memo[key]
    return kept


def _take(case: _Case, event: Envelope) -> None:
    data = event["data"]
    match event["type"]:
        case "ConsentSigned":
            case.signed[data["party"]] = at(event)
            if data["party"] == "guardian":
                case.signer = event["actor"]["id"]
        case "ConsentWithdrawn":
            case.signed.clear()
            case.suspended.clear()
            case.signer = None
        case "Admitted":
            case.admitted = at(event)
        case "RegistrationVerified" | "RegistrationCorrected":
            case.registered, case.in_time = True, data["in_time"]
        case "RegistrationCancelled":
            case.registered = False
        case "ConsentSuspended":
            case.suspended[data["reason"]] = None
        case "WithdrawalReported":
            case.suspended["WITHDRAWAL_REPORTED"] = None
        case "SuspensionLifted":
            case.suspended.pop(data["suspension"], None)
        case "GuardianshipRecorded":
            case.no_guardians.pop(data["person"], None)
            if data["standing"] in ("CAREGIVER", "NO_CUSTODY"):
                case.no_guardians[data["person"]] = None
        case "CaseInvalidated" | "CaseReinstated":
            case.invalid = event["type"] == "CaseInvalidated"
        case _:
            case.registered = False


def _held(log: Log, event: Envelope, school: str) -> dict[tuple[str, str | None], None]:
    """Return what was under a hold where a settlement has read the school's filing (INV-30)."""
    stream = f"{log.campaign}/{school}/{FILING}"
    upto, held = _basis(log, event, stream), {}
    for one in log.own(stream, "CaseHoldNoted"):
        data = one["data"]
        if one["version"] <= upto and data["placed"]:
            place = data["student"] or data["class_id"]
            held[data["hold"]] = ("student" if data["student"] else "class" if data["class_id"] else "school", place)
        elif one["version"] <= upto:
            held.pop(data["hold"], None)
    return dict.fromkeys(held.values())


def _gone(log: Log, event: Envelope, school: str) -> dict[str, None]:
    """Return who was lost or had lawfully moved on before the cut-off, where no later finding says otherwise."""
    stream = f"{log.campaign}/{school}/retention"
    cutoff = end_of(cutoff_of(log, event))
    upto = _basis(log, event, stream)
    types = ("Lost", "LawfulTransfer", "Returned", "EvidenceConflicting", "EvidenceResolved", "CheckpointCorrected")
    events = [one for one in log.own(stream, *types) if one["version"] <= upto]
    findings = Counter(one["data"]["student"] for one in events)
    return {
        one["data"]["student"]: None
        for one in events
        if one["type"] in ("Lost", "LawfulTransfer") and at(one) < cutoff and findings[one["data"]["student"]] == 1
    }
