"""What happened in a year, counted from its events: totals by topic, never a reference of anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cli.options import say
from domain.consent import SuspensionReason

if TYPE_CHECKING:
    from domain.events import Envelope
    from ledger.store import Ledger

Totals = dict[str, dict[str, int]]


class Figure(NamedTuple):
    """One figure of a topic.

    Attributes:
        name: its key in JSON.
        zh, en: what a person reads.
        events: the types that count.
        data: values that an event's data must have to count.
        under: only streams with this in their id; news repeats some events in the stream that hears of them.
    """

    name: str
    zh: str
    en: str
    events: tuple[str, ...]
    data: Mapping[str, Any] = {}
    under: str = ""

    def counts(self, envelope: Envelope) -> bool:
        """Tell whether an event belongs to the figure."""
        data = envelope["data"]
        return (
            envelope["type"] in self.events
            and self.under in envelope["stream"]
            and all(data.get(name) == value for name, value in self.data.items())
        )


class Topic(NamedTuple):
    """Figures that a reader looks at together; `name` is their key in JSON."""

    name: str
    zh: str
    en: str
    figures: tuple[Figure, ...]


TOPICS: Final = (
    Topic(
        "families",
        "家庭",
        "families",
        (
            Figure("signatures", "签署", "signatures", ("ConsentSigned",)),
            Figure("confirmed", "冷静期后确认", "confirmed after cooling-off", ("ConsentConfirmed",)),
            Figure("withdrawn_early", "冷静期内撤回", "withdrawn in it", ("ConsentWithdrawn",), {"late": False}),
            Figure("withdrawn_late", "其后撤回", "withdrawn later", ("ConsentWithdrawn",), {"late": True}),
            Figure("refused", "不同意", "refused", ("ConsentRefused",)),
            Figure("reported", "他人报告撤回", "withdrawals reported", ("WithdrawalReported",)),
            Figure("callbacks", "县局回访", "call-backs", ("CallbackMade", "CallbackUnreachable")),
            Figure(
                "disagreements",
                "监护人意见不一",
                "guardians disagreed",
                ("ConsentSuspended",),
                {"reason": SuspensionReason.GUARDIANS_DISAGREE.value},
            ),
            Figure("under_14", "未满14周岁另行同意", "agreed to data under 14", ("DataConsentGiven",)),
            Figure("no_shows", "未报到", "no-shows", ("NoShow",)),
        ),
    ),
    Topic(
        "attendance",
        "出勤与控辍",
        "attendance and dropout",
        (
            Figure("reports", "日报", "daily reports", ("DailyReportFiled", "ZeroReportFiled")),
            Figure("late", "迟报", "late", ("ReportFiledLate",)),
            Figure("missed", "漏报", "missed", ("ReportMissed",)),
            Figure("cases", "疑似辍学", "suspected dropout", ("DropoutCaseOpened",)),
            Figure("returned", "返校", "returned", ("ReturnedToSchool",), under="/dropout/"),
            Figure("closed", "销号", "closed", ("ItemClosed",), under="/dropout/"),
            Figure(
                "not_returned", "个案随学年终止", "ended with the year", ("CaseEndedWithTheYear",), under="/dropout/"
            ),
        ),
    ),
    Topic(
        "care",
        "包保与责任书",
        "care and letters",
        (
            Figure("partitions", "划分班级", "partitions of classes", ("StudentsPartitioned",)),
            Figure("letters", "责任书", "letters signed", ("ResponsibilityLetterSigned",)),
        ),
    ),
    Topic(
        "targets",
        "指标",
        "targets",
        (
            Figure("revised", "调整", "revised", ("TargetRevised",)),
            Figure("approved", "批准", "approved", ("TargetsApproved",)),
            Figure("acknowledged", "确认收到", "acknowledged", ("TargetAcknowledged",)),
            Figure("objections", "异议", "objections", ("TargetObjected",)),
        ),
    ),
    Topic(
        "policy",
        "政策口径",
        "policy",
        (
            Figure("announced", "公布新版本", "versions announced", ("PolicyChangeAnnounced",)),
            Figure("adopted", "采用的事件流", "streams that adopted it", ("PolicyAdopted",)),
        ),
    ),
    Topic(
        "compliance",
        "合规",
        "compliance",
        (
            Figure("cases", "案件", "cases", ("CaseOpened",)),
            Figure("holds", "冻结", "holds placed", ("HoldPlaced",), under="/compliance/"),
            Figure("released", "解除冻结", "released", ("HoldReleased",), under="/compliance/"),
            Figure("violations", "查实违规", "violations found", ("ViolationConfirmed",), under="/compliance/"),
        ),
    ),
)


async def topics(ledger: Ledger, campaign: str) -> Totals:
    """Return the figures of every topic over all streams of a campaign."""
    found: Counter[tuple[str, str]] = Counter()
    by_type: dict[str, list[tuple[str, Figure]]] = {}
    for topic in TOPICS:
        for figure in topic.figures:
            for event in figure.events:
                by_type.setdefault(event, []).append((topic.name, figure))
    for stream in await ledger.streams(campaign):
        async for envelope in ledger.events(stream):
            for topic_name, figure in by_type.get(envelope["type"], ()):
                found[topic_name, figure.name] += figure.counts(envelope)
    return {topic.name: {figure.name: found[topic.name, figure.name] for figure in topic.figures} for topic in TOPICS}


def readable(totals: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a label and a line for each topic."""
    return [
        (
            say(topic.zh, topic.en),
            say("，", ", ").join(f"{say(one.zh, one.en)} {totals[topic.name][one.name]}" for one in topic.figures),
        )
        for topic in TOPICS
    ]
