"""What the school tells the application filing of its pupils: who is under fourteen, who shares a telephone."""

import pytest
from stream_samples import (
    CALENDAR,
    CAMPAIGN,
    CLASSES,
    DIGEST,
    PRINCIPAL,
    RULE,
    SCHOOL,
    A,
    B,
    C,
    D,
    Stream,
    policy,
    when,
)

FILING = "application-filing"
STAGES = {
    "identification": {"opens": "2025-11-03", "due": "2025-11-28", "after": []},
    FILING: {"opens": "2026-05-11", "due": "2026-11-20", "after": []},
}
FOUND = {"classes": CLASSES, "under_14": [A], "shared_phones": [[A, B, C, D]]}


def school(release: int = 3) -> Stream:
    """Return a school's stream that waits for its cohort."""
    start = {
        "campaign": CAMPAIGN,
        "county": "qingshan",
        "year": 2026,
        "school": SCHOOL,
        "entry": {"code": SCHOOL, "snapshot": "snp_000001", "snapshot_digest": DIGEST, "pupils": 6, "classes": 2},
        "stages": STAGES,
        "policy": policy().model_dump(mode="json"),
        "calendar": CALENDAR.model_dump(mode="json"),
        "rule": RULE,
        "release": release,
    }
    return Stream("school", start, when("2025-10-20 08:00"))


def starts(stream: Stream) -> dict[str, dict]:
    """Return the content that each stage begins with."""
    return {
        item.to.rpartition("/")[2]: item.start["content"]
        for item in stream.machine.carry.outgoing
        if "content" in (item.start or {})
    }


def test_the_filing_knows_who_is_young_and_who_shares_a_telephone():
    """Asked for the day on which it opens; no other stage is told, and the record holds references only."""
    stream = school()
    assert stream.machine.job().arguments["under_14_on"] == "2026-05-11"
    stream.give("cohort", FOUND)
    loaded = stream.last("CohortLoaded")["data"]
    assert (loaded["under_14"], loaded["shared_phones"]) == ([A], [[A, B, C, D]])
    content = starts(stream)
    assert (content[FILING]["under_14"], content[FILING]["shared_phones"]) == ([A], [[A, B, C, D]])
    assert "under_14" not in content["identification"]
    stream.consistent()


@pytest.mark.parametrize("release", [1, 2])
def test_a_campaign_of_an_earlier_release_asks_for_neither(release):
    """Its job, its event and its stages stay as they were, byte by byte."""
    stream = school(release)
    assert stream.machine.job().arguments == {"snapshot": "snp_000001", "digest": DIGEST}
    stream.give("cohort", {"classes": CLASSES})
    assert set(stream.last("CohortLoaded")["data"]) == {"snapshot", "snapshot_digest", "classes"}
    assert not {"under_14", "shared_phones"} & set(starts(stream)[FILING])


def test_nobody_young_and_no_shared_telephone_leaves_no_word():
    """What says nothing is not written."""
    stream = school()
    stream.give("cohort", {"classes": CLASSES, "under_14": [], "shared_phones": []})
    assert set(stream.last("CohortLoaded")["data"]) == {"snapshot", "snapshot_digest", "classes"}
    assert not {"under_14", "shared_phones"} & set(starts(stream)[FILING])


def test_a_late_joiner_can_be_young():
    """The stage hears it with the pupil; of the others it hears what it always heard."""
    stream = school()
    stream.give("cohort", FOUND)
    stream.machine.carry.outgoing.clear()
    rows = [
        {"student": "stu_young1", "class_id": "2023-01", "on": "2025-10-20", "under_14": True},
        {"student": "stu_older1", "class_id": "2023-01", "on": "2025-10-20"},
    ]
    stream.do("enrol_students", PRINCIPAL, rows=rows)
    told = {
        item.message.data["student"]: item.message.data
        for item in stream.machine.carry.outgoing
        if item.message is not None and item.message.kind == "student_joined" and item.to.endswith(FILING)
    }
    assert told["stu_young1"]["under_14"] is True
    assert set(told["stu_older1"]) == {"student", "class_id", "on"}
    stream.consistent()
