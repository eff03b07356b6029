"""How large an application filing's carry gets for the largest school, and what one event costs there (design, 4)."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from filing_families import ADMITTED, NOTICE, RECEIVER, RECEIVING, REGISTER, Filing, contact, prompt
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_samples import GRADE, HEAD, OFFICER, A, person, policy

from domain.actors import GATEWAY, Role
from domain.application_filing_state import ApplicationFilingState
from domain.compressing import COMPRESSED, PLAIN_BYTES, compressed, expanded
from domain.machine import Machine
from domain.stream import Carry, CommandRecord
from domain.time import stamp

LARGEST = 1_600
MOST_BYTES = 1_000_000
ALL_REGISTERED = 700_000
KEPT_COMMANDS = {GATEWAY.id: 1_000, "stf_head": 2_000}
CLASSES = {f"2026-{number:02d}": [f"stu_{number:02d}{pupil:08d}" for pupil in range(40)] for number in range(1, 41)}
PUPILS = [student for students in CLASSES.values() for student in students]
FATHER, GRANDMOTHER, COMMITTEE = "gdn_father0001", "gdn_grandmother1", "gdn_committee01"
DEPUTY = person("deputy", Role.BUREAU_OFFICER, "bureau", on_behalf_of=OFFICER.id)
CLASS = {"2026-01": [A]}


def digits(text: str, number: int, length: int) -> str:
    """Return hexadecimal digits that belong to one text of one pupil."""
    return hashlib.sha256(f"{text}/{number}".encode()).hexdigest()[:length]


def of_another(case: str, number: int) -> Any:
    """Return a case with every reference, digest, version, minute and second of another pupil's own."""
    case = re.sub(r"gdn_\w+", lambda found: f"gdn_{digits(found[0], number, 10)}", case)
    case = re.sub(r'"([0-9a-f]{16}|[0-9a-f]{12})"', lambda found: f'"{digits(found[1], number, len(found[1]))}"', case)
    case = re.sub(r"(APP|REG)-\d+", rf"\g<1>-{number:06d}", case)
    case = re.sub(r"T(\d\d):(?!59:59)\d\d:\d\d", rf"T\g<1>:{number % 60:02d}:{number // 60 % 60:02d}", case)
    return json.loads(re.sub(r'"version": (\d+)', rf'"version": \g<1>{number:03d}', case))


def largest(one: Filing) -> Filing:
    """Return a stage of 1,600 pupils to all of whom has happened what has happened to one.

    With it what else grows: flags, telephones, ages and the commands that a stream remembers.
    """
    many = Filing(one.families, now=stamp(one.now)[:16].replace("T", " "), classes=CLASSES)
    many.machine.carry.version = one.machine.carry.version
    state = one.state.model_dump(mode="json")
    case = json.dumps(state["cases"].pop(A))
    groups = [PUPILS[number : number + 4] for number in range(0, LARGEST, 4)]
    flags = [{"kind": "DEVICE_CLUSTER", "mark": digits("device", n, 16), "students": g} for n, g in enumerate(groups)]
    flags += [
        {"kind": "SIGNING_BURST", "mark": f"{class_id}@2026-05-1{day}", "students": students}
        for day in (2, 4)
        for class_id, students in CLASSES.items()
    ]
    state |= {"classes": CLASSES, "cases": {name: of_another(case, n) for n, name in enumerate(PUPILS)}}
    state |= {"flags": flags, "shared_phones": groups, "under_14": PUPILS}
    commands = {
        f"{digits(who, number, 32)}-{number:03d}": CommandRecord(
            first=number, last=number, hash=digits(who, number, 64), digest=digits(who, number, 16), handed_on=True
        )
        for who, most in KEPT_COMMANDS.items()
        for number in range(most)
    }
    carry = many.machine.carry.model_copy(update={"state": state, "commands": commands})
    many.machine = Machine(many.decider, carry)
    return many


def everything() -> Filing:
    """Let everything happen to one family but the registration, and nothing of it be settled."""
    stage = prompt(classes=CLASS, content={"under_14": [A]})
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    for relative, standing in ((GRANDMOTHER, "CAREGIVER"), (FATHER, "GUARDIAN"), (COMMITTEE, "INSTITUTION")):
        known = {"student": A, "person": relative, "standing": standing, "evidence": "DOCUMENT"}
        stage.do("record_guardianship", REGISTER, **known)
    for day in (11, 12):
        stage.to(f"2026-05-{day} 09:30")
        stage.rows("record_contacts", HEAD, contact(A, f"2026-05-{day} 09:00"))
    signs(stage, NOTICE)
    stage.does(A, "guardian", "withdraw")
    stage.do("offer_notice", OFFICER, document="notice-2", students=[A])
    signs(stage, "notice-2")
    stage.do("report_withdrawal", HEAD, student=A, channel="call")
    calls(stage, "unreachable")
    stage.to(stage.now + timedelta(days=3))
    calls(stage, "confirmed")
    stage.does(A, "guardian", "keep", document="notice-2")
    calls(stage, "confirmed", "sample")
    stage.to(stage.now + timedelta(days=12))
    stage.rows("record_applications", HEAD, {"student": A, "school": RECEIVING, "reference": "APP-1"})
    stage.to("2026-07-20 10:11")
    stage.rows("record_admissions", RECEIVER, {"student": A, **ADMITTED})
    stage.do("offer_notice", OFFICER, document="notice-3", students=[A])
    stage.does(A, "guardian", "acknowledge", document="notice-3")
    stage.hear("school_removed", school=RECEIVING, on="2026-08-01", reason="DELISTED")
    stage.to("2026-09-01 18:00")
    stage.rows("record_destinations", HEAD, {"student": A, "destination": "WORK", "evidence": "CALL"})
    stage.rows("record_reporting", RECEIVER, {"student": A, "school": RECEIVING, "on": "2026-09-01"})
    for reason in ("COURT_ORDER", "IMPOSTOR_SUSPECTED"):
        stage.do("suspend_consent", REGISTER, student=A, reason=reason)
    stage.do("report_withdrawal", GRADE, student=A, channel="call")
    stage.hear("invalidate", students=[A], case="cmp-1", reason="FORGED")
    return stage


def signs(stage: Filing, document: str) -> None:
    """Let a family of several guardians answer, read, agree to the data and sign, each on a device."""
    for party in ("pupil", "guardian"):
        stage.does(A, party, "intent", intent="VOCATIONAL", document=document)
    for who in ({}, {"person": FATHER}):
        stage.does(A, "guardian", "acknowledge", document=document, **who)
    stage.does(A, "guardian", "consent_data", document=document)
    stage.to(stage.now + timedelta(days=1, hours=1))
    for party in ("pupil", "guardian"):
        device = digits(party, 0, 16)
        stage.does(A, party, "sign", destination=RECEIVING, document=document, device=device)


def calls(stage: Filing, outcome: str, purpose: str = "withdrawal_report") -> None:
    """Let the bureau call the family, somebody standing in for the officer."""
    stage.rows(
        "record_callbacks", DEPUTY, {"student": A, "purpose": purpose, "outcome": outcome, "at": stamp(stage.now)}
    )


def registered() -> Filing:
    """Let a pupil be registered."""
    return prompt(classes=CLASS).registered(A)


@pytest.mark.parametrize(("course", "most"), [(registered, ALL_REGISTERED), (everything, MOST_BYTES)])
def test_the_filing_of_the_largest_school_fits_into_one_carry(course, most):
    """Whatever happens to everybody; the next run begins where this one ends."""
    stage = largest(course())
    before, written = stage.state, stage.machine.carry_over().model_dump_json()
    assert len(written) < most
    after = Machine(stage.decider, Carry.model_validate_json(written))
    assert after.state == before
    assert len(after.carry.commands) == sum(KEPT_COMMANDS.values())


def test_an_event_looks_at_its_own_case_alone(monkeypatch):
    """A school has 1,600 pupils: neither the clocks nor the board go through all of them after every event."""
    stage = Filing(classes=CLASSES)
    stage.to("2026-05-11 09:00")
    stage.do("offer_notice", HEAD, document=NOTICE, classes=list(CLASSES))
    stage.machine.view()
    looked: list[str] = []
    line = ApplicationFilingState._line
    monkeypatch.setattr(ApplicationFilingState, "_line", lambda *about: looked.append(about[1]) or line(*about))
    act = stage.act(PUPILS[0], "guardian", "acknowledge")
    assert stage.machine.submit(stage.command("deliver_family_acts", GATEWAY, acts=[act]), stage.now).accepted
    stage.machine.view()
    assert stage.machine.due() is not None
    assert looked == [PUPILS[0]]


def test_another_policy_moves_the_clocks_of_the_cases_that_wait():
    """What every line rests on changes by an event that names nobody: the confirmation waits for the longer grace."""
    stage = prompt(classes=CLASS).signed(A)
    due = stage.machine.due()
    longer = policy(cooling_off_grace_hours=stage.state.policy.parameters.cooling_off_grace_hours + 5)
    profile = longer.model_copy(update={"version": stage.state.policy.version + 1})
    stage.hear("policy", profile=profile.model_dump(mode="json"))
    assert stage.machine.due() == due + timedelta(hours=5)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text() | st.none()), max_size=4))
def test_what_is_expanded_is_what_was_compressed(value):
    """Any JSON object, short or long, and the same again."""
    for one in (value, {**value, "long": "x" * PLAIN_BYTES}):
        written = json.loads(json.dumps(compressed(one)))
        assert (list(written) == [COMPRESSED]) == ("long" in one)
        assert expanded(written) == one


def test_a_command_may_have_the_id_that_marks_what_is_compressed():
    """What a client calls its command does not make a run that cannot begin."""
    record = CommandRecord(first=1, last=1, hash="0" * 64, digest="0" * 16)
    carry = Carry(stream="s", kind="toy", commands={COMPRESSED: record})
    assert Carry.model_validate_json(carry.model_dump_json()) == carry


def test_a_short_state_stays_as_it_can_be_read():
    """The histories of small streams show what a run began with."""
    carry = json.loads(registered().machine.carry_over().model_dump_json())
    assert carry["state"]["cases"][A]["protocol"]["signer"] == A.replace("stu_", "gdn_")
