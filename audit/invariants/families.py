"""What families alone decide: who is told, who signs, who may go back, what a no never costs (DOMAIN §7.3 D)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from audit.invariants.log import Log, at, recorded
from audit.invariants.rule import Found, invariant
from domain.events import Envelope

FILING: Final = "application-filing"
FAMILY_EVENTS: Final = (
    "IntentStated",
    "NoticeAcknowledged",
    "ConsentSigned",
    "ConsentRefused",
    "ConsentWithdrawn",
    "DataConsentGiven",
    "ConsentKept",
    "ConsentObjected",
)
BOTH: Final = ("pupil", "guardian")
MAY_NOT_CONSENT: Final = ("CAREGIVER", "NO_CUSTODY")
"""Standings of people who may be told, and consent to nothing (edge cases 1 and 2)."""

CAREGIVER: Final = "cgv_"
"""Begins the references of caregivers whom a roster names: no guardians, unless a paper entrusted them."""

ONWARD: Final = ("ApplicationRecorded", "Admitted", "Reported", "RegistrationVerified")
PROTOCOL_SINCE: Final = 3

MAY_REFUSE_A_WITHDRAWAL: Final = (
    "WITHDRAWAL_AFTER_REGISTRATION",
    "NOTHING_TO_WITHDRAW",
    "ACT_ALREADY_TAKEN",
    "ACT_KEY_UNKNOWN",
    "ACT_NOT_SIGNED",
    "ACT_FOREIGN",
    "OCCURRED_IN_FUTURE",
    "STUDENT_UNKNOWN",
    "STUDENT_LEFT",
)
"""Why a withdrawal may not be taken: it is too late, no family's, or has been taken; no stage and no pause is here."""


def counted_from(log: Log, event: Envelope) -> datetime:
    """Return when an acknowledgement or a signature begins to count: never long before it was recorded (R-11).

    A paper's is as old as records may be, as the bureau has called back; others may have been on their way a while.
    """
    if event["data"].get("channel") == "paper":
        on_its_way = timedelta(days=log.parameter(event, "backdate_days"))
    else:
        on_its_way = timedelta(minutes=log.parameter(event, "late_act_minutes"))
    return max(at(event), recorded(event) - on_its_way)


@invariant(
    "INV-02",
    ("先告知，后签署", "told before signing"),
    (
        "没有监护人对同一版本告知书的确认，就没有知情同意的签署；自活动版本 3 起，确认与签署之间须隔规定的小时数。",
        (
            "Nobody signs before a guardian of that pupil has acknowledged the same version of the notice; "
            "from release 3 on, so many hours lie between."
        ),
    ),
    source="DOMAIN §8.2 INV-02; §7.3 D3 (signature_wait_hours); Civil Code art. 19 [P35b]",
    remedy=(
        "请停止办理该生后续手续，由局里回访，重新告知、重新签署。",
        "Let nothing go on for this pupil; the bureau calls back, and the family is told and signs anew.",
    ),
    valid_from=date(2021, 1, 1),
)
def told_before_signing(log: Log) -> Iterator[Found]:
    """Yield signatures without an acknowledged notice, or too soon after it."""
    for _, events in log.by_stream("NoticeAcknowledged", "ConsentSigned", "GuardianshipRecorded", kind=FILING):
        told: dict[tuple[str, str], list[Envelope]] = {}
        untold: dict[tuple[str, str], None] = {}
        standing: dict[tuple[str, str], str] = {}
        for event in events:
            data = event["data"]
            if event["type"] == "GuardianshipRecorded":
                standing[data["student"], data["person"]] = data["standing"]
                continue
            key = (data["student"], data["document"])
            if event["type"] == "NoticeAcknowledged":
                if data["party"] == "guardian" and _standing(standing, event) not in MAY_NOT_CONSENT:
                    told.setdefault(key, []).append(event)
                continue
            by_guardians = [one for one in told.get(key, ()) if _standing(standing, one) not in MAY_NOT_CONSENT]
            if not by_guardians:
                if key in untold:
                    continue  # the pupil's and the guardian's signature lack the same acknowledgement
                untold[key] = None
                yield Found(
                    event,
                    "签署之前没有监护人对同一版本告知书的确认。",
                    "Signed, and no guardian had acknowledged this version.",
                )
            elif log.release >= PROTOCOL_SINCE:
                hours = log.parameter(event, "signature_wait_hours")
                if at(event) < min(counted_from(log, one) for one in told[key]) + timedelta(hours=hours):
                    yield Found(
                        event,
                        f"确认告知书后不足 {hours} 小时即签署。",
                        f"Signed less than {hours} hours after the notice was acknowledged.",
                    )


@invariant(
    "INV-04",
    ("本人签署，他人不得代办", "only families act for families"),
    (
        "意向、确认、签署、拒绝、撤回只能出自学生本人或其监护人；学校、教师、接收学校、教育局都不能代办。",
        (
            "An intent, an acknowledgement, a signature, a refusal and a withdrawal come from the pupil or a "
            "guardian; no school, teacher, receiving school or bureau can make one."
        ),
    ),
    source="DOMAIN §8.2 INV-04; §7.3; 2017 notice, interfering with applications [P3]; Civil Code art. 19 [P35b]",
    remedy=(
        "该行为无效：请立案调查，并由局里向家庭重新核实。",
        "The act is void: open a compliance case, and let the bureau ask the family itself.",
    ),
    rest=(
        "同一设备上的教职工身份由网关拒绝，不进入事件：见 tests/gateway。",
        "Staff on the family's own device are refused by the gateway before there is an event: tests/gateway.",
    ),
)
def only_families_act(log: Log) -> Iterator[Found]:
    """Yield acts of a family whose actor is not of the family, or may not consent for the pupil."""
    for _, events in log.by_stream(*FAMILY_EVENTS, "GuardianshipRecorded", kind=FILING):
        standing: dict[tuple[str, str], str] = {}
        for event in events:
            data, actor = event["data"], event["actor"]
            if event["type"] == "GuardianshipRecorded":
                standing[data["student"], data["person"]] = data["standing"]
                continue
            grown_up = actor["id"].startswith(("gdn_", CAREGIVER))
            own = actor["id"] == data["student"] if data["party"] == "pupil" else grown_up
            if actor["role"] not in BOTH or actor["role"] != data["party"] or not own:
                yield Found(
                    event,
                    f"以“{actor['role']}”身份作出了只能由家庭作出的行为。",
                    f"An act of the family, made by the role {actor['role']}.",
                )
            elif event["type"] == "ConsentSigned" and _standing(standing, event) in MAY_NOT_CONSENT:
                yield Found(
                    event,
                    "签署人在案登记为无权同意的人。",
                    "Signed by a person on record as one who may not consent.",
                )


@invariant(
    "INV-06",
    ("登记前随时可撤回", "a way back at any time"),
    (
        "学籍核验之前，在任何状态下都可以撤回，不问理由；撤回之后，没有重新签署就不再继续办理。",
        (
            "Before the registration is verified a withdrawal is accepted in every state, without a reason; after it "
            "nothing goes on until both have signed anew."
        ),
    ),
    source="DOMAIN §8.2 INV-06; §7.3 D4 to D8; DESIGN §9",
    remedy=(
        "请撤销撤回之后的记录，恢复学生的选择，并由局里告知家庭。",
        "Undo what was recorded after the withdrawal, and let the bureau tell the family that it is free.",
    ),
)
def way_back(log: Log) -> Iterator[Found]:
    """Yield withdrawals that were refused, asked for a reason, or had no effect."""
    types = ("ConsentSigned", "ConsentWithdrawn", "RegistrationCancelled", "WithdrawalReported", "SuspensionLifted")
    for _, events in log.by_stream(*types, *ONWARD, "FamilyActRefused", "CommandRefused", kind=FILING):
        out: dict[str, dict[str, None]] = {}
        reported: dict[str, None] = {}
        registered: dict[str, None] = {}
        uncancelled: dict[str, Envelope] = {}
        for event in events:
            kind, student = event["type"], event["data"].get("student", "")
            if kind in ("FamilyActRefused", "CommandRefused"):
                if event["data"].get("act") == "withdraw" and event["data"]["code"] not in MAY_REFUSE_A_WITHDRAWAL:
                    yield Found(event, "撤回被拒绝。", f"A withdrawal was refused: {event['data']['code']}.")
            elif kind == "ConsentWithdrawn":
                if "reason" in event["data"]:
                    yield Found(event, "撤回被要求说明理由。", "The withdrawal carries a reason; none may be asked.")
                out[student] = {}
                reported.pop(student, None)
                if student in registered:
                    uncancelled[student] = event
            elif kind == "ConsentSigned" and student in out:
                out[student][event["data"]["party"]] = None
            elif kind == "RegistrationCancelled":
                registered.pop(student, None)
                uncancelled.pop(student, None)
            elif kind == "WithdrawalReported":
                reported[student] = None
            elif kind == "SuspensionLifted" and event["data"]["suspension"] == "WITHDRAWAL_REPORTED":
                reported.pop(student, None)
            elif kind in ONWARD:
                if student in reported or (student in out and len(out[student]) < len(BOTH)):
                    yield Found(
                        event,
                        "家庭已撤回（或有人报告其要撤回），仍继续办理。",
                        "The family had withdrawn, or was reported to want that, and the case went on.",
                    )
                if kind == "RegistrationVerified":
                    registered[student] = None
        for event in uncancelled.values():
            yield Found(event, "撤回后登记没有取消。", "The withdrawal did not cancel the registration.")


@invariant(
    "INV-07",
    ("说“不”不受任何损失", "a no costs nobody anything"),
    (
        "拒绝、撤回、投诉不影响学生的任何权利；在非试算结果中，也不因家庭自主拒绝扣任何班级的金额或积分。",
        (
            "No refusal, withdrawal or complaint takes anything from a pupil; and outside a trial computation no class "
            "loses money or points because families freely said no."
        ),
    ),
    source="DOMAIN §8.2 INV-07; §8.1 R-04 (veto_no_fault), X3; DESIGN §10",
    remedy=(
        "请更正口径后重新计算，并撤回否决建议。",
        "Correct the policy, compute a new version, and drop the proposal of a veto.",
    ),
    rest=(
        "学生成绩、证书、班级、荣誉没有对应的事件类型，因此无从被改动：见 INV-03 的事件目录。",
        "No event type can change a pupil's marks, certificate, class or honours: INV-03 checks the types.",
    ),
)
def no_costs_nothing(log: Log) -> Iterator[Found]:
    """Yield lines and proposals of a veto that punish free refusals."""
    blameless: dict[tuple[str, int, str], bool] = {}
    shadow: dict[tuple[str, int], bool] = {}  # further lines do not say it again
    for event in log.own(log.campaign, "SettlementComputed", "SettlementLinesAdded", "VetoProposed"):
        data = event["data"]
        if event["type"] == "VetoProposed":
            if data.get("class_id") is not None:
                continue  # a class's losses are no family's refusal
            served = blameless.get((data["run"], data["version"], data["school"]), False)
            if served and log.parameter(event, "veto_no_fault"):
                yield Found(
                    event,
                    "服务已全部到位，缺额均为家庭自主拒绝，却提出了一票否决建议。",
                    "A veto was proposed although the service was whole and every missing head is a free refusal.",
                )
            continue
        trial = shadow.setdefault((data["run"], data["version"]), bool(data.get("shadow", True)))
        for line in data["lines"]:
            key = (data["run"], data["version"], line["school"])
            blameless[key] = blameless.get(key, True) and _blameless(line)
            taken = line["points"] < 0 or line["amount_fen"] < 0
            if taken and line.get("free_refusals") and not trial:
                yield Found(
                    event,
                    f"班级 {line['class_id']} 因家庭自主拒绝被扣减。",
                    f"Class {line['class_id']} loses money or points where families freely said no.",
                )


def _standing(recorded: dict[tuple[str, str], str], act: Envelope) -> str:
    """Return what somebody who acted is to the pupil: as recorded before, else what the kind of reference says."""
    student, person = act["data"]["student"], act["actor"]["id"]
    return recorded.get((student, person), "CAREGIVER" if person.startswith(CAREGIVER) else "GUARDIAN")


def _blameless(line: dict[str, int | None]) -> bool:
    pupils, missing = line.get("pupils"), (line["quota"] or 0) - (line["countable"] or 0)
    served = pupils is not None and line.get("informed") == pupils and line.get("guided") == pupils
    return served and missing <= (line.get("free_refusals") or 0)


@invariant(
    "INV-12",
    ("春季分流须有依据", "no spring without a permission"),
    (
        "除省级文件允许的合作（COOP_ORIGIN_XUEJI）外，没有春季的签署和指标；毕业之前没有报到。",
        (
            "Nobody signs for spring, no spring target is issued and nobody reports to a "
            "vocational school before graduation unless a document of the province allows the cooperation."
        ),
    ),
    source="DOMAIN §8.2 INV-12; §8.1 R-16; X5; 教职成厅〔2016〕1号 [P1]; Hefei 2022-12 [P9]",
    remedy=(
        "请让家庭重新选择，不得有任何不利；核对省级文件并更正口径。",
        "Let these families choose anew without any disadvantage; check the province's document and the policy.",
    ),
)
def no_spring_without_permission(log: Log) -> Iterator[Found]:
    """Yield spring consents and targets under a policy that forbids them, and pupils who came before graduation."""
    for event in log.of("ConsentSigned", "TargetsIssued", "Reported", "ReportingCorrected"):
        mode, data = log.parameter(event, "spring_mode"), event["data"]
        if event["type"] in ("ConsentSigned", "TargetsIssued"):
            if data.get("wave", "autumn") == "spring" and data.get("total", 1) and mode != "COOP_ORIGIN_XUEJI":
                yield Found(event, "口径禁止春季分流。", "The policy forbids spring.")
        elif mode != "COOP_ORIGIN_XUEJI":
            first = date.fromisoformat(
                f"{log.campaign.rpartition('/')[2]}-{log.parameter(event, 'reporting_month_day')}"
            )
            if date.fromisoformat(data["on"]) < first:
                yield Found(event, "在毕业之前报到。", "Reported before graduation.")


@invariant(
    "INV-24",
    ("未满 14 周岁须监护人同意", "under fourteen, a guardian agrees first"),
    (
        "未满 14 周岁学生的个人信息，须有监护人的单独同意，之后才能签署。",
        "For a pupil under 14 a guardian agrees to the use of the child's data before anybody signs.",
    ),
    source="DOMAIN §8.2 INV-24; §8.1 R-17; PIPL art. 28, 31 [P16], in force 2021-11-01",
    remedy=(
        "请补办监护人的单独同意，在此之前暂停办理。",
        "Ask the guardian for that consent, and wait until it is there.",
    ),
    valid_from=date(2021, 11, 1),
)
def guardian_agrees_for_children(log: Log) -> Iterator[Found]:
    """Yield signatures for a child under 14 without a guardian's agreement to the use of the data."""
    for school, events in log.by_stream("CohortLoaded", "StudentJoined"):
        young = {student: None for event in events for student in _under_14(event)}
        filing = f"{school}/{FILING}"
        agreed: dict[str, list[Envelope]] = {}
        standing: dict[tuple[str, str], str] = {}
        named: dict[str, None] = {}
        for event in log.own(filing, "DataConsentGiven", "ConsentSigned", "GuardianshipRecorded"):
            student = event["data"]["student"]
            if event["type"] == "GuardianshipRecorded":
                standing[student, event["data"]["person"]] = event["data"]["standing"]
            elif event["type"] == "DataConsentGiven":
                agreed.setdefault(student, []).append(event)
            elif student in young and student not in named:
                if any(_agrees(standing, one) for one in agreed.get(student, ())):
                    continue
                named[student] = None  # the pupil's and the guardian's signature lack the same agreement
                yield Found(
                    event, "学生未满 14 周岁，没有监护人的单独同意。", "The pupil is under 14; no guardian had agreed."
                )


def _agrees(standing: dict[tuple[str, str], str], agreement: Envelope) -> bool:
    """Tell whether an agreement to a child's data is of somebody who counts as a guardian."""
    return agreement["data"]["party"] == "guardian" and _standing(standing, agreement) not in MAY_NOT_CONSENT


def _under_14(event: Envelope) -> tuple[str, ...]:
    """Return whom an event of a school's register names as under 14: of a cohort a list, of a joiner a yes or no."""
    told = event["data"].get("under_14", ())
    if isinstance(told, bool):
        return (event["data"]["student"],) if told else ()
    return tuple(told)
