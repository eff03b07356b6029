"""A family that asks to be called on a day is on the work list with that day (FEATURES S10)."""

from __future__ import annotations

import pytest
from filing_families import NOTICE, Filing, contact
from stream_samples import HEAD, SCHOOL, A, B

from domain.stage_state import DatedTodo


def offered(**changes):
    """Return an open stage in which two families have the notice."""
    stage = Filing(**changes)
    stage.to("2026-05-11 08:00").do("offer_notice", HEAD, document=NOTICE, students=[A, B])
    return stage.to("2026-05-12 20:00")


def work(stage):
    """Return pupil → day of the work list, None without one."""
    return {todo.student: getattr(todo, "on", None) and todo.on.isoformat() for todo in stage.decider.work(stage.state)}


def called(outcome="call_back", **more):
    """Return a call to the first family."""
    return {**contact(A, more.pop("at", "2026-05-12 18:00"), outcome), **more}


def test_the_day_that_a_family_asked_for_stands_until_the_next_contact():
    """It is shown, it may be moved, and it goes when nobody answers then or the family acts."""
    stage = offered()
    stage.rows("record_contacts", HEAD, called(again_on="2026-05-20"))
    assert (work(stage)[A], work(stage)[B]) == ("2026-05-20", None)
    assert isinstance(next(todo for todo in stage.decider.work(stage.state) if todo.student == A), DatedTodo)
    assert stage.last("FamilyContacted")["data"]["again_on"] == "2026-05-20"
    stage.to("2026-05-20 20:00").rows("record_contacts", HEAD, called(at="2026-05-20 10:00", again_on="2026-05-25"))
    assert work(stage)[A] == "2026-05-25"
    stage.does(A, "guardian", "intent", intent="UNDECIDED")
    assert A not in work(stage)
    assert stage.case(A).call_back_on is None
    stage.consistent()


def test_a_contact_without_an_answer_ends_the_plan():
    """The next line of the list has no day of its own any more."""
    stage = offered()
    stage.rows("record_contacts", HEAD, called(again_on="2026-05-13"))
    stage.to("2026-05-13 20:00").rows("record_contacts", HEAD, called("no_answer", at="2026-05-13 10:00"))
    assert work(stage)[A] is None


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (called(again_on="2026-05-12"), "CALL_BACK_DAY_NOT_POSSIBLE"),
        (called(again_on="2026-05-11"), "CALL_BACK_DAY_NOT_POSSIBLE"),
        (called("no_answer", again_on="2026-05-20"), "CALL_BACK_DAY_NOT_POSSIBLE"),
        (called("reached", again_on="2026-05-20"), "CALL_BACK_DAY_NOT_POSSIBLE"),
    ],
)
def test_a_day_goes_only_with_a_call_back_and_is_a_later_one(row, code):
    """Whoever was reached, or did not answer, has agreed on nothing."""
    assert offered().bad_rows("record_contacts", HEAD, row) == [code]


def test_a_stage_of_an_older_release_has_no_such_day():
    """Its events stay as they were."""
    stage = offered(content={"release": 2})
    assert stage.bad_rows("record_contacts", HEAD, called(again_on="2026-05-20")) == ["CALL_BACK_DAY_NOT_POSSIBLE"]
    stage.rows("record_contacts", HEAD, called())
    assert "again_on" not in stage.last("FamilyContacted")["data"]
    assert SCHOOL in stage.last("FamilyContacted")["stream"]
