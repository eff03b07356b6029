"""Every invariant is green on a good log, red at exactly one event on a broken one, and can fail at all."""

from __future__ import annotations

import dataclasses
import re
from datetime import date

import pytest
from audit_breaks import BREAKS
from audit_log_tools import broken_copy
from audit_small_log import CAMPAIGN, good, log_of

from audit.invariants import INVARIANTS, NOT_CHECKABLE, check_log
from audit.invariants.clauses import CLAUSES
from audit.invariants.log import name_of
from audit.invariants.other_law import under_other_law

CASES = [pytest.param(id_, told, id=f"{id_} {told}") for id_, ways in BREAKS.items() for told in ways]


@pytest.fixture(scope="module")
def streams():
    """The good log's streams; each test breaks a copy."""
    return good()


def red(report):
    """Return what a report names, as invariant and event."""
    return [(one.invariant.id, name_of(found.event)) for one in report.checked for found in one.found]


def test_a_good_log_breaks_nothing(streams):
    """The small log has everything in it that an invariant looks at, and keeps them all."""
    report = check_log(log_of(streams))
    assert red(report) == []
    assert report.ok
    assert len(report.checked) == len(INVARIANTS)


def test_a_log_without_events_proves_nothing():
    """No event is no proof that anything was kept."""
    assert not check_log(log_of({})).ok


@pytest.mark.parametrize(("id_", "told"), CASES)
def test_a_broken_log_is_red_there_and_nowhere_else(streams, id_, told):
    """One break turns one invariant red, at the event that shows it."""
    broken, named = broken_copy(streams, BREAKS[id_][told])
    assert red(check_log(log_of(broken))) == [(id_, name_of(named))]


@pytest.mark.parametrize("id_", INVARIANTS)
def test_a_check_that_finds_nothing_would_be_noticed(streams, id_, monkeypatch):
    """With an invariant that never finds anything, its broken logs pass: so the test above cannot pass without it."""
    blind = dataclasses.replace(INVARIANTS[id_], check=lambda _: iter(()))
    monkeypatch.setitem(INVARIANTS, id_, blind)
    for breaking in BREAKS[id_].values():
        broken, _ = broken_copy(streams, breaking)
        assert check_log(log_of(broken)).ok


def test_every_invariant_of_the_domain_is_checked_or_said_not_to_be():
    """INV-01 to INV-34, each in one of the two lists, and each that is checked has its breaks."""
    numbers = sorted([*INVARIANTS, *NOT_CHECKABLE])
    assert numbers == [f"INV-{number:02}" for number in range(1, 35)]
    assert list(BREAKS) == list(INVARIANTS)


def test_only_what_is_asked_for_is_checked(streams):
    """`--only` leaves the other invariants out."""
    broken, _ = broken_copy(streams, BREAKS["INV-08"]["schools beside the total"])
    assert check_log(log_of(broken), ["INV-26"]).ok
    assert [one.invariant.id for one in check_log(log_of(broken), ["INV-08", "INV-26"]).checked] == ["INV-08", "INV-26"]


def test_an_old_year_is_judged_by_what_was_in_force(streams):
    """The regulations that ask for a purpose are in force since 2024: a look of 2023 is not judged by them."""
    broken, named = broken_copy(streams, BREAKS["INV-23"]["an outsider without a reason"])
    named["occurred_at"] = "2023-12-31T23:59:59.000+08:00"
    assert check_log(log_of(broken)).ok
    named["occurred_at"] = "2024-01-01T00:00:00.000+08:00"
    assert not check_log(log_of(broken)).ok
    ended = dataclasses.replace(INVARIANTS["INV-23"], valid_to=date(2023, 12, 31))
    assert not list(ended.breaches(log_of(broken)))


def test_the_same_log_by_the_rules_of_another_day(streams):
    """A18: what the regulations of 2024 would call a breach in a log of 2023, and nothing that was one by its own."""
    broken, named = broken_copy(streams, BREAKS["INV-23"]["an outsider without a reason"])
    named["occurred_at"] = "2023-12-31T23:59:59.000+08:00"
    log = log_of(broken)
    assert check_log(log).ok
    [found] = under_other_law(log, law_of=date(2024, 1, 1))
    assert (found.invariant.id, found.in_force) == ("INV-23", True)
    assert [name_of(one.event) for one in found.newly] == [name_of(named)]
    assert found.no_longer == ()
    assert under_other_law(log, law_of=date(2023, 12, 31)) == []
    named["occurred_at"] = "2024-01-01T00:00:00.000+08:00"
    assert under_other_law(log_of(broken), law_of=date(2024, 1, 1)) == []
    [gone] = under_other_law(log_of(broken), law_of=date(2020, 1, 1))
    assert (gone.in_force, gone.newly, [name_of(one.event) for one in gone.no_longer]) == (False, (), [name_of(named)])


def test_the_same_log_by_one_clause_that_changed(streams):
    """Idea 5: by a longer wait or cooling-off the acts that would have come too soon; by the same figures none."""
    log = log_of(streams)
    held = {name: log.parameter(streams[CAMPAIGN][0], name) for name in ("cooling_off_days", "signature_wait_hours")}
    assert under_other_law(log, parameters=held) == []
    for name, value, id_, kinds in (
        ("cooling_off_days", 30, "INV-05", {"CoolingStarted", "ConsentConfirmed"}),
        ("signature_wait_hours", 24 * 300, "INV-02", {"ConsentSigned"}),
    ):
        found = {one.invariant.id: one for one in under_other_law(log, parameters={**held, name: value})}
        assert found[id_].newly
        assert {one.event["type"] for one in found[id_].newly} <= kinds
        told = found[id_].as_data(0)
        assert told["counts"]["newly"] == len(found[id_].newly)
        assert told["newly"][0]["invariant"] == id_
    assert check_log(log).ok  # nobody broke anything


def test_every_document_that_a_source_names_has_its_clause():
    """Number or `UNCONFIRMED`, clause, days: what `source` cites stands in the table, and the table cites no other."""
    for id_, one in INVARIANTS.items():
        cited = sorted(set(re.findall(r"\[(P\d+b?)\]", one.source)))
        cited += ["P22", "P23"] if id_ == "INV-33" else []  # cited without brackets
        assert sorted({clause.source for clause in CLAUSES.get(id_, ())}) == cited, id_
        days = [clause.valid_from for clause in CLAUSES.get(id_, ()) if clause.number is None]
        assert one.valid_from is None or one.valid_from in days, id_
    shown = {row["id"]: row["clauses"] for row in check_log(log_of({})).as_data("zh")["checked"]}
    assert shown["INV-12"][0]["number"] == "教职成厅〔2016〕1号"
    assert shown["INV-24"][0] == {
        "source": "P16", "document": "个人信息保护法", "number": None, "clause": "art. 28, 31",
        "valid_from": "2021-11-01", "valid_to": None,
    }  # fmt: skip
    assert shown["INV-26"] == []


def test_a_release_without_the_protocol_is_not_judged_by_it(streams):
    """Before release 3 there was no cooling-off: the same log of an older release keeps INV-05."""
    broken, _ = broken_copy(streams, BREAKS["INV-05"]["applied without a confirmation"])
    broken[CAMPAIGN][0]["data"]["release"] = 2
    assert "INV-05" not in [id_ for id_, _ in red(check_log(log_of(broken)))]


def test_a_parameter_is_read_as_it_was_at_the_event(streams):
    """A longer cooling-off that is adopted after the signatures changes nothing; adopted before them it does."""
    log = log_of(streams)
    first, last = streams[CAMPAIGN][0], streams[CAMPAIGN][-1]
    assert log.parameter(first, "cooling_off_days") == 7
    last["data"]["profile"]["parameters"]["cooling_off_days"] = 9
    assert log_of(streams).parameter(last, "cooling_off_days") == 9
    assert log_of(streams).parameter(first, "cooling_off_days") == 7
    last["data"]["profile"]["parameters"]["cooling_off_days"] = 7


def test_a_report_names_places_and_never_a_value(streams):
    """What looks like a person's number is named by its field, and not repeated."""
    broken, named = broken_copy(streams, BREAKS["INV-22"]["a telephone number"])
    data = check_log(log_of(broken)).as_data("en")
    (breach,) = data["breaches"]
    assert (breach["invariant"], breach["event"]) == ("INV-22", name_of(named))
    assert "13800000000" not in str(data)
    assert set(data) == {"campaign", "events", "ok", "checked", "breaches", "not_checkable"}
    assert breach["remedy"]
    assert all(one["reason"] for one in data["not_checkable"])


def test_texts_are_given_in_both_languages():
    """Every sentence stands in Chinese and in English, and the source names the paragraph."""
    for one in INVARIANTS.values():
        for zh, en in (one.title, one.rule, one.remedy, *([one.rest] if one.rest else [])):
            assert any("一" <= letter <= "鿿" for letter in zh)
            assert en.isascii()
        assert one.id in one.source
