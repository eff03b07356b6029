"""Summaries in the school's stream: handed in, compared, flagged, reviewed by another person (R-19)."""

from __future__ import annotations

import json

import pytest
from care_courses import school
from stream_samples import CAMPAIGN, GRADE, HEAD, OFFICER, OTHER_SCHOOL, PRINCIPAL, SCHOOL, STRANGER, person
from test_school import changed

from domain.actors import Role
from domain.policy_parameters import PolicyParameters
from domain.stream import Message
from domain.summaries import comparison

DIGEST = "b" * 64
CLERK = person("clerk", Role.BUREAU_OFFICER, "bureau")


def hand_in(stream, about="year", ref="sum_aaaaaa", who=PRINCIPAL):
    """Hand a summary in."""
    return stream.do("submit_summary", who, about=about, summary=ref, digest=DIGEST, characters=500)


def match(shared, school=OTHER_SCHOOL, ref="sum_earlier", about="year"):
    """Return an earlier summary with so many shingles in common."""
    place = {"campaign": "campaign/qingshan/2025", "school": school, "about": about}
    return {"summary": ref, **place, "shared": shared}


def compared(stream, *matches, shingles=100, ref="sum_aaaaaa", earlier=4):
    """Let the comparison come back as the job's message."""
    job = stream.machine.job()
    assert job is not None
    assert job.message_id == f"job:compare_summary:{ref}"
    data = {"summary": ref, "shingle": 8, "shingles": shingles, "compared": earlier, "matches": list(matches)}
    stream.machine.receive(Message(id=job.message_id, kind=job.name, data=data, at=stream.now))
    stream.machine.tick(stream.now, [job.message_id])
    stream.flush()


@pytest.fixture
def stream():
    """A school of this release."""
    return school(7)


def test_a_summary_asks_for_its_comparison_and_holds_no_text(stream):
    """The job has reference, digest and the policy's length of a shingle; nothing else leaves or stays."""
    hand_in(stream)
    job = stream.machine.job()
    place = {"campaign": CAMPAIGN, "school": SCHOOL, "about": "year"}
    assert job.arguments == {**place, "summary": "sum_aaaaaa", "digest": DIGEST, "shingle": 8}
    assert stream.last("SummarySubmitted")["data"] == {
        "about": "year",
        "summary": "sum_aaaaaa",
        "digest": DIGEST,
        "characters": 500,
        "revision": 1,
    }
    assert stream.machine.view()["summaries"] == {"handed_in": 1, "in_review": 0}


def test_below_the_line_it_is_on_file_and_nobody_need_look(stream):
    """59 of 100 is no flag; the exact numbers stand in the record."""
    hand_in(stream)
    compared(stream, match(59))
    data = stream.last("SummaryCompared")["data"]
    assert (data["shingles"], data["matches"][0]["shared"], data["compared"]) == (100, 59, 4)
    assert "SummarySimilarityFlagged" not in stream.names()
    assert stream.state.summaries["year"].status == "FILED"
    fields = {"about": "year", "summary": "sum_aaaaaa", "outcome": "ACCEPTED", "reason": "SAME_FORM"}
    assert stream.refusal("review_summary", OFFICER, **fields).code == "SUMMARY_NOT_IN_REVIEW"
    stream.restart()
    stream.consistent()


@pytest.mark.parametrize(
    ("matches", "severity", "other"),
    [
        ([match(60)], "HIGH", "sum_earlier"),
        ([match(100, SCHOOL, "sum_ourown")], "LOW", "sum_ourown"),
        ([match(61), match(100, SCHOOL, "sum_ourown")], "HIGH", "sum_earlier"),
        ([match(59), match(60, SCHOOL, "sum_ourown")], "LOW", "sum_ourown"),
    ],
)
def test_at_the_line_it_is_flagged_another_schools_text_before_the_own(stream, matches, severity, other):
    """Exactly 60 of 100 is flagged (R-19); a school's own earlier text is a low flag (DOMAIN §10, question 45)."""
    hand_in(stream)
    compared(stream, *matches)
    data = stream.last("SummarySimilarityFlagged")["data"]
    assert (data["severity"], data["other"], data["least"]) == (severity, other, "3/5")
    assert stream.machine.view()["summaries"] == {"handed_in": 1, "in_review": 1}
    stream.restart()
    stream.consistent()


def test_the_line_and_the_shingle_are_the_policys(stream):
    """Another policy asks for another length and flags at another share."""
    parameters = PolicyParameters(summary_shingle=12, summary_similarity="9/10")
    stream.state.policy = stream.state.policy.model_copy(update={"parameters": parameters})
    hand_in(stream)
    assert stream.machine.job().arguments["shingle"] == 12
    compared(stream, match(89))
    assert stream.state.summaries["year"].status == "FILED"


def test_a_returned_summary_is_written_anew_and_compared_again(stream):
    """Returned with a reason; the next version is a job of its own, and what it is like is looked at afresh."""
    hand_in(stream)
    compared(stream, match(80))
    exists = {"about": "year", "summary": "sum_bbbbbb", "digest": DIGEST, "characters": 5}
    assert stream.refusal("submit_summary", PRINCIPAL, **exists).code == "SUMMARY_EXISTS"
    stream.do("review_summary", OFFICER, about="year", summary="sum_aaaaaa", outcome="RETURNED", reason="COPIED")
    assert comparison(stream.state) is None
    hand_in(stream, ref="sum_bbbbbb")
    assert stream.last("SummarySubmitted")["data"]["revision"] == 2
    stale = {"about": "year", "summary": "sum_aaaaaa", "outcome": "ACCEPTED", "reason": "SAME_FORM"}
    assert stream.refusal("review_summary", OFFICER, **stale).code == "SUMMARY_UNKNOWN"
    compared(stream, match(3), ref="sum_bbbbbb")
    assert stream.state.summaries["year"].status == "FILED"
    assert stream.state.summaries["year"].severity is None


def test_a_summary_that_cannot_be_compared_is_returned_and_keeps_no_school_open(stream):
    """The registry has lost the text: it is not accepted unseen, and a result that comes late changes nothing."""
    hand_in(stream)
    fields = {"about": "year", "summary": "sum_aaaaaa", "reason": "TEXT_LOST"}
    assert stream.refusal("review_summary", OFFICER, **fields, outcome="ACCEPTED").code == "SUMMARY_NOT_IN_REVIEW"
    stream.do("review_summary", OFFICER, **fields, outcome="RETURNED")
    assert stream.machine.job() is None
    data = {"summary": "sum_aaaaaa", "shingle": 8, "shingles": 100, "compared": 4, "matches": [match(100)]}
    stream.give("compare_summary", data)
    assert stream.state.summaries["year"].status == "RETURNED"
    stream.consistent()


def test_a_reference_is_handed_in_once(stream):
    """Its comparison has one answer: under a second topic, or after it was returned, it would wait for ever."""
    changed(stream, "identification", "completed")
    hand_in(stream)
    again = {"summary": "sum_aaaaaa", "digest": DIGEST, "characters": 5}
    assert stream.refusal("submit_summary", PRINCIPAL, about="identification", **again).code == "SUMMARY_EXISTS"
    compared(stream, match(80))
    stream.do("review_summary", OFFICER, about="year", summary="sum_aaaaaa", outcome="RETURNED", reason="COPIED")
    assert stream.refusal("submit_summary", PRINCIPAL, about="year", **again).code == "SUMMARY_EXISTS"


def test_an_acceptance_needs_its_reason_and_a_person_of_the_bureau(stream):
    """The school does not clear its own copy, nor does anybody who had a hand in it."""
    hand_in(stream)
    compared(stream, match(80))
    fields = {"about": "year", "summary": "sum_aaaaaa", "outcome": "ACCEPTED"}
    assert stream.refusal("review_summary", OFFICER, **fields).code == "REASON_REQUIRED"
    assert stream.refusal("review_summary", PRINCIPAL, **fields, reason="SAME_FORM").code == "ROLE_NOT_ALLOWED"
    both = person(PRINCIPAL.id.removeprefix("stf_"), Role.BUREAU_OFFICER, "bureau")
    assert stream.recorded("review_summary", both, **fields, reason="SAME_FORM") == "SELF_APPROVAL"
    stream.do("review_summary", CLERK, **fields, reason="SAME_FORM")
    assert stream.state.summaries["year"].status == "ACCEPTED"


def test_a_look_at_the_passages_stands_in_the_record(stream):
    """Who of the bureau looks, at which summary: the texts may name people; a school does not look (INV-23)."""
    hand_in(stream)
    fields = {"about": "year", "summary": "sum_aaaaaa"}
    stream.do("read_summary", CLERK, **fields)
    assert stream.last("SummaryRead")["data"] == fields
    assert stream.ledger[-1]["actor"]["id"] == CLERK.id
    assert stream.refusal("read_summary", PRINCIPAL, **fields).code == "ROLE_NOT_ALLOWED"
    stale = {"about": "year", "summary": "sum_bbbbbb"}
    assert stream.refusal("read_summary", CLERK, **stale).code == "SUMMARY_UNKNOWN"
    stream.consistent()


def test_who_hands_in_and_when(stream):
    """The school's leaders, for their own school; of a stage once it is completed."""
    fields = {"summary": "sum_aaaaaa", "digest": DIGEST, "characters": 500}
    assert stream.refusal("submit_summary", HEAD, about="year", **fields).code == "ROLE_NOT_ALLOWED"
    assert stream.recorded("submit_summary", STRANGER, about="year", **fields) == "WRONG_SCHOOL"
    early = stream.refusal("submit_summary", GRADE, about="identification", **fields)
    assert early.code == "SUMMARY_STAGE_NOT_COMPLETED"
    changed(stream, "identification", "skipped")
    skipped = stream.refusal("submit_summary", GRADE, about="identification", **fields)
    assert skipped.code == "SUMMARY_STAGE_NOT_COMPLETED"
    changed(stream, "identification", "completed")
    hand_in(stream, "identification", who=GRADE)


def test_two_summaries_are_compared_one_after_the_other(stream):
    """Each comparison is a job with a name of its own; the second is asked for when the first is in."""
    changed(stream, "identification", "completed")
    hand_in(stream, "identification", "sum_aaaaaa")
    hand_in(stream, "year", "sum_bbbbbb")
    compared(stream, match(1))
    compared(stream, match(1), ref="sum_bbbbbb")
    assert stream.machine.job() is None


def test_an_unbelievable_result_changes_nothing(stream):
    """Somebody with a key to the engine could send one; more shared than there are is noted and not taken."""
    hand_in(stream)
    compared(stream, match(101))
    assert stream.names()[-1] == "SignalRefused"
    assert stream.state.summaries["year"].status == "COMPARING"
    assert stream.machine.job() is not None


def test_a_result_that_comes_again_changes_nothing(stream):
    """Whoever sends another result under another name flags nothing that is on file."""
    hand_in(stream)
    compared(stream, match(3))
    data = {"summary": "sum_aaaaaa", "shingle": 8, "shingles": 100, "compared": 4, "matches": [match(100)]}
    assert stream.give("compare_summary", data).receipt.last_version == len(stream.ledger)
    assert stream.names()[-1] == "SummaryCompared"
    assert stream.state.summaries["year"].status == "FILED"


def test_an_older_campaign_has_no_summaries():
    """What began with release 2 goes on as it was."""
    fields = {"about": "year", "summary": "sum_aaaaaa", "digest": DIGEST, "characters": 500}
    assert school(3, release=2).refusal("submit_summary", PRINCIPAL, **fields).code == "CAMPAIGN_TOO_OLD"


def test_a_closing_school_waits_for_the_review(stream):
    """A copy that nobody has looked at does not end with the campaign; the review's own answer closes the school."""
    hand_in(stream)
    stream.hear("close", sender=CAMPAIGN)
    for stage in stream.state.progress:
        changed(stream, stage, "archived")
    stream.hear("watch_ended", sender=f"{CAMPAIGN}/{SCHOOL}/attendance", stream=f"{CAMPAIGN}/{SCHOOL}/attendance")
    assert stream.names()[-1] == "WatchEnded"
    compared(stream, match(100))
    assert stream.names()[-1] == "SummarySimilarityFlagged"
    fields = {"about": "year", "summary": "sum_aaaaaa", "outcome": "ACCEPTED", "reason": "SAME_FORM"}
    stream.do("review_summary", OFFICER, **fields)
    assert stream.names()[-2:] == ["SummaryReviewed", "SchoolClosed"]


def test_a_closing_school_whose_last_summary_is_on_file_ends_with_the_comparison(stream):
    """No review, no wait: the comparison's own message closes the school."""
    hand_in(stream)
    stream.hear("close", sender=CAMPAIGN)
    for stage in stream.state.progress:
        changed(stream, stage, "archived")
    stream.hear("watch_ended", sender=f"{CAMPAIGN}/{SCHOOL}/attendance", stream=f"{CAMPAIGN}/{SCHOOL}/attendance")
    compared(stream)
    assert stream.names()[-2:] == ["SummaryCompared", "SchoolClosed"]


def test_no_event_could_hold_a_word_of_it(stream):
    """References, digests, counts and codes: every value of the record has one of these forms."""
    hand_in(stream)
    compared(stream, match(60))
    told = json.dumps([stream.last(name)["data"] for name in ("SummarySubmitted", "SummaryCompared")])
    assert told.isascii()
