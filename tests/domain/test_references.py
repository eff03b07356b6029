from __future__ import annotations

import pytest
from filing_families import filing
from stream_samples import HEAD, OFFICER, A, running_county, stage
from visits_samples import TALK, TRIP, visits

from domain.references import is_personal, not_personal
from domain.refusal import Refusal


@pytest.mark.parametrize("text", ["13812345678", "8613812345678", "008613812345678", "013812345678", "86-10-12345678"])
def test_a_telephone_number_is_known_with_whatever_prefix(text):
    """Also between letters, and with separators."""
    assert is_personal(text)
    assert is_personal(f"APP{text}X")
    assert is_personal(f"{text[:4]}-{text[4:]}")


@pytest.mark.parametrize("text", ["e12345678", "G12345678", "EA1234567", "H1234567890", "ref-c12345678"])
def test_a_travel_document_is_known_in_a_part_of_its_own(text):
    """Passports and permits of a pupil from elsewhere."""
    assert is_personal(text)


@pytest.mark.parametrize(
    "text",
    [
        "meeting-2022-01",
        "SP-2026-014",
        "SP-0001-TRIP-1-AGAIN",
        "APP-2026-000001",
        "R-20260815",
        "9900010001-2026",
        "A1",
    ],
)
def test_running_numbers_and_labels_are_no_personal_numbers(text):
    """Years, school codes and serial numbers."""
    assert not_personal(text) == text


def test_the_error_does_not_repeat_the_number():
    """It may end in a log."""
    with pytest.raises(ValueError, match="personal number") as raised:
        not_personal("13812345678")
    assert "138" not in str(raised.value)


PERSONAL = "a110101201101011234"


def test_no_label_or_document_of_any_stage_takes_a_personal_number():
    """INV-22: refused where the command is read, before anything of it could be kept."""
    filed, went, met = filing(), visits(), stage("parent-meetings").to("2025-11-03 09:00")
    county = running_county(1).campaign
    one = {**TRIP, "classes": ["2026-01"]}
    tries = [
        (filed, filed.command("offer_notice", HEAD, document=PERSONAL, students=[A])),
        (went, went.command("plan_trip", HEAD, **{**one, "trip": PERSONAL})),
        (went, went.command("approve_trip", OFFICER, trip="t1", safety_plan=PERSONAL.upper())),
        (went, went.command("request_presentation", HEAD, **{**TALK, "materials": "REF-13812345678"})),
        (went, went.command("request_presentation", HEAD, **{**TALK, "presentation": "p-13812345678"})),
        (went, went.command("approve_presentation", OFFICER, presentation="p1", approval_ref="AP-13812345678")),
        (met, met.command("invite", HEAD, session="call-13812345678")),
        (county, county.command("complain", HEAD, complaint="c-13812345678", about="bureau", matter="PRESSURE")),
    ]
    for stream, raw in tries:
        with pytest.raises(Refusal, match="COMMAND_INVALID") as refused:
            stream.submit(raw)
        assert {place["problem"] for place in refused.value.parameters["places"]} == {"value_error"}
