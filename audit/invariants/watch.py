"""No child disappears: the daily count, dropout cases, and the figures made from them (DOMAIN §7.3 A, R-13, R-15)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from audit.invariants.endings import closings, departures, ends_of_the_year, never_ended
from audit.invariants.log import Log, at, day, recorded
from audit.invariants.rule import Found, invariant
from domain.events import Envelope

ATTENDANCE: Final = "attendance"
EXPLAINS_NOTHING: Final = ("AT_WORK", "AT_RECRUITER")
REPORTS: Final = ("DailyReportFiled", "ZeroReportFiled", "ReportCorrected")
PASSED_ON_WITHIN: Final = timedelta(days=1)


@invariant(
    "INV-13",
    ("毕业前考勤责任不变", "attendance is owed until graduation"),
    (
        "无论升学去向如何，毕业之前生源学校的考勤责任不变；打工、被招走不是缺勤理由。",
        (
            "Whatever a pupil's destination, the sending school's duty stays until graduation; work and "
            "recruiters explain no absence."
        ),
    ),
    source="DOMAIN §8.2 INV-13; §7.3 A; Law on the Protection of Minors art. 28 [P13], in force 2021-06-01",
    remedy=(
        "请恢复该生的考勤并查明下落。",
        "Take the pupil up in the attendance again, and find out where the pupil is.",
    ),
    valid_from=date(2021, 6, 1),
)
def attendance_until_graduation(log: Log) -> Iterator[Found]:
    """Yield pupils who left the attendance without leaving the register, early ends, and reasons that are none."""
    for stream, events in log.by_stream("AttendanceLeft", "AttendanceEnded", "AbsenceExplained", kind=ATTENDANCE):
        left = [event["data"]["student"] for event in log.own(stream.rpartition("/")[0], "LeftRegister")]
        started = log.own(stream, "AttendanceStarted")
        for event in events:
            data = event["data"]
            if event["type"] == "AttendanceLeft" and data["student"] not in left:
                yield Found(
                    event, "该生没有离开名册，却退出了考勤。", "The pupil left the attendance, not the register."
                )
            elif event["type"] == "AttendanceEnded" and started and at(event).date() <= day(started[0]["data"]["last"]):
                yield Found(event, "考勤在最后一日之前结束。", "The attendance ended before its last day.")
            elif event["type"] == "AbsenceExplained" and data["reason"] in EXPLAINS_NOTHING:
                yield Found(event, "打工或被招走被当作缺勤理由。", "Work, or a recruiter, was taken for a reason.")


@dataclass
class _Register:
    """A school's register by day, and who is in a dropout case."""

    classes: dict[str, str] = field(default_factory=dict)
    joined: dict[str, date] = field(default_factory=dict)
    left: dict[str, date] = field(default_factory=dict)
    absent: dict[str, dict[date, None]] = field(default_factory=dict)
    spells: dict[str, list[tuple[date, date | None]]] = field(default_factory=dict)

    def expected(self, class_id: str, on: date) -> int:
        """Return how many pupils a day's report has to account for in a class."""
        return sum(
            own == class_id and self._there(student, on) and not self._in_case(student, on)
            for student, own in self.classes.items()
        )

    def _there(self, student: str, on: date) -> bool:
        left, joined = self.left.get(student), self.joined.get(student)
        return (left is None or on < left) and (joined is None or joined <= on)

    def _in_case(self, student: str, on: date) -> bool:
        return any(since < on and (until is None or on < until) for since, until in self.spells.get(student, ()))

    def take(self, event: Envelope) -> None:
        """Follow one event that is no report."""
        data = event["data"]
        student = data.get("student", "")
        match event["type"]:
            case "AttendanceStarted":
                self.classes = {one: class_id for class_id, pupils in data["classes"].items() for one in pupils}
            case "AttendanceJoined":
                self.classes[student], self.joined[student] = data["class_id"], day(data["on"])
                self.left.pop(student, None)
                if self.spells.get(student, [(None, day(data["on"]))])[-1][1] is None:
                    self._back(student, day(data["on"]))
            case "AttendanceLeft":
                self.left[student] = day(data["on"])
            case "AbsenceNoted":
                self.absent.setdefault(student, {})[day(data["day"])] = None
            case "AbsenceExplained":
                self.absent.get(student, {}).pop(day(data["day"]), None)
            case "SuspectedDropout":
                known = [one for one in self.absent.get(student, {}) if one <= recorded(event).date()]
                since = max(known, default=day(data["since"]))
                self.spells.setdefault(student, []).append((since, None))
            case "PupilReappeared":
                self._back(student, day(data["on"]))
            case "CaseStandingNoted" if data["status"] == "returned":
                self._back(student, day(data["on"]))

    def report(self, event: Envelope) -> None:
        """Forget whom a report does not name; the events after it name those who were absent."""
        on = day(event["data"]["day"])
        classes = [row["class_id"] for row in event["data"]["rows"]]
        for student, days in self.absent.items():
            if self.classes.get(student) in classes:
                days.pop(on, None)

    def _back(self, student: str, on: date) -> None:
        spells = self.spells.get(student)
        if spells:
            spells[-1] = (spells[-1][0], on)
        for one in [one for one in self.absent.get(student, {}) if one >= on]:
            self.absent[student].pop(one)


@invariant(
    "INV-14",
    ("没有人无声消失", "nobody disappears silently"),
    (
        (
            "每个上学日：在校 + 请假 + 无故缺勤 + 辍学个案 = 名册人数；疑似辍学必有个案，个案须有依据才能销号；"
            "学年末未返校的，写明未办事项而终止；转学、出国由学籍办登记。"
        ),
        (
            "On every school day present + on leave + absent without a reason + in a dropout case = the register; a "
            "suspicion always opens a case, and a case ends only with its proof, or with the year and what was left "
            "undone. Who moves away leaves by the register office's record."
        ),
    ),
    source="DOMAIN §8.2 INV-14; §8.1 R-15; Law on the Protection of Minors art. 28 [P13], in force 2021-06-01",
    remedy=("请逐名核对，当日查明下落。", "Compare name by name, and find out the same day where the pupil is."),
    valid_from=date(2021, 6, 1),
)
def nobody_disappears(log: Log) -> Iterator[Found]:
    """Yield reports that do not add up, suspicions without a case, and departures and ends of cases without proof."""
    types = ("AttendanceStarted", "AttendanceJoined", "AttendanceLeft", "AbsenceNoted", "AbsenceExplained")
    more = ("SuspectedDropout", "PupilReappeared", "CaseStandingNoted")
    for stream, events in log.by_stream(*types, *more, *REPORTS, kind=ATTENDANCE):
        register = _Register()
        for event in events:
            if event["type"] not in REPORTS:
                register.take(event)
                continue
            on = day(event["data"]["day"])
            for row in event["data"]["rows"]:
                told = row["present"] + row["on_leave"] + len(row["unexplained"])
                if told != register.expected(row["class_id"], on):
                    yield Found(
                        event,
                        f"{row['class_id']} 班报 {told} 人，名册应有 {register.expected(row['class_id'], on)} 人。",
                        f"Class {row['class_id']} tells of {told}, the register of "
                        f"{register.expected(row['class_id'], on)}.",
                    )
            register.report(event)
        yield from _without_case(log, stream)
    yield from departures(log)
    yield from closings(log)
    yield from ends_of_the_year(log)
    yield from never_ended(log)


def _without_case(log: Log, stream: str) -> Iterator[Found]:
    """Yield suspicions that the school's own stream has had time to take up, and has not."""
    school = stream.rpartition("/")[0]
    opened = [event["data"]["student"] for event in log.own(school, "DropoutCaseOpened", "SuspicionPassedOn")]
    own = log.streams.get(school, ())
    for event in log.own(stream, "SuspectedDropout"):
        later = own and recorded(own[-1]) > recorded(event) + PASSED_ON_WITHIN
        if later and event["data"]["student"] not in opened:
            yield Found(event, "疑似辍学没有立案。", "A suspected dropout, and no case was opened.")


@invariant(
    "INV-15",
    ("零报告不是缺报", "a zero report is a statement"),
    (
        "零报告是“全员在校”的签字陈述，缺报不是零报告；与考勤矛盾的零报告须标记。",
        (
            "A zero report says that everybody was there; a missing report says nothing. One that the attendance "
            "contradicts is flagged."
        ),
    ),
    source="DOMAIN §8.2 INV-15; §8.1 R-13; edge case 28; 2024-04 notice on regular reports [P31]",
    remedy=("请更正当日报告并标记。", "Correct the report of that day, and flag it."),
)
def zero_is_a_statement(log: Log) -> Iterator[Found]:
    """Yield zero reports with absences, days both filed and missed, and contradictions that nobody flagged."""
    for _, events in log.by_stream(*REPORTS, "ReportMissed", "ZeroReportContradicted", kind=ATTENDANCE):
        zero: dict[str, None] = {}
        filed: dict[str, None] = {}
        waiting: dict[str, Envelope] = {}
        for event in events:
            data = event["data"]
            match event["type"]:
                case "ReportMissed":
                    if data["day"] in filed:
                        yield Found(event, "当日已有报告，却记为缺报。", "The day has a report, and is called missed.")
                case "ZeroReportContradicted":
                    waiting.pop(data["day"], None)
                case "ReportCorrected":
                    if data["day"] in zero and any(row["unexplained"] for row in data["rows"]):
                        waiting[data["day"]] = event
                        zero.pop(data["day"])
                case kind:
                    filed[data["day"]] = None
                    if kind == "ZeroReportFiled":
                        zero[data["day"]] = None
                        if any(row["unexplained"] or row["on_leave"] for row in data["rows"]):
                            yield Found(event, "零报告中有缺勤。", "The zero report tells of absences.")
        for event in waiting.values():
            yield Found(event, "零报告与考勤矛盾而未标记。", "A contradicted zero report was not flagged.")


@invariant(
    "INV-34",
    ("报表数字等于记录", "reports say what the record says"),
    (
        "周报、月报的数字由日报算出：已报、按时、缺报之数与记录一致。",
        "A weekly or monthly report says of the daily ones what the record says: filed, in time, missed.",
    ),
    source="DOMAIN §8.2 INV-34; §8.1 R-13; §7.6",
    remedy=("请以新版本更正报表。", "Correct the report by a new version."),
    rest=(
        "导出文件中的数字由 tests/audit/test_audit_returns.py 核对。",
        "The figures of exported files: tests/audit/test_audit_returns.py.",
    ),
)
def figures_are_the_records(log: Log) -> Iterator[Found]:
    """Yield periodic reports whose counts of daily reports differ from the record's."""
    daily = ("DailyReportFiled", "ZeroReportFiled", "ReportMissed")
    for _, events in log.by_stream(*daily, "WeeklyReportFiled", "MonthlyReportFiled", kind=ATTENDANCE):
        filed: dict[date, bool] = {}
        missed: dict[date, None] = {}
        for event in events:
            data: dict[str, Any] = event["data"]
            if event["type"] == "ReportMissed":
                missed[day(data["day"])] = None
            elif event["type"] in daily:
                filed[day(data["day"])] = data["on_time"]
                missed.pop(day(data["day"]), None)
            else:
                own = [on_time for on, on_time in filed.items() if _within(data["period"], on)]
                lost = sum(_within(data["period"], on) for on in missed)
                real = {"filed": len(own), "in_time": sum(own), "missed": lost, "due": len(own) + lost}
                if any(data["figures"].get(name) != count for name, count in real.items()):
                    yield Found(event, "报表数字与日报不符。", "The figures are not those of the daily reports.")


def _within(period: str, on: date) -> bool:
    year, week, _ = on.isocalendar()
    return period in (f"{year}-W{week:02}", f"{on:%Y-%m}")
