"""Why the record says what it says of a pupil or of a figure: rule, inputs, events, way to contest (FEATURES A17).

Pure reads. Inputs are codes, thresholds and counts: a pupil's marks are in no event, so none can come out here.

What is explained carries its proof: the versions of the policy, the number of events and their root
(`audit.event_sets`), and the command that explains the same from a bundle (FEATURES idea 10).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from audit.bundle_ledger import BundleLedger
from audit.counts import recorded
from audit.event_sets import EventSet
from audit.invariants.check import read_streams
from audit.invariants.log import Log, name_of
from domain.events import Envelope
from domain.stream import UnknownEventError
from ledger.store import Ledger

Lang = Literal["zh", "en"]

_CONFIRMS: Final = ("HelpConfirmed", "HelpExcluded", "ContestResolved")
_OF_THE_CASE: Final = (
    "NoticeOffered",
    "IntentStated",
    "NoticeAcknowledged",
    "DataConsentGiven",
    "ConsentSigned",
    "CoolingStarted",
    "CoolingLengthened",
    "CoolingMoved",
    "ConsentRefused",
    "ConsentWithdrawn",
    "ConsentConfirmed",
    "ConsentSuspended",
    "SuspensionLifted",
    "WithdrawalReported",
    "CallbackMade",
    "ApplicationRecorded",
    "Admitted",
    "NotAdmitted",
    "Reported",
    "NoShow",
    "RegistrationVerified",
    "RegistrationCancelled",
    "OtherDestination",
    "DestinationResolved",
    "DestinationSettled",
    "CaseInvalidated",
    "CaseReinstated",
    "StudentRemoved",
)
"""Events that decide where a pupil's case stands."""

_COUNTED: Final = ("ConsentSigned", "ConsentConfirmed", "Admitted", "RegistrationVerified", "RegistrationCancelled")

RULES: Final[tuple[tuple[str, tuple[str, ...], tuple[str, str]], ...]] = (
    (
        "R-01",
        ("reward_tiers", "tier_boundary", "penalty", "shortfall_base", "cap_at_quota", "zero_quota", "penalty_from"),
        ("班级奖励：人数与指标之比所在的档", "class reward: the tier that heads reach of the quota"),
    ),
    (
        "R-02",
        ("points_full", "points_missing", "points_for"),
        ("积分：完成加分，缺额扣分", "points: for a full quota, and for each missing head"),
    ),
    (
        "R-04",
        ("veto_ratio", "veto_boundary", "veto_no_fault", "veto_coverage_below"),
        ("一票否决建议：只供人决定", "the proposal of a veto, for people to decide"),
    ),
    (
        "R-05",
        ("dropout_award", "dropout_veto_g79", "dropout_boundary", "dropout_denominator", "veto_no_fault"),
        ("辍学：奖励与一票否决建议，只供人决定", "dropout: the award and the proposal of a veto, for people to decide"),
    ),
    ("R-08", ("payable",), ("支付闸门", "the funding gate")),
    (
        "R-11",
        ("signature_wait_hours", "cooling_off_days", "short_cooling_hours"),
        ("同意有效的条件", "when a consent is valid"),
    ),
    (
        "INV-11",
        ("counting_cutoff", "registration_deadline", "wave_by"),
        ("计入者须符合的条件（DOMAIN §7.3 countable）", "who is countable (DOMAIN §7.3)"),
    ),
)
"""Rule → the parameters that it reads, and what it is about (zh, en)."""


class NothingToExplainError(LookupError):
    """The record holds nothing of what is asked for."""


async def explain_student(ledger: Ledger, campaign: str, student: str, lang: Lang) -> dict[str, Any]:
    """Explain a pupil's identification and destination.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        student: the pupil's reference.
        lang: language of the sentences.

    Returns:
        `campaign, student, complaint_line, identification, destination, recompute`; None for a stage that knows
        nothing of the pupil. Both name the policy's version and hash, the events, their `proof`, who confirmed, and
        how to contest.

    Raises:
        NothingToExplainError: no event mentions the pupil.
    """
    log = await _log(ledger, campaign)
    own = [event for event in log.of("HelpProposed", *_CONFIRMS, *_OF_THE_CASE) if _is_about(event, student)]
    if not own:
        raise NothingToExplainError(student)
    drafted = log.own(campaign, "CampaignDrafted")
    line = drafted[0]["data"].get("complaint_line") if drafted else None
    return {
        "campaign": campaign,
        "student": student,
        "complaint_line": line,
        "identification": _identification(log, own, lang, line),
        "destination": _destination([event for event in own if event["type"] in _OF_THE_CASE], lang, line),
        "recompute": f"diversion audit explain {campaign} --student {student} --bundle FILE",
    }


async def explain_settlement(
    ledger: Ledger, campaign: str, school: str, class_id: str | None, lang: Lang
) -> dict[str, Any]:
    """Explain the counts of a school's classes, and the lines that settlements made of them.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        school: the school's code.
        class_id: one class; None for all of the school.
        lang: language of the sentences.

    Returns:
        `campaign, school, policy, rules, classes, basis, proof, recompute`: each rule with its parameters, each class
        with its exact inputs, the events that decided them with their `proof`, and the line of each run that holds it.
        The `proof` of the whole is over every event of the streams of `basis`: nothing else was looked at.

    Raises:
        NothingToExplainError: the campaign has no such school or class.
    """
    try:
        found = await recorded(ledger, campaign)
    except UnknownEventError:
        raise NothingToExplainError(campaign) from None
    counts = [one for one in found.classes if one.school == school and class_id in (None, one.class_id)]
    if not counts:
        raise NothingToExplainError(school)
    log = await _log(ledger, campaign)
    stream = f"{campaign}/{school}"
    profile = found.state.policy
    parameters = {name: getattr(profile.parameters, name) for _, names, _ in RULES for name in names}
    parameters |= profile.parameters.model_dump(mode="json")  # which leaves out what holds a later release's default
    classes = []
    for count in counts:
        pupils = log.cohorts.get(stream, {}).get(count.class_id, [])
        events = [one for one in log.own(f"{stream}/application-filing", *_COUNTED) if one["data"]["student"] in pupils]
        quotas = _quota_events(log, school, count.class_id)
        classes.append(
            {
                "class": count.class_id,
                "inputs": count.model_dump(mode="json", exclude={"school", "class_id"}),
                "quota_events": [name_of(event) for event in quotas],
                "events": [_told(event) for event in events],
                "proof": EventSet.of([*quotas, *events]).as_data(),
                "lines": _lines(log, school, count.class_id),
            }
        )
    one = "" if class_id is None else f"{class_id} "
    basis = {name: mark for name, mark in found.basis.items() if name == campaign or name.startswith(stream)}
    return {
        "campaign": campaign,
        "school": school,
        "policy": {"id": profile.id, "version": profile.version, "parameter_hash": profile.parameter_hash},
        "cutoff": found.cutoff.isoformat(),
        "rules": [
            {"rule": rule, "about": about[_number(lang)], "parameters": {name: parameters[name] for name in names}}
            for rule, names, about in RULES
        ],
        "classes": classes,
        "basis": basis,
        "proof": (await _events_of(ledger, basis)).as_data(),
        "recompute": f"diversion audit explain {campaign} {one}--settlement {school} --bundle FILE",
        "contest": _contest_settlement(campaign, school, lang),
    }


# -- inside ---------------------------------------------------------------------------------------------------------


def _identification(log: Log, own: Iterable[Envelope], lang: Lang, line: str | None) -> dict[str, Any] | None:
    proposed = [event for event in own if event["type"] == "HelpProposed"]
    if not proposed:
        return None
    event = proposed[-1]
    made = log.own(event["stream"], "ProposalsMade")  # after the proposals that it closes
    made = [one for one in made if one["version"] >= event["version"]][:1] or made[-1:]
    decided = [one for one in own if one["type"] in _CONFIRMS and one["stream"] == event["stream"]]
    frozen = log.own(event["stream"], "CohortFrozen")
    last = decided[-1] if decided else None
    return {
        "rule": {name: made[-1]["data"][name] for name in ("rule", "rule_version", "rule_digest")} if made else None,
        "proposed": {"code": event["data"]["code"], "help": event["data"]["help"]},
        "inputs": [_input(reason) for reason in event["data"]["reasons"]],
        "result": None if last is None else {"help": last["data"].get("help", []), "type": last["type"]},
        "confirmed_by": None if last is None else {"id": last["actor"]["id"], "role": last["actor"]["role"]},
        "policy": event["policy"],
        "events": [_told(one) for one in (event, *made, *decided)],
        "proof": EventSet.of((event, *made, *decided)).as_data(),
        "expires_on": frozen[-1]["data"]["expires_on"] if frozen else None,
        "contest": _contest(event["stream"], lang, line),
    }


def _destination(events: list[Envelope], lang: Lang, line: str | None) -> dict[str, Any] | None:
    """Return where a case stands, by its last event, and which acts of the family it rests on."""
    if not events:
        return None
    last, parts = events[-1], events[-1]["stream"].split("/")
    family = [event for event in events if event["actor"]["role"] in ("pupil", "guardian")]
    cooling = [event for event in events if event["type"] == "CoolingStarted"]
    confirmed = [event for event in events if event["type"] == "ConsentConfirmed"]
    registered = any(event["type"] == "RegistrationVerified" for event in events)
    free = (
        "登记核验之前，家庭可随时撤回，不问理由：diversion answer CODE withdraw。",
        "Until the registration is verified the family withdraws without a reason: diversion answer CODE withdraw.",
    )
    late = (
        "登记已核验，变更走转学程序。",
        "The registration is verified: a change goes by the transfer between schools.",
    )
    return {
        "stands_at": last["type"],
        "policy": last["policy"],
        "family_acts": [_told(event) for event in family],
        "cooling_off_ends": cooling[-1]["data"]["ends"] if cooling else None,
        "confirmed_by": {"id": confirmed[-1]["actor"]["id"], "role": confirmed[-1]["actor"]["role"]}
        if confirmed
        else None,
        "events": [_told(event) for event in events],
        "proof": EventSet.of(events).as_data(),
        "changes_if": (late if registered else free)[_number(lang)],
        "contest": _complain("/".join(parts[:3]), parts[3], lang, line),
    }


def _input(reason: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fact as a code against the rule's threshold, and the one that would change the proposal."""
    names = ("help", "attribute", "relation", "threshold")
    return {**{name: reason[name] for name in names}, "changes_if": reason["flips_when"]}


def _is_about(event: Envelope, student: str) -> bool:
    data = event["data"]
    return data.get("student") == student or any(row.get("student") == student for row in data.get("rows", ()))


def _told(event: Envelope) -> dict[str, Any]:
    actor = event["actor"]
    return {
        "event": name_of(event),
        "type": event["type"],
        "at": event["occurred_at"],
        "by": {"id": actor["id"], "role": actor["role"]},
    }


async def _log(ledger: Ledger, campaign: str) -> Log:
    """Read all events of a campaign, of a ledger in one snapshot."""
    held = ledger.held if isinstance(ledger, BundleLedger) else await read_streams(ledger, campaign)
    return Log(campaign, held)


async def _events_of(ledger: Ledger, basis: Mapping[str, Mapping[str, Any]]) -> EventSet:
    """Return the events of some streams up to the versions that were looked at."""
    found: list[Envelope] = []
    for stream, mark in basis.items():
        async for envelope in ledger.events(stream):
            if envelope["version"] > mark["version"]:
                break
            found.append(envelope)
    return EventSet.of(found)


def _quota_events(log: Log, school: str, class_id: str) -> list[Envelope]:
    types = ("CampaignDrafted", "ClassQuotaAssigned", "ClassQuotaReassigned")
    return [event for event in log.own(log.campaign, *types) if _gives_quota(event["data"], school, class_id)]


def _gives_quota(data: Mapping[str, Any], school: str, class_id: str) -> bool:
    if "schools" in data:  # the draft: each wave's quotas by school
        return any(class_id in data.get(wave, {}).get(school, {}) for wave in ("quotas", "spring_quotas"))
    return bool(data["school"] == school) and class_id in data["classes"]


def _lines(log: Log, school: str, class_id: str) -> list[dict[str, Any]]:
    """Return the line of each version of a run, the policy that it was computed by, and its later corrections."""
    found: list[dict[str, Any]] = []
    rules: dict[tuple[str, int], dict[str, Any]] = {}
    for event in log.own(log.campaign, "SettlementComputed", "SettlementLinesAdded", "AdjustmentComputed"):
        data = event["data"]
        run = {name: data[name] for name in ("run", "version")}
        key = (data["run"], data["version"])
        if event["type"] == "AdjustmentComputed":
            said = {name: data[name] for name in ("delta_fen", "reason", "cause")}
            for line in found if data["line"] == f"{school}/{class_id}" else ():
                if (line["run"], line["version"]) == key:
                    line["corrections"].append({**said, "event": name_of(event)})
            continue
        if event["type"] == "SettlementComputed":
            policy = {"id": data["profile"], "version": data["profile_version"]}
            rules[key] = {"policy": policy | {"parameter_hash": data["parameter_hash"]}, "as_at": data["as_at"]}
        for line in data["lines"]:
            if (line["school"], line["class_id"]) == (school, class_id):
                said = {name: line[name] for name in ("quota", "countable", "amount_fen", "points")}
                found.append({**run, **said, "event": name_of(event), **rules[key], "corrections": []})
    return found


def _contest(stream: str, lang: Lang, line: str | None) -> dict[str, Any]:
    campaign, school = "/".join(stream.split("/")[:3]), stream.split("/")[3]
    told = _complain(campaign, school, lang, line)
    zh = "学生、监护人或教职工可提出异议（列表中 decision 写 contest），由另一人处理。"
    en = "Pupil, guardian or staff may contest it (`contest` in the column `decision`); another person resolves it."
    return {
        **told,
        "contest": f"diversion record decisions FILE {campaign} {school} --by ID",
        "by": (zh, en)[_number(lang)],
    }


def _complain(campaign: str, school: str, lang: Lang, line: str | None) -> dict[str, Any]:
    zh = "可向局里投诉，由学校之外的人限期答复；不影响任何权利。"
    en = "Complain to the bureau: somebody outside the school answers by a fixed day, and it costs nobody anything."
    return {
        "command": f"diversion complain {campaign} --about {school} --matter MATTER",
        "line": line,
        "how": (zh, en)[_number(lang)],
    }


def _contest_settlement(campaign: str, school: str, lang: Lang) -> dict[str, str]:
    zh = "公布后可在期限内申诉。"
    en = "A published result can be appealed against until the day named with it."
    return {
        "command": f"diversion settle appeal file {campaign} RUN {school} line --class CLASS --reason CODE",
        "how": (zh, en)[_number(lang)],
    }


def _number(lang: Lang) -> int:
    return 0 if lang == "zh" else 1
