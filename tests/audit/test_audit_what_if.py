"""The same record by other rules: by school, and nothing at all where the rules are the same."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from audit_log_tools import find
from audit_memory import MemoryLedger, of_county
from audit_small_log import RETENTION, good

from audit.counts import recorded
from audit.figures import Figures, figure_changes, figures
from audit.what_if import LOOKED_AT, changed_by, shipped, what_if
from domain.dropout_rates import DropoutCount
from domain.policy import PROFILES, PolicyParameters, load_parameters
from domain.refusal import Refusal
from domain.settlement import ClassCount
from domain.stream import UnknownEventError
from domain.time import instant

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `stream_samples`, also when run alone
from filing_families import Filing
from settlement_courses import campaign
from stream_samples import APPROVER, CAMPAIGN, OFFICER, SCHOOL, A, B, policy, running_county, when

NOTHING = b'{"answers":[],"county":[],"schools":[]}'


def ledger(**parameters):
    """Return a county in which two of three were registered in the autumn, under a policy with these parameters."""
    county = running_county(
        quotas={SCHOOL: {"2026-01": 2, "2026-02": 1}},
        release=3,
        policy=policy(**parameters).model_dump(mode="json"),
    )
    filing = Filing(content={"release": 3}).to("2026-05-11 09:00")
    filing.registered(A, B)
    return MemoryLedger({**of_county(county), f"{CAMPAIGN}/{SCHOOL}/application-filing": filing.ledger})


def small_log():
    """Return the log of every kind of event, without the follow-ups, which go by a cohort that it does not tell."""
    return {stream: events for stream, events in good().items() if stream != RETENTION}


def row(changes, figure):
    """Return what a figure was and is."""
    [found] = [change for change in changes if change["figure"] == figure]
    return found["was"], found["is"]


@pytest.mark.parametrize(
    "rules",
    [
        shipped("compliant"),
        changed_by({}),
        changed_by({"appeal_days": 7}),
        lambda held: held.model_copy(update={"id": "another-name", "version": 9}),
    ],
)
async def test_the_same_rules_make_no_difference_byte_for_byte(rules):
    """Also where the campaign has parameters of its own, and where the same rules have another name."""
    record = ledger(reward_tiers=[["1/1", 300]], penalty=50, payable=True)
    for public in (False, True):
        found = await what_if(record, CAMPAIGN, rules, public=public)
        assert (found.bytes, found.parameters) == (NOTHING, ())


async def test_the_historical_rules_by_school_and_class():
    """R-01, R-02: 2 of 2 is the highest tier, 0 of 1 costs 50 yuan and a point; nothing of it is payable."""
    found = await what_if(ledger(), CAMPAIGN, shipped("legacy"))
    [school] = found.changes["schools"]
    assert school["school"] == SCHOOL
    assert row(school["changes"], "reward_yuan") == (0, 2 * 300 - 50)
    assert row(school["changes"], "points") == (0, 5 - 1)
    full, empty = school["classes"]
    assert (full["class"], row(full["changes"], "reward_yuan")) == ("2026-01", (0, 600))
    assert (empty["class"], row(empty["changes"], "reward_yuan")) == ("2026-02", (0, -50))
    assert row(found.changes["county"], "reward_yuan") == (0, 550)
    assert found.stamps[1] == "试算·不得发放"
    assert school["suppressed"] == []
    [outside] = (await what_if(ledger(), CAMPAIGN, shipped("legacy"), public=True)).changes["schools"]
    assert (outside["classes"], outside["suppressed"]) == ([], ["2026-01", "2026-02"])
    assert outside["changes"] == school["changes"]


async def test_facts_are_not_decided_again_and_the_other_way_round_is_the_mirror():
    """Countable pupils are the same under both, and legacy to compliant undoes what compliant to legacy does."""
    there = await what_if(ledger(), CAMPAIGN, shipped("legacy"))
    assert not [one for one in there.changes["county"] if one["figure"] in ("quota", "countable")]
    record = await recorded(ledger(), CAMPAIGN)
    ways = [figures(record, PROFILES[name]) for name in ("compliant", "legacy")]
    back = figure_changes(*reversed(ways))
    assert [(one["figure"], one["is"], one["was"]) for one in there.changes["county"]] == [
        (one["figure"], one["was"], one["is"]) for one in back["county"]
    ]


async def test_by_another_cut_off_other_quotas_hold():
    """INV-11: a target of 10 November holds on the 20th and not yet on 31 October, so nobody was asked for anything."""
    streams = small_log()
    for kind in ("TargetsIssued", "ClassQuotaAssigned"):
        find(streams, kind)["data"]["effective"] = "2026-11-10"
    record = MemoryLedger(streams)
    found = await what_if(record, CAMPAIGN, changed_by({"counting_cutoff": "10-31"}))
    school = next(one for one in found.changes["schools"] if one["school"] == SCHOOL)
    assert row(school["changes"], "quota") == (2, 0)
    assert row(school["changes"], "finding")[1] == "NO_TASK"
    assert [one["name"] for one in found.parameters] == ["counting_cutoff"]
    assert found.not_looked_at == ()


async def test_it_goes_by_what_was_recorded_and_held_at_a_moment():
    """INV-29: before the registrations nobody counts under either; a policy adopted later is not yet held."""
    early = await what_if(ledger(), CAMPAIGN, shipped("legacy"), instant("2026-05-11T00:00:00+08:00"))
    assert row(early.changes["county"], "reward_yuan") == (0, -150)
    with pytest.raises(UnknownEventError):
        await what_if(ledger(), CAMPAIGN, shipped("legacy"), instant("2020-01-01T00:00:00+08:00"))
    stream = campaign(((2, 0),), at="2026-11-01 08:00")
    change = {"document": "青教发〔2026〕2号", "effective_from": "2026-11-22", "reason": "NOTICE"}
    stream.do("announce_policy", OFFICER, version=2, parameters={"penalty": 7}, **change)
    stream.do("approve_policy", APPROVER, version=2)
    stream.to("2026-11-23 08:00")
    held = {}
    for day in ("2026-11-21", "2026-11-22"):
        record = MemoryLedger({CAMPAIGN: stream.ledger})
        found = await what_if(record, CAMPAIGN, changed_by({"penalty": 9}), when(f"{day} 12:00"))
        held[day] = [(one["name"], one["was"], one["will_be"]) for one in found.parameters]
        assert found.held.version == (1 if day == "2026-11-21" else 2)
    assert held == {"2026-11-21": [("penalty", 0, 9)], "2026-11-22": [("penalty", 7, 9)]}


async def test_what_is_not_looked_at_is_said():
    """A change that no figure here follows is named, so that nobody takes silence for an answer."""
    found = await what_if(ledger(), CAMPAIGN, changed_by({"appeal_days": 3, "penalty": 5}))
    assert found.not_looked_at == ("appeal_days",)


async def test_a_parameter_that_is_none_is_refused():
    """Misspelt names and values that no rule can mean."""
    for parameters, code in (
        ({"penalti": 5}, "POLICY_PARAMETER_UNKNOWN"),
        ({"penalty": -5}, "POLICY_PARAMETER_INVALID"),
    ):
        with pytest.raises(Refusal) as refused:
            await what_if(ledger(), CAMPAIGN, changed_by(parameters))
        assert refused.value.code == code


class Watched:
    """Parameters that note which of them are asked for."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.asked = {}

    def __getattr__(self, name):
        if name in PolicyParameters.model_fields:
            self.asked[name] = None
        return getattr(self.parameters, name)


async def test_every_parameter_that_the_figures_follow_is_named():
    """`LOOKED_AT` is what the rules ask for, under both profiles, and the day of counting; no more and no less."""
    record = await recorded(MemoryLedger(small_log()), CAMPAIGN)
    lost = {"size": 40, "lost": 4, "served": 4, "transfers_in": 0, "transfers_out": 0}
    losses = [DropoutCount(school=SCHOOL, class_id=f"{grade}-1", grade=grade, **lost) for grade in (6, 9)]
    line = {**lost, "size": 50, "lost": 1, "served": 0}
    losses.append(DropoutCount(school=SCHOOL, class_id="9-2", grade=9, **line))
    served = {"quota": 10, "pupils": 10, "informed": 10, "guided": 10}
    more = [
        ClassCount(school="none", class_id="1", quota=0, countable=0),
        ClassCount(school="full", class_id="1", countable=10, free_refusals=0, **served),
        ClassCount(school="tier", class_id="1", countable=9, free_refusals=0, **served),
        ClassCount(school="no", class_id="1", countable=0, free_refusals=10, **served),
        ClassCount(school="line", class_id="1", countable=5, free_refusals=0, **served),
    ]
    record = replace(record, classes=[*record.classes, *more], dropout=losses)
    asked = {"counting_cutoff": None}
    for profile in PROFILES.values():
        parameters = Watched(profile.parameters)
        figures(record, profile.model_copy(update={"parameters": parameters}))
        asked |= parameters.asked
    assert set(asked) == set(LOOKED_AT)


# -- what is shown outside --------------------------------------------------------------------------------------------


def of_classes(**countable):
    """Return figures of one school, as they come of a settlement, with classes of so many countable pupils."""
    classes = {(SCHOOL, name): {"countable": count, "reward_yuan": 300 * count} for name, count in countable.items()}
    return Figures(
        county={"reward_yuan": 300 * sum(countable.values())},
        schools={SCHOOL: {"reward_yuan": 300 * sum(countable.values())}},
        classes=classes,
    )


def nothing_paid(shown):
    """Return the same counts under rules that pay nothing."""
    return Figures(
        county={"reward_yuan": 0},
        schools={SCHOOL: {"reward_yuan": 0}},
        classes={name: {**row, "reward_yuan": 0} for name, row in shown.classes.items()},
    )


def test_a_small_class_is_left_out_with_the_one_that_would_give_it_away():
    """R-22: 2 pupils are too few, and the school's sum less 7 and 9 would tell them; so the 7 are left out too."""
    shown = of_classes(a=2, b=7, c=9)
    [school] = figure_changes(nothing_paid(shown), shown, least=5)["schools"]
    assert [one["class"] for one in school["classes"]] == ["c"]
    assert school["suppressed"] == ["a", "b"]
    [whole] = figure_changes(nothing_paid(shown), shown)["schools"]
    assert [one["class"] for one in whole["classes"]] == ["a", "b", "c"]


def test_a_class_that_is_small_on_one_side_alone_is_left_out():
    """Whichever of the two counts is small, the difference would tell it."""
    [school] = figure_changes(of_classes(a=2, b=7, c=9), of_classes(a=6, b=7, c=9), least=5)["schools"]
    assert school["suppressed"] == ["a", "b"]
    assert school["classes"] == []


def test_what_follows_from_the_losses_of_a_class_is_not_shown_outside():
    """A veto above five in a hundred names how many were lost, and they are always few."""
    held, other = of_classes(a=9), of_classes(a=9)
    other.classes[SCHOOL, "a"]["dropout_veto_proposed"] = True
    assert figure_changes(held, other, least=5)["schools"] == []
    [school] = figure_changes(held, other)["schools"]
    assert school["classes"][0]["changes"][0]["figure"] == "dropout_veto_proposed"


async def test_the_losses_of_a_class_are_judged_by_the_other_rules():
    """R-05: 1 of 50 earns no award below a line of 2 %, and one below 5 %; 4 of 50 are above the line of the veto."""
    record = await recorded(ledger(), CAMPAIGN)
    sizes = {"size": 50, "transfers_in": 0, "transfers_out": 0, "grade": 9, "school": SCHOOL}
    lost = [DropoutCount(class_id=name, lost=count, **sizes) for name, count in (("2026-01", 1), ("2026-02", 4))]
    held = PROFILES["legacy"]
    wider = load_parameters({"dropout_award": "1/20", "dropout_veto_g79": "1/10"}, held.parameters)
    other = held.model_copy(update={"parameters": wider})
    record = replace(record, dropout=lost)
    [school] = figure_changes(figures(record, held), figures(record, other))["schools"]
    assert [(one["class"], one["changes"]) for one in school["classes"]] == [
        ("2026-01", [{"figure": "dropout_award", "was": False, "is": True}]),
        ("2026-02", [{"figure": "dropout_veto_proposed", "was": True, "is": False}]),
    ]
