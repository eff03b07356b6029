"""How dropout cases end, as INV-14 looks at it: with proof, or with the year and what was not done (R-05, R-15)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from audit.invariants.log import Log, at, day, recorded
from audit.invariants.rule import Found
from domain.events import Envelope

PROOF: Final = {
    "RETURNED": "ReturnedToSchool",
    "ELSEWHERE": "ElsewhereVerified",
    "HOME_TEACHING": "HomeTeachingStarted",
}
"""How a case is closed → the event that proves it; a departure is proven by the school's register."""

GIVEN: Final = {
    "VISIT": "PersuasionAttempted",
    "WRITTEN_REPORT": "WrittenReportFiled",
    "CONFIRMATION": "DropoutConfirmed",
    "RETURN_ORDER": "ReturnOrderServed",
}
"""What is owed while a pupil is away → the event that says that it was done."""

REGISTER: Final = "register_officer"
BUREAU: Final = ("bureau_officer", REGISTER)
"""Roles outside the school."""

DEATH: Final = "death"
"""The departure that stops everything at once, whoever tells of it."""

REGISTER_SINCE: Final = 3
"""The release from which every other departure is the register office's to record."""

OPENED_WITHIN: Final = timedelta(days=1)


def closings(log: Log) -> Iterator[Found]:
    """Yield closings (销号) without their proof on record."""
    for stream, events in log.by_stream("ItemClosed", kind="dropout"):
        for event in events:
            ending = event["data"]["ending"]
            if ending == "LEFT_REGISTER":
                school, student = stream.rsplit("/", 2)[0], _student(log, stream)
                proven = any(one["data"]["student"] == student for one in log.own(school, "LeftRegister"))
            else:
                proven = ending in PROOF and bool(log.own(stream, PROOF[ending]))
            if not proven:
                yield Found(event, "销号没有依据。", "The case ended, and its proof is not on record.")
            elif ending == "RETURNED" and not (_by_bureau(event) or _enough(log, event, event["data"]["days_present"])):
                yield Found(
                    event,
                    "返校天数不足，学校不能自行销号。",
                    "The school closed the case before the pupil was back for the days that it takes.",
                )


def departures(log: Log) -> Iterator[Found]:
    """Yield departures that the register office did not record, with or without a dropout case (R-05)."""
    if log.release < REGISTER_SINCE:
        return
    for event in log.of("LeftRegister"):
        if event["data"]["exit"] != DEATH and event["actor"]["role"] != REGISTER:
            yield Found(
                event,
                "转学或出国不是由学籍办登记的。",
                "A transfer or a move abroad that the register office did not record.",
            )


def ends_of_the_year(log: Log) -> Iterator[Found]:
    """Yield cases that ended with the year too early, as what they were not, or without naming what was not done."""
    for stream, events in log.by_stream("CaseEndedWithTheYear", kind="dropout"):
        started = log.own(stream, "DropoutCaseStarted")
        for event in events:
            data, until = event["data"], day(event["data"]["proof_until"])
            if at(event).date() <= until or (started and until <= day(started[0]["data"]["last"])):
                yield Found(
                    event,
                    "个案在最后举证期限之前终止。",
                    "The case ended before the time for the last proof was over.",
                )
            away = _away(log, stream)
            if not _ended_as_it_was(log, stream, event, away=away):
                yield Found(event, "个案的结局与记录不符。", "The case ended as what the record does not say.")
            elif any(_wrong(data, service, given) for service, given in _given(log, stream, away=away).items()):
                yield Found(
                    event,
                    "个案终止时所写的已办、未办事项与记录不符。",
                    "What the end says was done, or left undone, is not what the record says.",
                )


def never_ended(log: Log) -> Iterator[Found]:
    """Yield cases that the school opened and that then vanished: never begun, or without an end in a closed school."""
    for school, opened in log.by_stream("DropoutCaseOpened", kind="school"):
        last, closed = recorded(log.streams[school][-1]), log.own(school, "SchoolClosed")
        for event in opened:
            student, episode = event["data"]["student"], event["data"]["episode"]
            stream = f"{school}/dropout/{student}" + (f"-{episode}" if episode > 1 else "")
            if not log.own(stream, "DropoutCaseStarted"):
                if last > recorded(event) + OPENED_WITHIN:
                    yield Found(event, "已立个案，却没有该个案的记录。", "A case was opened, and there is none.")
            elif closed and not log.own(stream, "ItemClosed", "CaseEndedWithTheYear"):
                yield Found(
                    event,
                    "学校已结束，该个案却没有结局。",
                    "The school's year is closed, and the case has no end on record.",
                )


def _student(log: Log, stream: str) -> str | None:
    started = log.own(stream, "DropoutCaseStarted")
    return started[0]["data"]["student"] if started else None


def _away(log: Log, stream: str) -> bool:
    """Tell whether the record leaves the pupil away: no proof, or a suspicion after the last one."""
    stood = log.own(stream, *PROOF.values(), "SuspicionRenewed")
    return not stood or stood[-1]["type"] == "SuspicionRenewed"


def _ended_as_it_was(log: Log, stream: str, event: Envelope, *, away: bool) -> bool:
    """Tell whether an end is what the record bears out: one word of the school's alone is no return (R-05, INV-21)."""
    if away:
        return bool(event["data"]["ending"] == "NOT_RETURNED")
    proof = log.own(stream, *PROOF.values())[-1]
    if event["data"]["ending"] == "NOT_RETURNED":
        return not _by_bureau(proof)
    return _by_bureau(proof) or _reported_there(log, stream, proof)


def _reported_there(log: Log, stream: str, proof: Envelope) -> bool:
    """Tell whether daily reports had the pupil there for long enough since the return, and since a later absence."""
    if proof["type"] != PROOF["RETURNED"]:
        return False
    absent = [day(one["data"]["day"]) for one in log.own(stream, "AbsentAgain") if one["version"] > proof["version"]]
    first = max(day(proof["data"]["on"]), recorded(proof).date(), *(one + timedelta(days=1) for one in absent))
    reports = log.own(f"{stream.rsplit('/', 2)[0]}/attendance", "DailyReportFiled", "ZeroReportFiled")
    days = {on: None for on in (day(one["data"]["day"]) for one in reports) if on >= first}
    return _enough(log, proof, len(days))


def _enough(log: Log, event: Envelope, days: int) -> bool:
    return days >= int(log.parameter(event, "dropout_close_days"))


def _by_bureau(event: Envelope) -> bool:
    return event["actor"]["role"] in BUREAU


def _given(log: Log, stream: str, *, away: bool) -> dict[str, bool]:
    """Return, by service that is owed while a pupil is away, whether it was done about the last absence."""
    begun = log.own(stream, "DropoutCaseStarted", "SuspicionRenewed")
    if not away or not begun:
        return {}
    return {
        service: any(_about(begun[-1], event) for event in log.own(stream, name)) for service, name in GIVEN.items()
    }


def _about(begun: Envelope, event: Envelope) -> bool:
    """Tell whether a service was done about an absence; a visit counts by its day, however late it was recorded."""
    if event["type"] == GIVEN["VISIT"]:
        return day(event["data"]["on"]) >= day(begun["data"]["since"])
    return int(event["version"]) > int(begun["version"])


def _wrong(data: dict[str, list[str]], service: str, given: bool) -> bool:
    return (service in data["done"], service in data["undone"]) != (given, not given)
