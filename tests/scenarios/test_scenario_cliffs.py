"""S22: where one more head is worth much, and whose late consents are therefore always looked at (R-21)."""

import asyncio

import pytest
from scenario_campaign import broken, from_record
from scenario_county import County
from scenario_people import BUREAU, OTHER_VOCATIONAL, VOCATIONAL, Group, School

from domain.cliffs import veto_heads
from domain.policy import PROFILES
from domain.policy_readings import LateBy
from domain.sampling import Why, draw
from domain.time import end_of

LEGACY = PROFILES["legacy"].parameters
HEADS = range(5, 12)
YUAN = {5: -250, 6: 600, 7: 700, 8: 1600, 9: 1800, 10: 3000, 11: 3300}
EARLY = 5
"""So many of each class sign a fortnight before; whoever comes after them signs five days before the count ends."""

SCHOOL = School.of(1, [Group(11, 10) for _ in HEADS])
WINDOW = {"first": "2026-11-10", "last": "2026-11-17"}
"""A late round of the official system. It is what lets a consent of the last five days count at all: its lock cuts the
cooling-off, which else would outlast the registration deadline."""


async def _late(data):
    """Let seven classes reach 5 to 11 heads, everybody above five at the very end."""
    county = await County.begin(SCHOOL, application_window=WINDOW)
    chosen = {class_id: SCHOOL.pupils(class_id)[:heads] for class_id, heads in zip(SCHOOL.classes, HEADS, strict=True)}
    early = [pupil for pupils in chosen.values() for pupil in pupils[:EARLY]]
    late = [pupil for pupils in chosen.values() for pupil in pupils[EARLY:]]
    to = {pupil: (VOCATIONAL, OTHER_VOCATIONAL)[int(pupil[-4:]) % 2] for pupil in (*early, *late)}
    await county.to("2025-12-02 19:00")
    await county.inform(SCHOOL)
    await county.to("2026-10-26 09:00")
    await county.offer(SCHOOL)
    await county.answer(SCHOOL, [*early, *late], "VOCATIONAL")
    await county.to("2026-11-01 12:00")
    await county.sign(SCHOOL, early, to=to)
    await county.to("2026-11-16 12:00")
    await county.sign(SCHOOL, late, to=to, short=True)
    await county.to("2026-11-18 13:00")
    calls = [{"student": pupil, "purpose": "short_cooling", "outcome": "confirmed", "at": county.now} for pupil in late]
    await county.do(f"{SCHOOL.code}/application-filing", "record_callbacks", BUREAU[0], rows=calls)
    for step in (County.apply, County.admit, County.report):
        await _each_school(county, step, to)
    await county.to("2026-11-20 10:00")
    await _each_school(county, County.register, to)
    await county.to("2026-11-21 08:00")
    await county.write(data)
    return county, chosen, data


async def _each_school(county, step, to):
    """Let each vocational school do its part: one destination for a whole class would be looked at too."""
    for code in (VOCATIONAL, OTHER_VOCATIONAL):
        await step(county, SCHOOL, [pupil for pupil, own in to.items() if own == code], to=code)


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    """Return the county, the pupils of each class in the order in which they signed, and the ledger."""
    return asyncio.run(_late(tmp_path_factory.mktemp("s22")))


@pytest.fixture(scope="module")
def found(late):
    """Return what the ledger holds."""
    county, _, data = late
    return asyncio.run(from_record(data, county.campaign))


def test_s22_the_rewards(late, run):
    """Five to eleven heads of a quota of ten: -250 to 3300 yuan on trial."""
    county, _, data = late
    told = run("settle", county.campaign, "--profile", "legacy", "--by", "stf_auditor", data=data)
    assert {row["countable"]: row["reward_yuan"] for row in told["classes"]} == YUAN


def test_s22_the_cliffs(late, run):
    """One more head is worth 850, 100, 900, 200, 1200, 300: the sixth, the eighth and the tenth make a line."""
    county, _, data = late
    told = run("settle", county.campaign, "--profile", "legacy", "--by", "stf_discipline", data=data)["cliffs"]
    assert [row["marginal_yuan"] for row in told] == [850, 100, 900, 200, 1200, 300, 300]
    assert {tuple(row["made_at"]) for row in told} == {(6, 8, 10)}
    assert [YUAN[heads + 1] - YUAN[heads] for heads in range(5, 11)] == [850, 100, 900, 200, 1200, 300]


def _drawn(told, why):
    return {one["student"] for one in told["sample"] if why in one["why"]}


def test_s22_the_sample_looks_at_the_cliffs(late, run):
    """Whoever made n = 6, 8 or 10 in the last five days is in the sample, whatever the seed (R-21)."""
    county, chosen, data = late
    crossing = {pupils[head - 1] for pupils in chosen.values() for head in (6, 8, 10) if head <= len(pupils)}
    assert len(crossing) == 6 + 4 + 2
    for seed in ("seed-of-2026", "another-seed"):
        told = run("settle", "sample", county.campaign, "--seed", seed, "--by", "stf_auditor", data=data)
        assert _drawn(told, "CROSSES_TIER") == crossing


def test_s22_the_veto_line_of_the_school(late, found, run):
    """The 35th head of 70 is above the veto line: registered at the very end, or by the other reading signed early."""
    county, _, data = late
    assert veto_heads(70, LEGACY) == 35
    told = run("settle", "sample", county.campaign, "--seed", "seed-of-2026", "--by", "stf_auditor", data=data)
    assert _drawn(told, "CROSSES_VETO_LINE")
    quotas = {(count.school, count.class_id): count.quota for count in found.classes}
    for days, crossing in ((5, []), (30, [sorted(found.consents, key=lambda one: one.at)[34].student])):
        changes = {"late_by": LateBy.CONSENT, "late_consent_days": days}
        reading = found.state.policy.parameters.model_copy(update=changes)
        drawn = draw(found.consents, quotas, "seed-of-2026", end_of(found.cutoff), reading)
        assert [one.student for one in drawn if Why.CROSSES_VETO_LINE in one.why] == crossing


def test_s22_anybody_draws_the_same_again(late, found, run):
    """With the published seed the digest comes out again; another seed draws other pupils by chance (R-21)."""
    county, _, data = late
    told = {
        seed: run("settle", "sample", county.campaign, "--seed", seed, "--by", by, data=data)
        for seed, by in (("seed-of-2026", "stf_auditor"), ("another-seed", "stf_auditor"))
    }
    again = run("settle", "sample", county.campaign, "--seed", "seed-of-2026", "--by", "stf_discipline", data=data)
    assert again["digest"] == told["seed-of-2026"]["digest"]
    assert _drawn(told["another-seed"], "DRAWN") != _drawn(again, "DRAWN")
    by_class = {count.class_id: -(-3 * count.countable // 10) for count in found.classes}
    assert len(_drawn(again, "DRAWN")) == sum(by_class.values())


def test_s22_breaks_no_invariant(late):
    """An audit of the year of the cliffs finds nothing broken."""
    county, _, data = late
    assert asyncio.run(broken(data, county.campaign)) == []


def test_s22_short_cooling_is_called_and_looked_at(late, found):
    """Every one of the late consents was called before its application, and all of them are in the sample."""
    county, chosen, _ = late
    after = {pupil for pupils in chosen.values() for pupil in pupils[EARLY:]}
    assert {one.student for one in found.consents if Why.SHORT_COOLING in one.marks} == after
    called = county.events(f"{SCHOOL.code}/application-filing", "CallbackMade")
    assert {one["data"]["student"] for one in called} == after
