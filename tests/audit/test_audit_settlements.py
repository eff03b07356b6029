"""What the record gives to a settlement: counts, waves, consents and their basis; and the same again from the basis."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for the streams under test, also when run alone
from filing_families import RECEIVING, Filing
from stream_samples import CAMPAIGN, CLASSES, OFFICER, SCHOOL, A, B, C, running_county

from audit.counts import class_counts, recorded
from domain.measures import WaveCount
from domain.sampling import Why
from domain.time import instant

FILING = f"{CAMPAIGN}/{SCHOOL}/application-filing"
QUOTAS = {SCHOOL: {"2026-01": 2, "2026-02": 1}}


class Streams:
    """A ledger of streams in memory."""

    def __init__(self, streams):
        self.streams = streams

    async def events(self, stream, after=0):
        """Yield what a stream has written."""
        for envelope in list(self.streams[stream].ledger if stream in self.streams else [])[after:]:
            yield envelope


def record(filing):
    """Return a county's ledger with one school's application filing in it."""
    county = running_county(quotas=QUOTAS, release=3)
    return Streams({**county.streams, FILING: filing})


def registered():
    """Return a filing in which A and B are registered and C is under 14 and has signed."""
    filing = Filing(content={"release": 3, "under_14": [C]}).to("2026-05-11 09:00")
    filing.registered(A, B)
    return filing


async def test_the_counts_the_wave_and_the_delivered_rate_come_from_the_streams():
    """A class's quota is the one in force; who reports in September is autumn's (Q12, R-12)."""
    found = await recorded(record(registered()), CAMPAIGN)
    assert [(count.class_id, count.quota, count.countable) for count in found.classes] == [
        ("2026-01", 2, 2),
        ("2026-02", 1, 0),
    ]
    assert found.classes[0].informed == 2
    assert found.classes == await class_counts(record(registered()), CAMPAIGN)
    assert found.waves == [
        WaveCount(school=SCHOOL, wave="spring", quota=0, delivered=0),
        WaveCount(school=SCHOOL, wave="autumn", quota=3, delivered=2),
    ]
    assert (found.deliveries[0].admitted, found.deliveries[0].reported) == (2, 2)
    assert sum(map(len, CLASSES.values())) == sum(count.pupils for count in found.classes)


async def test_the_basis_names_each_stream_and_gives_the_same_counts_again():
    """INV-11: what is recorded later does not change a count of before."""
    filing = registered()
    ledger = record(filing)
    before = await recorded(ledger, CAMPAIGN)
    last = filing.ledger[-1]
    assert before.basis[FILING] == {"version": last["version"], "hash": last["hash"]}
    assert {CAMPAIGN, f"{CAMPAIGN}/{SCHOOL}", f"{CAMPAIGN}/{SCHOOL}/parent-meetings", FILING} <= set(before.basis)
    filing.hear("student_left", student=A, exit="TRANSFERRED")
    versions = {stream: mark["version"] for stream, mark in before.basis.items()}
    again = await recorded(ledger, CAMPAIGN, versions=versions)
    assert (again.classes, again.basis) == (before.classes, before.basis)
    assert (await recorded(ledger, CAMPAIGN)).classes != before.classes


async def test_a_count_as_at_a_moment_knows_only_what_was_recorded_by_then():
    """Before the registrations nobody counts; a bitemporal question has its answer (edge case 47)."""
    found = await recorded(record(registered()), CAMPAIGN, instant("2026-10-01T00:00:00+08:00"))
    assert [count.countable for count in found.classes] == [0, 0]
    assert found.deliveries[0].reported == 2


async def test_consents_come_with_what_makes_them_easily_pressed():
    """R-21: both have signed, at the later signature; under 14 is marked, and only the registered count."""
    found = await recorded(record(registered()), CAMPAIGN)
    assert {one.student: (one.destination, one.countable) for one in found.consents} == {
        A: (RECEIVING, True),
        B: (RECEIVING, True),
    }
    young = Filing(content={"release": 3, "under_14": [A]}).to("2026-05-11 09:00")
    young.informed(A)
    young.to("2026-05-13 09:00")
    young.does(A, "guardian", "consent_data")
    for party in ("pupil", "guardian"):
        young.does(A, party, "sign", destination=RECEIVING)
    [consent] = (await recorded(record(young), CAMPAIGN)).consents
    assert consent.marks == (Why.UNDER_14,)
    assert (consent.countable, consent.at) == (False, young.now)
    assert OFFICER.id not in consent.model_dump_json()


async def test_the_cutoff_is_that_of_the_policy_in_force_at_the_asked_time():
    """INV-29: a policy adopted in June moves the cut-off from then on; asked about May, the one before holds."""
    ledger = record(registered())
    own = ledger.streams[CAMPAIGN].ledger
    drafted = own[0]["data"]["policy"]
    newer = {**drafted, "version": 2, "parameters": {**drafted["parameters"], "counting_cutoff": "10-31"}}
    at = "2026-06-01T00:00:00.000+08:00"
    own.append({**own[-1], "type": "PolicyAdopted", "version": len(own) + 1, "data": {"profile": newer}})
    own[-1] |= {"occurred_at": at, "recorded_at": at}
    may, now = await recorded(ledger, CAMPAIGN, instant("2026-05-31T00:00:00+08:00")), await recorded(ledger, CAMPAIGN)
    assert (may.cutoff.isoformat(), now.cutoff.isoformat()) == ("2026-11-20", "2026-10-31")
