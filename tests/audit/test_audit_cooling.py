"""The end of a cooling-off, computed twice: by the rules and by INV-05's check, over pauses, returns and windows."""

from __future__ import annotations

import copy
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `filing_families`

from filing_families import RECEIVING, REGISTER, SECOND_REGISTER, Families, Filing, prompt
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stream_samples import CAMPAIGN, OFFICER, A

from audit.invariants import Log, check_log
from domain.time import stamp

CLASS = {"2026-01": [A]}
FAMILIES = Families()
MOTHER, FATHER = A.replace("stu_", "gdn_"), "gdn_father000001"
DRAFT = {"type": "CampaignDrafted", "version": 1, "stream": CAMPAIGN, "data": {"release": 3}}

STEPS = st.one_of(
    st.tuples(st.just("hours"), st.sampled_from([1, 7, 25, 60])),
    st.tuples(st.just("pause"), st.sampled_from(["school", "campaign"])),
    st.tuples(st.just("resume"), st.sampled_from(["school", "campaign"])),
    st.tuples(st.just("away"), st.booleans()),
    st.tuples(st.just("window"), st.integers(0, 12)),
    st.tuples(st.just("custody"), st.just(0)),
    st.tuples(st.just("violation"), st.just(0)),
    st.tuples(st.just("newer"), st.sampled_from(["notice-2", "notice-3"])),
)


def course(locks_after: int | None, steps: list[tuple[str, Any]]) -> Filing:
    """Let a family sign on 1 June, then let everything happen that moves its cooling-off, until it is confirmed."""
    content: dict[str, Any] = {}
    if locks_after is not None:
        last = (date(2026, 6, 1) + timedelta(days=locks_after)).isoformat()
        content = {"application_window": {"first": "2026-05-20", "last": last}}
    stage = prompt(families=FAMILIES, classes=CLASS, content=content).to("2026-06-01 10:00").signed(A, short=True)
    for kind, value in [*steps, ("resume", "school"), ("resume", "campaign"), ("away", False)]:
        take(stage, kind, value)
    return stage.to(stage.now + timedelta(days=60))


def take(stage: Filing, kind: str, value: Any) -> None:
    """Do one step; one that is not possible now is left out."""
    match kind:
        case "hours":
            stage.to(stage.now + timedelta(hours=value))
        case "pause" | "resume":
            stage.hear(kind, scope=value, reason="SNOW")
        case "away" if value:
            stage.hear("student_left", student=A, exit="transfer")
        case "away":
            stage.hear("student_joined", student=A, class_id="2026-01", on="2026-06-01")
        case "window":
            last = (stage.now + timedelta(days=value)).date().isoformat()
            stage.hear("window", first="2026-05-20", last=last, document="D-1")
        case "newer" if A in stage.state.cases and not stage.state.paused and value not in stage.state.documents:
            signer = stage.case(A).protocol.signer
            stage.do("offer_notice", OFFICER, document=value, students=[A])
            stage.does(A, "guardian", "acknowledge", document=value, person=signer)
            for party, person in (("pupil", A), ("guardian", signer)):
                stage.does(A, party, "sign", document=value, person=person, destination=RECEIVING, short=True)
        case "violation" if A in stage.state.cases and stage.case(A).offered and not stage.case(A).protocol.suspended:
            signer, document = stage.case(A).protocol.signer, stage.case(A).offered
            stage.hear("invalidate", students=[A], case=f"cmp-{stage.machine.carry.version}", reason="PRESSURE")
            for party, person in (("pupil", A), ("guardian", signer)):
                stage.does(A, party, "sign", document=document, person=person, destination=RECEIVING, short=True)
        case "custody" if A in stage.state.cases and stage.case(A).protocol.signer == MOTHER:
            if MOTHER in stage.case(A).protocol.guardians:
                return
            known = {"student": A, "person": MOTHER, "standing": "NO_CUSTODY", "evidence": "DOCUMENT"}
            stage.do("record_guardianship", REGISTER, **known)
            if stage.case(A).offered is None:
                return  # the notice is offered anew after a return; without it nobody signs
            signed = {"person": FATHER, "document": stage.case(A).offered}
            stage.does(A, "guardian", "acknowledge", **signed)
            stage.does(A, "guardian", "sign", destination=RECEIVING, short=True, **signed)
            stage.do("lift_suspension", SECOND_REGISTER, student=A, reason="COURT_DECISION", evidence="DOCUMENT")


def breaches(events: list[dict[str, Any]]) -> list[str]:
    """Return the types of the events that break INV-05."""
    log = Log(CAMPAIGN, {CAMPAIGN: [DRAFT], events[0]["stream"]: events})
    (checked,) = check_log(log, ["INV-05"]).checked
    return [found.event["type"] for found in checked.found]


@settings(max_examples=40, deadline=None)
@given(locks_after=st.none() | st.integers(0, 9), steps=st.lists(STEPS, max_size=7))
@example(locks_after=1, steps=[("hours", 60), ("violation", 0)])
def test_the_check_and_the_rules_agree_to_the_second(locks_after: int | None, steps: list[tuple[str, Any]]) -> None:
    """A confirmation at the end that the rules computed is right, a second before it is a breach."""
    stage = course(locks_after, steps)
    assert breaches(stage.ledger) == []
    protocol = stage.case(A).protocol
    if not protocol.confirmed:
        return  # the signer's place is empty: nothing is confirmed
    confirmed = [number for number, event in enumerate(stage.ledger) if event["type"] == "ConsentConfirmed"]
    for early, found in ((timedelta(), []), (timedelta(seconds=1), ["ConsentConfirmed"])):
        events = copy.deepcopy(stage.ledger)
        events[confirmed[-1]]["occurred_at"] = stamp(protocol.ends - early)
        assert breaches(events) == found
