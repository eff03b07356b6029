"""What the record gives to a settlement: counts, waves, consents and their basis; and the same again from the basis."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for the streams under test, also when run alone
from filing_families import RECEIVING, Filing
from settlement_courses import CLERK, DISCIPLINE, RUN, campaign, compute, counts
from stream_samples import APPROVER, CAMPAIGN, CLASSES, OFFICER, SCHOOL, A, B, C, person, running_county

from audit.counts import class_counts, recorded
from audit.invariants import counting, families, money, people
from audit.invariants.log import Log
from domain.actors import Role
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


def test_an_auditor_counts_to_the_cutoff_of_the_day_that_a_run_looks_at():
    """INV-29: two runs of one command's day, on either side of a change of the policy."""
    stream = campaign(((18, 0),), at="2026-11-01 08:00")
    change = {"document": "青教发〔2026〕2号", "effective_from": "2026-11-22", "reason": "NOTICE"}
    stream.do("announce_policy", OFFICER, version=2, parameters={"counting_cutoff": "11-21"}, **change)
    stream.do("approve_policy", APPROVER, version=2)
    stream.to("2026-11-23 08:00")
    for as_at in ("2026-11-21T23:59:59+08:00", "2026-11-22T00:00:00+08:00"):
        compute(stream, ((18, 0),), as_at=as_at)
    log = Log(CAMPAIGN, {CAMPAIGN: stream.ledger})
    days = [counting.cutoff_of(log, event).isoformat() for event in log.own(CAMPAIGN, "SettlementComputed")]
    assert days == ["2026-11-20", "2026-11-21"]


# -- a veto of a class ------------------------------------------------------------------------------------------------


def vetoed():
    """Return the record of a campaign in which a school's veto was dropped and a class's imposed (R-04, R-05)."""
    stream = campaign(((18, 0),))
    unserved = {"pupils": 18, "informed": 18, "guided": 17, "free_refusals": 0}
    losses = [{"school": SCHOOL, "class_id": "2026-01", "grade": 9, "size": 46, "lost": 3}]
    compute(stream, classes=counts(((18, 0),), **unserved), dropout=losses)
    school = {"run": RUN, "school": SCHOOL}
    its_class = school | {"class_id": "2026-01"}
    stream.do("propose_veto", CLERK, **its_class)
    stream.do("propose_veto", OFFICER, **school)
    for about in (school, its_class):
        stream.do("hear_school", DISCIPLINE, **about, heard="MEETING")
    officer_too = person("officer", Role.BUREAU_APPROVER, "bureau")
    stream.do("decide_veto", officer_too, **its_class, decision="IMPOSE", reason="DECIDED")
    stream.do("decide_veto", APPROVER, **school, decision="DROP", reason="DECIDED")
    return stream.ledger


def found_broken(ledger, but=lambda _: True):
    """Return which invariants an independent reader finds broken of what is left of a record."""
    log = Log(CAMPAIGN, {CAMPAIGN: [envelope for envelope in ledger if but(envelope)]})
    return [
        rule.id for rule in (money.veto_by_people, people.four_eyes, families.no_costs_nothing) if [*rule.check(log)]
    ]


def test_an_auditor_tells_the_veto_of_a_class_from_that_of_its_school():
    """Who proposed the school's may decide the class's; a hearing or a finding that is not there is found (INV-19)."""
    ledger = vetoed()
    assert found_broken(ledger) == []
    heard = [envelope for envelope in ledger if envelope["type"] == "VetoReviewed"]
    assert found_broken(ledger, lambda envelope: envelope is not heard[1]) == ["INV-19"]
    assert found_broken(ledger, lambda envelope: envelope["type"] != "DropoutRatesAdded") == ["INV-19"]
    proposed = [envelope for envelope in ledger if envelope["type"] == "VetoProposed"]
    proposed[0]["actor"]["id"] = OFFICER.id
    assert found_broken(ledger) == ["INV-21"]
