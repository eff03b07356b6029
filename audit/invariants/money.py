"""Money and vetoes: what may be paid, from what, who agreed, and what a hold stops (R-04, R-08; DOMAIN §7.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from audit.invariants.log import Log, people, recorded
from audit.invariants.rule import Found, invariant
from domain.events import Envelope

LAWFUL: Final = ("FISCAL", "PERFORMANCE_POOL")
APPROVALS: Final = 2


@dataclass
class _Run:
    """A run in its latest version.

    Attributes:
        appeals: those against it that nobody has decided, as what they are about and the event of their filing.
        upheld: those that were upheld and that nothing has followed, with the events that an adjustment may name.
        over: the correction after which too much is paid, and by how much; its claw-back has to follow at once.
    """

    version: int = 0
    shadow: bool = True
    payable: bool = False
    amounts: dict[str, int] = field(default_factory=dict)
    approvers: dict[str, None] = field(default_factory=dict)
    revision: int = 0
    reviewed: bool = False
    published: tuple[int, int] | None = None
    digest: str = ""
    appeal_until: str = ""
    appeals: dict[str, tuple[str, str]] = field(default_factory=dict)
    upheld: dict[str, tuple[str, str]] = field(default_factory=dict)
    over: tuple[Envelope, int] | None = None
    confirmed: dict[str, None] = field(default_factory=dict)
    ordered: dict[str, int] = field(default_factory=dict)
    clawed: int = 0

    @property
    def total(self) -> int:
        """Return the sum of the lines in fen."""
        return sum(self.amounts.values())

    @property
    def paid(self) -> int:
        """Return what was ordered and not ordered back, in fen."""
        return sum(self.ordered.values()) - self.clawed


@invariant(
    "INV-17",
    ("金额可加、可追、只增不改", "money adds up and is never edited"),
    (
        (
            "金额以分为单位的整数；明细之和等于合计；公布须两人批准，支付还须经审计、申诉期满、无未决申诉且成立的申诉均有答复，"
            "更正后重新办理；"
            "试算和负数行不得支付，一个班不由两次结算支付；更正须写明记录中的依据，多付的立即以追回行退回。"
        ),
        (
            "Money is whole fen; the lines sum to the total; what is published was approved by two, and what is paid "
            "was audited too, its time for appeals over, every appeal decided and every upheld one answered, anew "
            "after each correction; it is no trial, has no line below zero, and no second run pays the same class; a "
            "correction names its cause in the record, and what was paid too much goes back at once by a claw-back "
            "line."
        ),
    ),
    source="DOMAIN §8.2 INV-17; §8.1 R-08",
    remedy=(
        "请停止支付，核对批准链，并用调整行更正。",
        "Stop the payment, check the approvals, and correct it by an adjustment line.",
    ),
)
def money_adds_up(log: Log) -> Iterator[Found]:
    """Yield totals that do not add up, and payments without approvals, of a trial, or beyond what is due."""
    runs: dict[str, _Run] = {}
    computed: list[tuple[Envelope, list[dict[str, Any]]]] = []
    types = (
        "SettlementComputed",
        "SettlementLinesAdded",
        "SettlementReviewed",
        "SettlementApproved",
        "SettlementPublished",
        "PaymentOrdered",
        "PaymentConfirmed",
        "AdjustmentComputed",
        "ClawBackOrdered",
        "SettlementAppealFiled",
        "SettlementAppealDecided",
        "SettlementAppealAnswered",
    )
    for event in log.own(log.campaign, *types):
        data, run = event["data"], runs.setdefault(event["data"]["run"], _Run())
        if event["type"] != "ClawBackOrdered":
            yield from _not_clawed_back(run)
        match event["type"]:
            case "SettlementComputed":
                run.version, run.shadow, run.payable = data["version"], data["shadow"], data["payable"]
                run.amounts, run.approvers, run.reviewed, run.revision = _amounts(data["lines"]), {}, False, 0
                run.upheld = {}
                computed.append((event, list(data["lines"])))
            case "SettlementLinesAdded":
                run.amounts |= _amounts(data["lines"])
                computed[-1][1].extend(data["lines"])
            case "SettlementApproved" | "SettlementReviewed" if _version(data) != (run.version, run.revision):
                yield Found(event, "同意的不是现行版本。", "What was agreed to is not the version in force.")
            case "SettlementApproved":
                run.approvers.update(dict.fromkeys(people(event)[:1]))
            case "SettlementReviewed":
                run.reviewed = True
            case "SettlementPublished":
                run.published, run.digest, run.appeal_until = _version(data), data["lines_digest"], data["appeal_until"]
                if len(run.approvers) < APPROVALS:
                    yield Found(event, "公布没有两人批准。", "The publication has not two approvals.")
                if run.total != data["total_fen"]:
                    yield Found(event, "公布的合计不等于明细之和。", "The total published is not the lines' sum.")
            case "AdjustmentComputed":
                if data["line"] not in run.amounts:
                    yield Found(event, "更正的明细不存在。", "The line that is corrected is in no result.")
                run.amounts[data["line"]] = run.amounts.get(data["line"], 0) + data["delta_fen"]
                run.approvers, run.reviewed, run.revision = {}, False, run.revision + 1
                run.upheld = {name: named for name, named in run.upheld.items() if data["cause"] not in named}
                if run.total != data["total_fen"]:
                    yield Found(event, "调整后的合计不符。", "The total after the adjustment does not add up.")
                if not _happened(log, data["cause"], event):
                    yield Found(event, "更正的依据不在记录中。", "The cause of the correction is not in the record.")
                over = run.paid - max(0, run.total)
                run.over = (event, over) if over > 0 else None
            case "SettlementAppealFiled" | "SettlementAppealDecided" | "SettlementAppealAnswered":
                _appealed(run, event)
            case _:
                yield from _moved(runs, event)
    for run in runs.values():
        yield from _not_clawed_back(run)
    for event, lines in computed:
        if not _sums_hold(event["data"]["totals"], lines):
            yield Found(event, "合计不等于明细之和。", "The totals are not the sums of the lines.")


@invariant(
    "INV-18",
    ("禁止来源不得支付", "no money from a forbidden source"),
    (
        "只有财政资金和绩效工资总量内的资金可以支付，须有文号，且不超过额度；中职学校、企业、家长的钱一律拒绝。",
        (
            "Only fiscal money and the performance pool pay, with a document and within the pool; money of vocational "
            "schools, enterprises and parents is rejected."
        ),
    ),
    source="DOMAIN §8.2 INV-18; §8.1 R-08; 2015 four prohibitions [P2]; X1",
    remedy=("请退回款项并移交纪检。", "Give the money back, and refer it to the discipline office."),
)
def lawful_sources(log: Log) -> Iterator[Found]:
    """Yield forbidden money that was taken, and payments from undeclared money or beyond its pool."""
    pools: dict[str, int] = {}
    for event in log.own(log.campaign, "FundingSourceDeclared", "PaymentOrdered"):
        data = event["data"]
        if event["type"] == "FundingSourceDeclared":
            if data["source"] not in LAWFUL:
                yield Found(event, f"来源 {data['source']} 被接受。", f"The source {data['source']} was accepted.")
            elif data["document"] in pools:
                yield Found(event, "同一文号的资金被重复申报。", "Money of one document was declared a second time.")
            elif data["document"] is not None:
                pools[data["document"]] = data["pool_fen"]
        elif data["funding"] not in pools:
            yield Found(event, "所用资金没有合法来源或没有文号。", "The money has no lawful source, or no document.")
        else:
            pools[data["funding"]] -= data["fen"]
            if pools[data["funding"]] < 0:
                yield Found(event, "支付超过申报额度。", "More was ordered than the declared pool holds.")


@invariant(
    "INV-19",
    ("一票否决须由人依程序决定", "a veto is people's decision"),
    (
        "一票否决不得自动产生：先提出建议，再听取学校意见，由另一人按现行结果决定，然后公布、可申诉。",
        (
            "A veto is never automatic: a person proposes it, the school is heard, another person decides while the "
            "result in force says so, it is published, and it can be appealed against."
        ),
    ),
    source="DOMAIN §8.2 INV-19; §8.1 R-04; X3",
    remedy=("请撤销该决定，补听学校意见后重新决定。", "Lift the veto, hear the school, and decide anew."),
)
def veto_by_people(log: Log) -> Iterator[Found]:
    """Yield vetoes that skip a step, that the program made, or that no result proposes, or none any more."""
    findings: dict[tuple[str, int, str], str] = {}
    step: dict[tuple[str, str, str | None], str] = {}
    latest: dict[str, int] = {}
    proposed: dict[tuple[str, str, str | None], int] = {}
    needed = {
        "VetoReviewed": ("VetoProposed",),
        "VetoImposed": ("VetoReviewed",),
        "VetoDropped": ("VetoReviewed",),
        "VetoPublished": ("VetoImposed",),
        "VetoLifted": ("VetoPublished", "VetoLifted"),  # two appeals may have been filed, and both upheld
    }
    for event in log.own(log.campaign, "SettlementComputed", "DropoutRatesAdded", "VetoProposed", *needed):
        data = event["data"]
        if event["type"] == "SettlementComputed":
            latest[data["run"]] = data["version"]
            findings |= {(data["run"], data["version"], school): code for school, code in data["findings"].items()}
            continue
        if event["type"] == "DropoutRatesAdded":
            for line in data["lines"]:
                findings[data["run"], data["version"], f"{line['school']}/{line['class_id']}"] = line["finding"]
            continue
        key = (data["run"], data["school"], data.get("class_id"))
        about = data["school"] if key[2] is None else f"{data['school']}/{key[2]}"
        if event["type"] == "VetoProposed":
            proposed[key] = data["version"]
            if findings.get((data["run"], data["version"], about)) != "VETO_PROPOSED":
                yield Found(event, "结算结果没有这一建议。", "No result of the settlement says so.")
        elif step.get(key) not in needed[event["type"]]:
            yield Found(event, "程序缺少前一步。", "The step before it is missing.")
        elif (
            event["type"] == "VetoImposed"
            and latest[data["run"]] != proposed[key]
            and findings.get((data["run"], latest[data["run"]], about)) != "VETO_PROPOSED"
        ):
            yield Found(event, "现行结果没有这一建议。", "The result in force does not say so.")
        if not people(event):
            yield Found(event, "不是由人作出的。", "It was not made by a person.")
        step[key] = event["type"]


@invariant(
    "INV-30",
    ("冻结只影响计数和支付", "a hold stops counting and payment only"),
    (
        "合规冻结期间不计数、不支付；但不得影响就学、录取、考试和资助。",
        (
            "While a hold is in force nothing that it covers is counted, and nothing is paid; schooling, admission, "
            "examination and aid go on."
        ),
    ),
    source="DOMAIN §8.2 INV-30; §7.3 region C",
    remedy=(
        "请追回已支付的款项；恢复被拒绝的手续。",
        "Order back what was paid; let what was refused to the pupil go through.",
    ),
    rest=(
        "冻结不影响各项手续，另由命令序列测试保证：tests/domain/test_compliance_inv30.py。计数见 INV-11。",
        (
            "That a hold refuses no step of a pupil is proved over commands: tests/domain/test_compliance_inv30.py. "
            "Counting is INV-11's."
        ),
    ),
)
def holds_stop_money_only(log: Log) -> Iterator[Found]:
    """Yield payments under a hold, and steps of pupils that were refused because of one."""
    open_: dict[str, None] = {}
    for event in log.own(log.campaign, "HoldPlaced", "HoldReleased", "PaymentOrdered"):
        if event["type"] == "HoldPlaced":
            open_[event["data"]["hold"]] = None
        elif event["type"] == "HoldReleased":
            open_.pop(event["data"]["hold"], None)
        elif open_:
            yield Found(event, "仍有冻结时下达了支付。", "A payment was ordered while a hold was in force.")
    for stream, events in log.by_stream("CommandRefused", "FamilyActRefused"):
        if log.kind(stream) not in ("campaign", "compliance"):
            for event in events:
                if event["data"]["code"].startswith(("HOLD", "CASE_HOLD", "CASE_HELD")):
                    yield Found(event, "因冻结拒绝了学生的手续。", "A pupil's step was refused because of a hold.")


# -- inside ---------------------------------------------------------------------------------------------------------


def _amounts(lines: list[dict[str, Any]]) -> dict[str, int]:
    return {f"{line['school']}/{line['class_id']}": line["amount_fen"] for line in lines}


def _shares_a_line(run: _Run, other: _Run) -> bool:
    return any(amount and other.amounts.get(line) for line, amount in run.amounts.items())


def _version(data: dict[str, Any]) -> tuple[int, int]:
    return data["version"], data.get("revision", 0)


def _sums_hold(totals: dict[str, int], lines: list[dict[str, Any]]) -> bool:
    names = ("quota", "countable", "amount_fen", "points")
    whole = all(isinstance(line[name], int) for line in lines for name in names)
    return (
        whole
        and totals["classes"] == len(lines)
        and all(totals[name] == sum(line[name] for line in lines) for name in names)
    )


def _happened(log: Log, name: str, by: Envelope) -> bool:
    """Tell whether an event of this name was on record when another was written."""
    stream, _, version = name.rpartition("#")
    events = log.streams.get(stream, ())
    return (
        version.isdecimal() and 0 < int(version) <= len(events) and recorded(events[int(version) - 1]) <= recorded(by)
    )


def _not_clawed_back(run: _Run) -> Iterator[Found]:
    """Yield a correction after which too much stays paid."""
    if run.over is not None:
        yield Found(run.over[0], "多付的款项没有追回。", "What was paid too much is not ordered back.")
        run.over = None


def _appealed(run: _Run, event: Envelope) -> None:
    """Follow an appeal to its decision and its answer; an upheld one against a veto lifts that, and needs no other."""
    name, event_name = event["data"]["appeal"], f"{event['stream']}#{event['version']}"
    if event["type"] == "SettlementAppealFiled":
        run.appeals[name] = (event["data"]["about"], event_name)
    elif event["type"] == "SettlementAppealAnswered":
        run.upheld.pop(name, None)
    else:
        about, filed = run.appeals.pop(name, ("", ""))
        if event["data"]["outcome"] == "UPHELD" and about != "VETO":
            run.upheld[name] = (filed, event_name)


def _moved(runs: dict[str, _Run], event: Envelope) -> Iterator[Found]:
    """Follow an order, its confirmation or a claw-back."""
    data = event["data"]
    run, paid = runs[data["run"]], runs[data["run"]].paid
    if event["type"] == "PaymentConfirmed":
        if run.ordered.get(data["payment"]) != data["fen"]:
            yield Found(event, "确认的金额与下达的不符。", "What was confirmed is not what was ordered.")
        elif data["payment"] in run.confirmed:
            yield Found(event, "同一笔支付被确认了两次。", "One payment was confirmed twice.")
        run.confirmed[data["payment"]] = None
    elif event["type"] == "ClawBackOrdered":
        if run.over is None or data["fen"] != run.over[1]:
            yield Found(event, "追回的不是多付的金额。", "What is ordered back is not what was paid too much.")
        run.over = None
        run.clawed += data["fen"]
    else:
        if not run.reviewed:
            yield Found(event, "支付的结果未经审计。", "What is paid was not audited.")
        elif run.published != (run.version, run.revision):
            yield Found(event, "支付的结果没有公布。", "What is paid was not published.")
        elif _version(data) != run.published or data["lines_digest"] != run.digest:
            yield Found(event, "支付的不是公布的明细。", "What is paid is not what was published.")
        elif run.appeals or event["occurred_at"][:10] <= run.appeal_until:
            yield Found(event, "申诉期未满或申诉未决。", "The time for appeals runs, or an appeal is not decided.")
        elif run.upheld:
            yield Found(event, "成立的申诉没有答复。", "An upheld appeal is not answered.")
        if data["payment"] in run.ordered:
            yield Found(event, "同一支付编号下达了两次。", "One payment was ordered twice under one name.")
        if any(amount < 0 for amount in run.amounts.values()):
            yield Found(event, "支付的结果中有负数行。", "What is paid has a line below zero.")
        if any(_shares_a_line(run, other) for other in runs.values() if other is not run and other.paid > 0):
            yield Found(event, "另一次结算已支付同一班级。", "Another run has paid the same class.")
        if run.shadow or not run.payable:
            yield Found(event, "试算结果不得支付。", "A trial computation is never paid.")
        if not 0 < data["fen"] <= run.total - paid:
            yield Found(event, "支付超过应付金额。", "More is ordered than is due.")
        run.ordered[data["payment"]] = run.ordered.get(data["payment"], 0) + data["fen"]
