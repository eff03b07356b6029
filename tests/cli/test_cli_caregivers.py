"""What the command line makes of a caregiver: shown masked, no code, no telephone of the household (edge case 1)."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.gateway_command import _slips
from cli.person import _details, record_of
from cli.sms_house import SmsHouse
from domain.family_act import Party
from gateway import sms
from registry.records import Caregiver, Guardian, Household

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `filing_families`, also when run alone
from filing_families import prompt
from stream_samples import CAMPAIGN, HEAD, SCHOOL, A

GUARDIAN, CAREGIVER = "gdn_000001", "cgv_grandmother1"
SECRET = b"s" * 32


def household(agreed=True):
    """Return a family with one guardian and a grandmother who cares."""
    guardian = Guardian(GUARDIAN, A, "例大川", "10000000001", "dachuan@example.invalid")
    carer = Caregiver(CAREGIVER, A, "例阿婆", "10000000009", "nainai@example.invalid", "", agreed)
    return Household(A, "2026-01", SCHOOL, "例云溪", "", "", (guardian,), carer)


@pytest.mark.parametrize(("agreed", "told"), [(True, "同意接收通知"), (False, "未同意接收通知")])
def test_a_caregiver_is_shown_beside_the_guardians_and_masked(agreed, told):
    """With the reference by which an entrustment is recorded; neither number nor address in full."""
    shown = record_of(household(agreed))
    assert shown["caregiver"] == {
        "caregiver": CAREGIVER,
        "name": "例阿婆",
        "phone": "100******09",
        "email": "n***@example.invalid",
        "agreed": agreed,
    }
    assert [one["guardian"] for one in shown["guardians"]] == [GUARDIAN]
    last = str(_details(shown)).splitlines()[-1]
    assert last.startswith("  照护人 cgv_grandmother1")
    assert last.endswith(f"({told})")


def test_a_caregiver_gets_a_sealed_code_with_a_paper_only():
    """No slip without an entrustment that is on record; with one the caregiver's own, beside the guardian's."""
    stage = prompt().informed(A)

    def holders():
        slips = _slips(CAMPAIGN, SCHOOL, A, stage.state, {A: household()})
        return [(binding.party, binding.person, name) for binding, name in slips]

    usual = [(Party.PUPIL, A, "例云溪"), (Party.GUARDIAN, GUARDIAN, "例大川")]
    assert holders() == usual
    record = {"student": A, "person": CAREGIVER, "standing": "GUARDIAN", "evidence": "DOCUMENT"}
    stage.do("record_guardianship", HEAD, **record)
    assert holders() == [*usual, (Party.GUARDIAN, CAREGIVER, "例阿婆")]


async def test_a_caregivers_telephone_is_good_for_the_own_code_alone(monkeypatch):
    """With a guardian's code it is a stranger's: nobody acts in a guardian's name from the grandmother's telephone."""

    async def registry():
        return SimpleNamespace(household=known)

    async def known(student):
        return household() if student == A else None

    @asynccontextmanager
    async def desk(_self):
        yield SimpleNamespace(rooms=SimpleNamespace(registry=registry))

    monkeypatch.setattr(SmsHouse, "_desk", desk)
    house = SmsHouse(None, None, SECRET)
    own, hers = (sms.number_digest(SECRET, number) for number in ("10000000001", "10000000009"))
    assert await house.numbers(A, GUARDIAN) == [own]
    assert await house.numbers(A, CAREGIVER) == [own, hers]
    assert await house.numbers("stu_nobody1", GUARDIAN) == []
