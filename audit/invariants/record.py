"""The record itself: known types, no personal data, an unbroken chain, each command once, exact times (DESIGN §3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from audit.invariants.families import FAMILY_EVENTS
from audit.invariants.log import Log
from audit.invariants.rule import Found, invariant
from domain.deciders import decider_of
from domain.events import GENESIS, CommandRefused, PolicyAdopted, SignalRefused
from domain.stream import UnknownEventError

EXACT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}\+08:00")
GIVES_UP_THE_EXAM: Final = re.compile(r"exam.*(waiv|given|give|abandon|renounc|declin|refus|quit)", re.IGNORECASE)
SHARED: Final = tuple(one.__name__ for one in (CommandRefused, SignalRefused, PolicyAdopted))


@invariant(
    "INV-03",
    ("考试权不可放弃", "the examination cannot be given up"),
    (
        "没有任何事件类型表示放弃中考；记录中只有已知的事件类型。",
        "No type of event says that somebody gives up the examination, and the record holds known types only.",
    ),
    source="DOMAIN §8.2 INV-03; §0.4; Shandong 2019 emergency notice [P8]",
    remedy=(
        "请查明该事件的来历；学生照常参加考试。",
        "Find out where the event came from; the pupil sits the examination.",
    ),
    rest=(
        "考试报名人数与名册的核对：tests/domain/test_compliance_exam_right.py（报名不由本系统记录）。",
        (
            "Registrations for the examination are not recorded here; free texts that read like a waiver open a case: "
            "tests/domain/test_compliance_exam_right.py."
        ),
    ),
)
def exam_stays(log: Log) -> Iterator[Found]:
    """Yield events of a type that no stream of that kind has, or that speaks of giving up the examination."""
    for stream, events in log.streams.items():
        try:
            known = dict.fromkeys((*(one.__name__ for one in decider_of(stream).event_types), *SHARED))
        except UnknownEventError:
            known = {}
        for event in events:
            if event["type"] not in known or GIVES_UP_THE_EXAM.search(event["type"]):
                yield Found(
                    event, f"未知的事件类型 {event['type']}。", f"The type {event['type']} is none of this stream's."
                )


@invariant(
    "INV-22",
    ("事件中没有个人信息", "no personal data in events"),
    (
        "事件中没有身份证号、电话、邮箱和姓名，只有随机编号。",
        "No event holds a resident's number, a telephone number, an e-mail address or a name: references only.",
    ),
    source="DOMAIN §8.2 INV-22; DESIGN §8; PIPL art. 28 [P16]",
    remedy=(
        "请立即限制该记录的访问，报个人信息保护负责人，并从源头更正。",
        "Restrict the record at once, tell who answers for data protection, and correct it at its source.",
    ),
    rest=(
        "日志、指标、工作流编号、错误文本由埋入的假数据检查：tests/workflows 与 tests/house。",
        "Logs, metrics, workflow ids and error texts are searched for planted values: tests/workflows, tests/house.",
    ),
)
def no_personal_data(log: Log) -> Iterator[Found]:
    """Yield events with a value that looks like a person's number, address or name; the value is not repeated."""
    for odd in log.odd:
        if not odd.is_float:
            yield Found(
                odd.event, f"字段 {odd.field} 疑似含有个人信息。", f"The field {odd.field} looks like personal data."
            )


@invariant(
    "INV-26",
    ("事件只增不改，环环相扣", "append only, chained"),
    (
        "每条流的版本号连续，每个事件记有前一事件的哈希。",
        "The versions of a stream follow each other without a gap, and each event names the hash of the one before.",
    ),
    source="DOMAIN §8.2 INV-26; DESIGN §3",
    remedy=("请用 audit replay 查明何处被改动。", "Find the place with `audit replay`."),
    rest=(
        "哈希重算、与历史逐字核对、投影重建由 audit replay 完成：tests/audit/test_audit_tamper.py。",
        "Hashes computed anew, histories and projections compared: `audit replay`, tests/audit/test_audit_tamper.py.",
    ),
)
def append_only(log: Log) -> Iterator[Found]:
    """Yield events that do not follow the one before them."""
    for stream, events in log.streams.items():
        before = GENESIS
        for number, event in enumerate(events, 1):
            if event["version"] != number or event["prev_hash"] != before or event["stream"] != stream:
                yield Found(event, "与前一事件不衔接。", "It does not follow the event before.")
                break
            before = event["hash"]


@invariant(
    "INV-27",
    ("同一命令只生效一次", "each command takes effect once"),
    (
        "同一命令编号、同一家庭行为只生效一次；每个渠道每一天的通知流水只入账一次。",
        (
            "A command, by its id, an act of a family, and a channel's day of notices take effect once, however often "
            "they are sent."
        ),
    ),
    source="DOMAIN §8.2 INV-27; DESIGN §3",
    remedy=("请用更正命令撤去重复的一次。", "Take the second effect back by a correction."),
    rest=(
        "重复的信号与重试不重复发送：tests/workflows 与 tests/ledger。",
        "That a repeated signal or a retried activity sends nothing twice: tests/workflows and tests/ledger.",
    ),
)
def each_command_once(log: Log) -> Iterator[Found]:
    """Yield events of a command that had had its effect before, acts of families taken twice, days settled twice."""
    yield from _days_twice(log)
    acts: dict[str, None] = {}  # of all streams: an act is a family's, wherever it is sent
    for events in log.streams.values():
        done: dict[str, None] = {}
        current: str | None = None
        written = ""
        for event in events:
            command = event["command_id"]
            again = command is not None and event["recorded_at"] != written  # one command is written at one instant
            written = event["recorded_at"]
            if command != current or again:
                if command is not None and command in done:
                    yield Found(event, "该命令此前已经生效。", "This command has had its effect before.")
                if command is not None:
                    done[command] = None
                current = command
            if event["type"] in FAMILY_EVENTS:
                key = f"{event['type']} {event['data']['act']}"
                if key in acts:
                    yield Found(event, "该家庭行为已被取用过。", "This act of the family was taken before.")
                acts[key] = None


def _days_twice(log: Log) -> Iterator[Found]:
    """Yield days of a channel's notices that do not come after the one settled before (decision 0021)."""
    last: dict[str, str] = {}
    for event in log.own(log.campaign, "NoticesSettled"):
        channel, day = event["data"]["channel"], event["data"]["day"]
        if day <= last.get(channel, ""):
            yield Found(event, "该渠道这一天的流水此前已入账。", "This day of the channel was settled before.")
        last[channel] = day


@invariant(
    "INV-28",
    ("时间与数字精确", "exact times and numbers"),
    (
        "时间一律写作北京时间（+08:00，毫秒），记录时间不倒退；数字没有浮点数。",
        (
            "Times are written in the county's time (+08:00, milliseconds), what is recorded later stands "
            "later, and no number is a float."
        ),
    ),
    source="DOMAIN §8.2 INV-28; DESIGN §3",
    remedy=("请查明写入该事件的程序。", "Find the program that wrote the event."),
)
def exact_times(log: Log) -> Iterator[Found]:
    """Yield times in another form, recorded times that go back, and floats."""
    for events in log.streams.values():
        before = None
        for event in events:
            if not (EXACT.fullmatch(event["occurred_at"]) and EXACT.fullmatch(event["recorded_at"])):
                yield Found(event, "时间的写法不符。", "A time is written in another form.")
                continue
            if before is not None and event["recorded_at"] < before:
                yield Found(event, "记录时间早于前一事件。", "Recorded before the event that it follows.")
            before = event["recorded_at"]
    for odd in log.odd:
        if odd.is_float:
            yield Found(odd.event, f"字段 {odd.field} 是浮点数。", f"The field {odd.field} is a float.")
