"""INV-14 on the year's end: green where a pupil who never came back is on record as that, red where the case is not."""

from __future__ import annotations

from datetime import date
from itertools import chain

import pytest
from audit_log_tools import broken_copy, by, change, find, more, move, without
from stream_samples import CAMPAIGN, GRADE, HEAD, OFFICER, PRINCIPAL, SCHOOL, A, running_county
from watch_courses import REGISTRAR, VISITORS, report, watched_county

from audit.invariants import check_log
from audit.invariants.log import Log, name_of
from domain import dropout_events as dropout

CASE = f"{CAMPAIGN}/{SCHOOL}/dropout/{A}"
END = "CaseEndedWithTheYear"
LATER = "2026-07-20 08:00"


def year(*, back=False, left=False):
    """Return the streams of a closed year whose pupil never came back, came back unconfirmed, or left the register."""
    county = watched_county()
    own, case = f"{SCHOOL}/attendance", f"{SCHOOL}/dropout/{A}"
    for day in ("2025-11-03", "2025-11-04", "2025-11-05"):
        county.to(f"{day} 15:00")
        report(county[own], day, A, who=GRADE)
        county.settle()
    county.to("2025-11-06 10:00")
    visit = {"n": 1, "on": "2025-11-06", "visitors": VISITORS, "outcome": "NOT_WILLING_YET"}
    county.do(case, "record_persuasion", HEAD, **visit)
    county.do(case, "file_written_report", PRINCIPAL, document="KC-1", on="2025-11-06")
    if back:
        county.do(case, "record_return", HEAD, on="2025-11-06", evidence="SEEN")
    if left:
        county.do(SCHOOL, "record_exits", REGISTRAR, rows=[{"student": A, "exit": "transfer", "on": "2025-11-06"}])
    county.to("2026-07-16 08:00")
    for kind in ("stop", "close_campaign"):
        county.do("", kind, OFFICER, reason="YEAR_OVER")
    assert county.campaign.state.status == "archived"
    return {name: list(stream.ledger) for name, stream in county.streams.items()}


@pytest.fixture(scope="module")
def gone():
    """A year with a pupil who never came back."""
    return year()


def named(streams):
    """Return the events that INV-13 and INV-14 name."""
    checked = check_log(Log(CAMPAIGN, streams), only=("INV-13", "INV-14")).checked
    return [name_of(found.event) for found in chain.from_iterable(one.found for one in checked)]


@pytest.mark.parametrize("course", [{}, {"back": True}, {"left": True}])
def test_an_honest_end_breaks_nothing(course):
    """Never back, back and unconfirmed, left the register: each is on record as what it was."""
    streams = year(**course)
    assert find(streams, "SchoolClosed")
    assert named(streams) == []


def stream_gone(streams):
    """The whole case is not there any more."""
    del streams[CASE]
    return find(streams, "DropoutCaseOpened")


BREAKS = {
    "the case vanishes with its end": without(END, "DropoutCaseOpened"),
    "the case was never begun": stream_gone,
    "ended before the time for a proof was over": move(END, "2026-07-14 20:00"),
    "less time for a proof than to the last day": change(END, proof_until="2026-06-30"),
    "not back is called unconfirmed": change(END, ending="UNCONFIRMED"),
    "a report that nobody filed is called done": without("WrittenReportFiled", END),
    "a visit that nobody made is called done": without("PersuasionAttempted", END),
    "what is not done is left out": change(END, undone=["RETURN_ORDER"]),
    "called done and undone": change(END, undone=["WRITTEN_REPORT", "CONFIRMATION", "RETURN_ORDER"]),
    "a return is on record": more(
        CASE, dropout.ReturnedToSchool(on=date(2025, 11, 6), evidence="SEEN"), LATER, REGISTRAR
    ),
}


@pytest.mark.parametrize("told", BREAKS)
def test_a_case_without_an_honest_end_is_red(gone, told):
    """One break, one event that shows it."""
    broken, event = broken_copy(gone, BREAKS[told])
    blamed = find(broken, END) if told == "a return is on record" else event
    assert named(broken) == [name_of(blamed)]


@pytest.mark.parametrize("ending", ["NOT_RETURNED", "UNCONFIRMED", "LEFT_REGISTER", "RETURNED"])
def test_a_closing_is_none_without_its_proof(gone, ending):
    """A closing says that the pupil is taught or lawfully gone: nothing else can be closed."""
    broken, event = broken_copy(gone, more(CASE, dropout.ItemClosed(ending=ending, days_present=0), LATER, PRINCIPAL))
    assert named(broken) == [name_of(event)]


@pytest.mark.parametrize(
    "forged",
    [
        change(END, ending="UNCONFIRMED"),
        more(CASE, dropout.ItemClosed(ending="RETURNED", days_present=9), LATER, PRINCIPAL),
    ],
)
def test_one_word_of_the_school_is_no_return(forged):
    """R-05: no ten days of reports and nobody of the bureau bear it out, so the pupil counts as lost."""
    broken, event = broken_copy(year(back=True), forged)
    assert named(broken) == [name_of(event)]


def departed(exit_, who, release=3):
    """Return a log of a pupil who left the register a day after the cohort was loaded, without ever being in a case."""
    county = running_county(release=release).to("2025-10-21 09:00")
    row = {"student": A, "exit": exit_, "on": "2025-10-21"}
    county.do(SCHOOL, "record_exits", REGISTRAR, rows=[row])
    streams = {name: list(stream.ledger) for name, stream in county.streams.items()}
    return broken_copy(streams, by("LeftRegister", who))


def test_a_departure_in_a_case_is_the_register_offices():
    """R-05: else the school would take a pupil out of its losses alone."""
    broken, event = broken_copy(year(left=True), by("LeftRegister", HEAD))
    assert named(broken) == [name_of(event)]


@pytest.mark.parametrize("kind", ["transfer", "abroad"])
@pytest.mark.parametrize("who", [HEAD, PRINCIPAL, OFFICER])
def test_a_departure_without_a_case_is_the_register_offices_too(kind, who):
    """R-05, INV-14: else a pupil who is away for two days leaves without a word, and is in no case and not lost."""
    broken, event = departed(kind, who)
    assert named(broken) == [name_of(event)]


@pytest.mark.parametrize(
    ("kind", "who", "release"),
    [("transfer", REGISTRAR, 3), ("abroad", REGISTRAR, 3), ("death", HEAD, 3), ("transfer", HEAD, 2)],
)
def test_a_departure_that_the_rules_of_its_release_allow_breaks_nothing(kind, who, release):
    """The register office's, a death that the school tells of, and a school's of a time that knew no other way."""
    broken, _ = departed(kind, who, release)
    assert named(broken) == []


def test_a_departure_is_proven_by_the_schools_register():
    """Without the school's word the case has only vanished."""
    streams = year(left=True)
    broken, event = broken_copy(streams, without("LeftRegister", "ItemClosed"))
    assert name_of(event) in named(broken)
