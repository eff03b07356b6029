"""Who may act, and who must be another person: carers, lists, four eyes, access, complaints (DESIGN §9, §10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from audit.invariants.log import Log, at, people, recorded, repeated
from audit.invariants.rule import Found, invariant
from domain.events import Envelope, digest

VISITS: Final = "school-visits"
OUTSIDE: Final = ("discipline_officer", "auditor")
"""Who stands outside schools and the bureau's business, and may own a complaint."""

OF_THE_OWNER: Final = (
    "ComplaintAcknowledged",
    "ComplaintDecided",
    "InvestigationOpened",
    "CaseDeadlineExtended",
    "HoldPlaced",
    "HoldReleased",
    "ViolationConfirmed",
    "ReferredToDiscipline",
    "NoteRead",
)
ANY_PUPIL: Final = ("principal", "grade_leader", "register_officer", "class_head")
"""Who may look at a pupil's record without breaking the glass: leaders, the register, and a head's own class."""


@invariant(
    "INV-16",
    ("每名学生有且只有一位包保人", "exactly one carer a pupil"),
    (
        "分包后班里每名学生恰有一位包保人，份额之和等于班额，按最大余数法分配。",
        (
            "After a partition every pupil of the class has exactly one carer; the shares sum to the class and "
            "follow the largest remainder."
        ),
    ),
    source="DOMAIN §8.2 INV-16; §8.1 R-06 (split); F-G2",
    remedy=("请重新分包。", "Share the class out anew."),
)
def one_carer(log: Log) -> Iterator[Found]:
    """Yield partitions that leave a pupil out, name one twice, or share the class out otherwise than the split."""
    for _, events in log.by_stream("CohortLoaded", "StudentJoined", "LeftRegister", "StudentsPartitioned"):
        members: dict[str, str] = {}
        for event in events:
            data = event["data"]
            match event["type"]:
                case "CohortLoaded":
                    members = {one: class_id for class_id, pupils in data["classes"].items() for one in pupils}
                case "StudentJoined":
                    members[data["student"]] = data["class_id"]
                case "LeftRegister":
                    members.pop(data["student"], None)
                case _:
                    given = [student for group in data["groups"] for student in group]
                    own = [student for student, class_id in members.items() if class_id == data["class_id"]]
                    if repeated(given) or sorted(given) != sorted(own):
                        yield Found(event, "有学生没有或有多位包保人。", "A pupil has no carer, or more than one.")
                    elif list(data["shares"]) != [len(group) for group in data["groups"]] or not _by_split(
                        data["shares"], log.parameter(event, "split")
                    ):
                        yield Found(event, "份额不符合规定比例。", "The shares do not follow the split.")


@invariant(
    "INV-20",
    ("进校宣传须在名单、经批准", "only listed and approved schools on campus"),
    (
        "只有在公示名单上的学校可以进校宣传或接受参观，宣传须先登记并经批准。",
        (
            "Only schools on the published list present themselves on campus or are visited, and a presentation is "
            "requested and approved before it is held."
        ),
    ),
    source="DOMAIN §8.2 INV-20; §7.4 G6; 2017 five prohibitions [P3]; vocational notices 2019/2020 [P6][P7]",
    remedy=("请停止该活动并登记为未经批准的进校招生。", "Stop it, and record it as an unregistered visit."),
    rest=(
        "各校机会是否均等须由人判断：被拒绝的申请见 PublicityRejected。",
        "Whether listed schools have equal access is for people to judge: the refusals stand as PublicityRejected.",
    ),
)
def listed_and_approved(log: Log) -> Iterator[Found]:
    """Yield trips and presentations of schools that are not on the list, and presentations nobody approved."""
    asked = ("CampusVisitPlanned", "PublicityRequested")
    types = ("StagePlanned", "SchoolsListed", "VisitSchoolDelisted", *asked)
    answered = ("PublicityApproved", "PublicityRejected", "PublicityVisitRegistered")
    for _, events in log.by_stream(*types, *answered, kind=VISITS):
        listed: dict[str, None] | None = None
        approved: dict[str, None] = {}
        for event in events:
            data = event["data"]
            match event["type"]:
                case "StagePlanned":
                    names = data["content"].get("qualified_schools")
                    listed = None if names is None else dict.fromkeys(names)
                case "SchoolsListed" if listed is not None:
                    listed.update(dict.fromkeys(data["schools"]))
                case "VisitSchoolDelisted" if listed is not None:
                    listed.pop(data["school"], None)
                case kind if kind in asked:
                    if listed is not None and data["receiving_school"] not in listed:
                        yield Found(event, "该校不在公示名单上。", "The school is not on the published list.")
                case "PublicityApproved":
                    approved[data["presentation"]] = None
                case "PublicityRejected":
                    approved.pop(data["presentation"], None)
                case "PublicityVisitRegistered" if data["presentation"] not in approved:
                    yield Found(event, "进校宣传未经批准。", "The presentation was not approved.")


@dataclass(frozen=True)
class Pair:
    """Two acts that one person must not do both.

    Attributes:
        made: what comes first; the latest of one matter counts.
        checked: what another person does about it.
        by: fields that name the matter.
        every: everybody who made something counts, not the latest only.
    """

    made: tuple[str, ...]
    checked: str
    by: tuple[str, ...] = ()
    every: bool = False


ABOUT_GUARDIANS: Final = ("GUARDIANS_DISAGREE", "CUSTODY_DISPUTE")
"""Suspensions that rest on what the register office has recorded of a guardian."""

CASE_ACTS: Final = ("ComplaintAcknowledged", "InvestigationOpened", "HoldPlaced", "HoldReleased", "ViolationConfirmed")
"""What the owner of a compliance case does in it; an appeal against it is another person's to decide."""


PAIRS: Final = (
    Pair(("CampaignDrafted",), "CampaignApproved"),
    Pair(("PolicyChangeAnnounced",), "PolicyChangeApproved", ("version",)),
    Pair(("WindowChangeRecorded",), "WindowChangeApproved", ("change",)),
    Pair(("TargetsIssued", "TargetRevised"), "TargetsApproved", ("document",)),
    Pair(("VetoProposed",), "VetoImposed", ("run", "school", "class_id")),
    Pair(("VetoReviewed",), "VetoImposed", ("run", "school", "class_id")),
    Pair(("VetoProposed",), "VetoDropped", ("run", "school", "class_id")),
    Pair(("VetoReviewed",), "VetoDropped", ("run", "school", "class_id")),
    Pair(("SettlementAppealFiled",), "SettlementAppealDecided", ("appeal",)),
    Pair(("SettlementAppealFiled", "SettlementAppealDecided"), "SettlementAppealAnswered", ("appeal",)),
    Pair(("AidListDrafted",), "AidApproved", ("listed",)),
    Pair(("AidListDrafted",), "AidObjectionDecided", ("listed",)),
    Pair(("AidObjected",), "AidObjectionDecided", ("listed", "student")),
    Pair(("AidComputed",), "AidRunApproved", ("run", "version")),
    Pair(("AidComputed",), "AidPaid", ("run", "version")),
    Pair(("AidRunApproved",), "AidPaid", ("run", "version")),
    Pair(("AidComputed",), "AidRecovered", ("run", "version")),
    Pair(("AidRunApproved",), "AidRecovered", ("run", "version")),
    Pair(("CampusVisitPlanned",), "CampusVisitApproved", ("trip",)),
    Pair(("PublicityRequested",), "PublicityApproved", ("presentation",)),
    Pair(("WithdrawalReported",), "CallbackMade", ("student",)),
    Pair(("DestinationConflicting",), "DestinationResolved", ("student",)),
    Pair(("EvidenceConflicting",), "EvidenceResolved", ("student", "checkpoint")),
    Pair(("HelpConfirmed",), "ContestResolved", ("student",)),
    Pair(CASE_ACTS, "CaseAppealDecided", every=True),
    Pair(("SummarySubmitted",), "SummaryReviewed", ("about", "summary")),
    Pair(("ReturnedToSchool", "HomeTeachingStarted", "ElsewhereVerified"), "ItemClosed"),
)
"""The maker and the checker of every kind of matter (FEATURES B8); of a settlement's run see `_run_hands`."""


@invariant(
    "INV-21",
    ("经办与审核不得同一人", "four eyes"),
    (
        "同一事项上，经办、审核、支付、复议由不同的人承担；代办也算本人。",
        (
            "Nobody acts in two conflicting roles on one matter: who makes it does not approve, confirm or "
            "decide it, not for somebody else either."
        ),
    ),
    source="DOMAIN §8.2 INV-21; §7.2; DESIGN §9; FEATURES B8",
    remedy=("请由另一人重新审核。", "Let another person look at it again."),
)
def four_eyes(log: Log) -> Iterator[Found]:
    """Yield checks by the person who made what is checked, and two approvals of one person."""
    for pair in PAIRS:
        for _, events in log.by_stream(*pair.made, pair.checked):
            makers: dict[tuple[Any, ...], tuple[str, ...]] = {}
            for event in events:
                matter = tuple(event["data"].get(name) for name in pair.by)
                if event["type"] in pair.made:
                    makers[matter] = (*makers.get(matter, ()), *people(event)) if pair.every else people(event)
                elif any(one in makers.get(matter, ()) for one in people(event)):
                    yield Found(event, "经办人自己审核。", "Checked by the person who made it.")
    approvals: dict[tuple[str, int, int], list[str]] = {}
    for event in log.of("SettlementApproved"):
        key = (event["data"]["run"], event["data"]["version"], event["data"].get("revision", 0))
        if any(one in approvals.get(key, ()) for one in people(event)):
            yield Found(event, "同一人批准了两次。", "One person approved twice.")
        approvals.setdefault(key, []).extend(people(event))
    yield from _run_hands(log)
    yield from _lifted(log)


@invariant(
    "INV-23",
    ("查看未成年人记录须有目的", "a look at a child's record has a purpose"),
    (
        "查看学生记录须写明目的；不是本人所包学生的，须写明理由，并自动到期。",
        (
            "A look at a pupil's record names its purpose; whose pupil it is not also names a reason, and that "
            "access ends by itself."
        ),
    ),
    source="DOMAIN §8.2 INV-23; S15; Regulations on the Protection of Minors in Cyberspace art. 36 [P15], in force "
    "2024-01-01",
    remedy=("请说明理由并报纪检。", "Give the reason, and tell the discipline office."),
    valid_from=date(2024, 1, 1),
    rest=(
        "班主任所带班级以名册为准，不在事件中：见 tests/domain/test_care.py。",
        "Which class is a head's own, the staff list says and no event: tests/domain/test_care.py.",
    ),
)
def access_has_a_purpose(log: Log) -> Iterator[Found]:
    """Yield looks without a purpose, and looks of outsiders without a reason or without an end."""
    for _, events in log.by_stream("AccessUsed"):
        until: dict[tuple[str, str], datetime] = {}
        for event in events:
            data, actor = event["data"], event["actor"]
            key = (data["student"], actor["id"])
            if not data["purpose"]:
                yield Found(event, "没有写明目的。", "No purpose is named.")
            elif data["reason"] is not None and data["until"] is not None:
                until[key] = datetime.fromisoformat(data["until"])
            elif actor["role"] not in ANY_PUPIL and not (key in until and recorded(event) < until[key]):
                yield Found(
                    event, "不是本人所包学生，也没有理由。", "Not the person's own pupil, and no reason is named."
                )


@invariant(
    "INV-32",
    ("投诉由外部人员限期办理", "a complaint is owned from outside"),
    (
        "每件投诉由被投诉单位之外的人承办，有答复期限；自活动版本 3 起，记录中没有投诉人的编号，也无从推算投诉人。",
        (
            "Every complaint has an owner outside the unit complained of, and days to answer by; from release "
            "3 on nobody's reference stands in the record as the complainant's, nor a digest that can be tried out."
        ),
    ),
    source="DOMAIN §8.2 INV-32; §7.6 (complaint_ack_workdays, complaint_close_workdays); hotlines [P8][P9]",
    remedy=(
        "请改由纪检或审计承办，并补定期限。",
        "Hand the case to the discipline office or the auditor, with its days.",
    ),
    rest=(
        "投诉内容只有承办人可读：见 tests/cli/test_cli_compliance.py 与 tests/domain/test_complaints.py。",
        "That only the owner reads the words of a complaint: tests/domain/test_complaints.py and tests/cli.",
    ),
)
def owned_from_outside(log: Log) -> Iterator[Found]:
    """Yield complaints with an owner inside or without days, that name somebody, and acts of who does not own them."""
    drafted = log.own(log.campaign, "CampaignDrafted")
    years: dict[str, Any] = drafted[0]["data"]["calendar"].get("years", {}) if drafted else {}
    for event in log.own(log.campaign, "ComplaintReceived"):
        data = event["data"]
        inside = data["owner"] not in OUTSIDE or (data["about"] == "bureau" and data["owner"] != "auditor")
        if inside:
            yield Found(event, "承办人不在被投诉单位之外。", "The owner is not outside the unit complained of.")
        if None in (data["acknowledge_by"], data["decide_by"]) and _known(years, at(event).date()):
            yield Found(event, "没有答复期限。", "There is no day to answer by.")
        if log.release >= 3 and event["actor"]["id"] != "anonymous":  # noqa: PLR2004 - the release that began it
            yield Found(event, "记录中写有投诉人的编号。", "The record names the complainant's reference.")
        if log.release >= 3 and _names_its_maker(log, event):  # noqa: PLR2004 - the release that began it
            yield Found(event, "由记录可以推算出投诉人。", "Whoever tries all references finds the complainant.")
    for stream, events in log.by_stream(*OF_THE_OWNER):
        if log.kind(stream) == "campaign" and log.release >= 3:  # noqa: PLR2004 - there the campaign notes what cases did
            continue
        for event in events:
            if event["actor"]["role"] not in (*OUTSIDE, "system"):
                yield Found(event, "由不承办投诉的人处理。", "Done by somebody who owns no complaint.")


# -- inside ---------------------------------------------------------------------------------------------------------


def _names_its_maker(log: Log, event: Envelope) -> bool:
    """Tell whether a complaint's digests are plain ones of somebody who acted anywhere in the campaign."""
    digests = event["data"].get("made_by", ())
    if not digests:
        return False
    acted = dict.fromkeys(one["actor"]["id"] for events in log.streams.values() for one in events)
    return any(digest({"complaint": event["data"]["complaint"], "person": who}) in digests for who in acted)


@dataclass
class _Hands:
    """Who had a hand in a run: what bars from its next step is forgotten with a new version or a correction.

    Attributes:
        authors, reviewers, approvers: of the version in force.
        ordered: by payment, who ordered it.
        all: everybody, of all versions; they decide no appeal against it.
    """

    authors: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    ordered: dict[str, tuple[str, ...]] = field(default_factory=dict)
    all: tuple[str, ...] = ()


def _run_hands(log: Log) -> Iterator[Found]:
    """Yield audits, approvals, payments and decisions of appeals by somebody who had a hand in the run before."""
    runs: dict[str, _Hands] = {}
    checks = ("SettlementReviewed", "SettlementApproved", "PaymentOrdered", "PaymentConfirmed")
    made = ("SettlementComputed", "AdjustmentComputed", "VetoProposed", "VetoReviewed", "VetoImposed", "VetoDropped")
    for event in log.own(log.campaign, *made, *checks, "SettlementAppealDecided"):
        data, who = event["data"], people(event)
        hands = runs.setdefault(data["run"], _Hands())
        barred: tuple[str, ...] = ()
        match event["type"]:
            case "SettlementComputed":
                hands.authors, hands.reviewers, hands.approvers = who, (), ()
            case "AdjustmentComputed":
                hands.authors, hands.reviewers, hands.approvers = (*hands.authors, *who), (), ()
            case "SettlementReviewed":
                barred, hands.reviewers = (*hands.authors, *hands.approvers), who
            case "SettlementApproved":  # that nobody approves twice is looked at by version
                barred = (*hands.authors, *hands.reviewers)
                hands.approvers = (*hands.approvers, *who)
            case "PaymentOrdered":
                barred = (*hands.authors, *hands.reviewers, *hands.approvers)
                hands.ordered[data["payment"]] = who
            case "PaymentConfirmed":
                ordered = hands.ordered.get(data["payment"], ())
                barred = (*hands.authors, *hands.reviewers, *hands.approvers, *ordered)
            case "SettlementAppealDecided":
                barred = hands.all
        if any(one in barred for one in who):
            yield Found(event, "经办人自己审核。", "Checked by the person who made it.")
        if event["type"] != "SettlementAppealDecided":
            hands.all = (*hands.all, *who)


def _lifted(log: Log) -> Iterator[Found]:
    """Yield ends of a suspension by who suspended, or by who recorded the standing that a dispute is about.

    A family's own act ends one in nobody's name.
    """
    for _, events in log.by_stream("ConsentSuspended", "GuardianshipRecorded", "SuspensionLifted"):
        suspended: dict[tuple[str, str], tuple[str, ...]] = {}
        recorders: dict[str, tuple[str, ...]] = {}
        for event in events:
            data, who = event["data"], people(event)
            student = data["student"]
            match event["type"]:
                case "ConsentSuspended":
                    suspended[student, data["reason"]] = who
                case "GuardianshipRecorded":
                    recorders[student] = (*recorders.get(student, ()), *who)
                case _:
                    ended = data["suspension"]
                    hands = suspended.pop((student, ended), ())
                    hands += recorders.get(student, ()) if ended in ABOUT_GUARDIANS else ()
                    if any(one in hands for one in who):
                        yield Found(event, "暂停由经办人自己解除。", "Lifted by the person who suspended.")


def _by_split(shares: list[int], split: list[str]) -> bool:
    """Tell whether shares are those of the largest remainder; fewer carers than the split names share it whole."""
    parts = [Fraction(share) for share in split]
    if len(parts) != len(shares):
        return True
    total = sum(shares)
    exact = [part * total for part in parts]
    whole = [int(share) for share in exact]
    order = sorted(range(len(parts)), key=lambda number: (whole[number] - exact[number], number))
    for number in order[: total - sum(whole)]:
        whole[number] += 1
    return whole == list(shares)


def _known(years: dict[str, Any], on: date) -> bool:
    """Tell whether the calendar knows every day of a complaint's terms: they end within two months."""
    return all(str(one.year) in years for one in (on, on + timedelta(days=60)))
