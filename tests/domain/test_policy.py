from __future__ import annotations

import hashlib
import json
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from domain.exact import ExactFraction, exact, fraction_text
from domain.policy import (
    DEFAULT_PROFILE,
    PROFILES,
    PolicyParameters,
    PolicyProfile,
    PolicyRef,
    load_parameters,
    profile,
    require_launchable,
)
from domain.refusal import Refusal

COMPLIANT = PROFILES["compliant"].parameters
LEGACY = PROFILES["legacy"].parameters


def test_the_compliant_profile_pays_nothing_and_diverts_nobody_early():
    """DOMAIN §4.2: no tiers, no penalty, no points, no-fault veto with service coverage, spring forbidden."""
    assert COMPLIANT.reward_tiers == ()
    assert (COMPLIANT.penalty, COMPLIANT.points_full, COMPLIANT.points_missing) == (0, 0, 0)
    assert COMPLIANT.veto_no_fault is True
    assert COMPLIANT.veto_coverage_below == 1
    assert COMPLIANT.spring_mode == "FORBIDDEN"
    assert DEFAULT_PROFILE == "compliant"


def test_the_legacy_profile_holds_the_source_documents_figures():
    """F-E2, F-E3, F-F1: 300/200/100 yuan at 100/80/60 %, minus 50; plus 5, minus 1; veto below half."""
    dump = LEGACY.model_dump(mode="json")
    assert dump["reward_tiers"] == [["1/1", 300], ["4/5", 200], ["3/5", 100]]
    assert (LEGACY.penalty, LEGACY.points_full, LEGACY.points_missing) == (50, 5, -1)
    assert (dump["veto_ratio"], dump["veto_boundary"], LEGACY.veto_no_fault) == ("1/2", "strict", False)
    assert (dump["shortfall_base"], LEGACY.cap_at_quota, dump["tier_boundary"]) == ("quota", False, "inclusive")


def test_the_profiles_differ_only_in_money_points_and_veto():
    """A metamorphic guard: everything about families, time and service is the same in both."""
    one, other = COMPLIANT.model_dump(), LEGACY.model_dump()
    assert [name for name in one if one[name] != other[name]] == [
        "reward_tiers",
        "penalty",
        "points_full",
        "points_missing",
        "veto_no_fault",
        "veto_coverage_below",
    ]


def test_the_defaults_are_the_tables():
    """DOMAIN §4.2 and the stage machinery of the design, figure by figure."""
    dump = COMPLIANT.model_dump(mode="json")
    expected = {
        "cooling_off_days": 7,
        "consent_parties": ["pupil", "guardian"],
        "callback_rate_autumn": "3/10",
        "callback_rate_spring": "1/1",
        "dropout_award": "1/50",
        "dropout_veto_g79": "1/20",
        "loss_veto_g6": "1/10",
        "dropout_boundary": "strict",
        "split": ["3/5", "1/5", "1/5"],
        "registration_deadline": "11-20",
        "daily_report_due": "17:00",
        "dropout_clock": [1, 2, 3],
        "appeal_days": 7,
        "complaint_ack_workdays": 1,
        "complaint_close_workdays": 15,
        "retention_checkpoints": ["D+30", "term_end", "next_March"],
        "aid_rate_yuan": 2000,
        "points_for": ["class_head"],
        "class_average": "both",
        "wave_by": "delivery",
        "zero_quota": "NO_TASK",
        "reminder_working_days": [7, 1],
        "escalation_working_days": [1, 3, 5],
        "escalation_roles": ["class_head", "principal", "bureau_officer"],
        "contact_attempts": 3,
        "quorum": "7/10",
        "quorum_follow_up": "HOME_VISIT",
        "future_minutes": 5,
        "backdate_days": 14,
        "school_start_window": 10,
        "result_expires_month_day": "06-30",
    }
    assert {name: dump[name] for name in expected} == expected


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_travels_as_json_without_a_float_and_comes_back_equal(name):
    """It stands in the campaign's first event; the standard library must be able to verify it."""

    def refuse(text: str) -> None:
        raise AssertionError(f"a float: {text}")

    text = PROFILES[name].model_dump_json()
    json.loads(text, parse_float=refuse)
    again = PolicyProfile.model_validate_json(text)
    assert again == PROFILES[name]
    assert again.ref == PROFILES[name].ref


@pytest.mark.parametrize("name", PROFILES)
def test_the_hash_can_be_checked_with_the_standard_library(name):
    """RFC 8785 of plain ASCII data without floats is sorted keys without spaces."""
    plain = PROFILES[name].parameters.model_dump(mode="json")
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert PROFILES[name].parameter_hash == hashlib.sha256(text.encode("ascii")).hexdigest()
    assert PROFILES[name].ref == PolicyRef(id=name, version=1, parameter_hash=PROFILES[name].parameter_hash)


def test_the_hash_is_of_the_figures_alone_and_of_all_of_them():
    """Another name leaves it, another figure does not; 2/4 is 1/2."""
    renamed = PROFILES["compliant"].model_copy(update={"id": "county-x", "version": 9})
    assert renamed.parameter_hash == PROFILES["compliant"].parameter_hash
    assert load_parameters({"veto_ratio": "2/4"}).parameter_hash == COMPLIANT.parameter_hash
    assert load_parameters({"cooling_off_days": 8}).parameter_hash != COMPLIANT.parameter_hash
    assert COMPLIANT.parameter_hash != LEGACY.parameter_hash


def test_the_shipped_hashes_are_known():
    """INV-29: figures change only with a new version; whoever changes one changes this on purpose."""
    assert [PROFILES[name].parameter_hash for name in ("compliant", "legacy")] == [
        "8b15e0cb3acd09e26d4955fe7cbea7e903bc91112b0987e86b21c53e4052dfbf",
        "cb8bf74493c555ebc7209a90e21685275c96313482bd593fb6c57d2f89d6dc63",
    ]


def test_the_trial_profile_cannot_be_launched():
    """R-08, X1: 试算·不得发放."""
    require_launchable(profile("compliant"))
    with pytest.raises(Refusal) as refused:
        require_launchable(profile("legacy"))
    assert (refused.value.code, refused.value.parameters) == ("PROFILE_SHADOW_ONLY", {"profile": "legacy"})


def test_an_unknown_profile_is_refused_by_name():
    """A misspelt profile never falls back to a default."""
    assert profile("compliant").id == "compliant"
    with pytest.raises(Refusal) as refused:
        profile("Compliant")
    assert (refused.value.code, refused.value.parameters) == ("PROFILE_UNKNOWN", {"profile": "Compliant"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quorum", 0.7),
        ("quorum", "0.7"),
        ("quorum", "8/7"),
        ("quorum", "7/0"),
        ("quorum", "-1/7"),
        ("quorum", True),
        ("cooling_off_days", 7.0),
        ("cooling_off_days", "7"),
        ("cooling_off_days", True),
        ("cooling_off_days", 0),
        ("short_cooling_hours", 23),
        ("aid_months", 13),
        ("reward_tiers", [[0.8, 200]]),
        ("reward_tiers", [["4/5", 200.0]]),
        ("reward_tiers", [["3/5", 100], ["4/5", 200]]),
        ("reward_tiers", [["4/5", 100], ["8/10", 200]]),
        ("reward_tiers", [["0/1", 100]]),
        ("split", ["3/5", "1/5", "1/10"]),
        ("split", ["7/5", "-1/5", "-1/5"]),
        ("registration_deadline", "02-29"),
        ("registration_deadline", "13-01"),
        ("daily_report_due", "24:00"),
        ("spring_mode", "ALLOWED"),
        ("consent_parties", ["guardian"]),
        ("consent_parties", []),
        ("consent_parties", ["pupil", "class_head"]),
        ("consent_parties", ["pupil", "guardian", "principal"]),
    ],
)
def test_a_figure_that_cannot_be_is_refused_by_name(name, value):
    """No float, no share above 1, no tier out of order; and no policy drops a family's own signature."""
    with pytest.raises(Refusal) as refused:
        load_parameters({name: value})
    assert (refused.value.code, refused.value.parameters) == ("POLICY_PARAMETER_INVALID", {"parameter": name})


@pytest.mark.parametrize("mode", ["EXPERIENCE_ONLY", "COOP_ORIGIN_XUEJI"])
def test_spring_stays_forbidden_without_the_provinces_document(mode):
    """X5: it needs a document number to leave FORBIDDEN."""
    for document in (None, ""):
        with pytest.raises(Refusal):
            load_parameters({"spring_mode": mode, "spring_document": document})
    assert load_parameters({"spring_mode": mode, "spring_document": "P-2016-1"}).spring_mode == mode


def test_each_escalation_has_its_day_and_its_role():
    """Three roles and two days would leave one without a date."""
    with pytest.raises(Refusal):
        load_parameters({"escalation_working_days": [1, 3]})


def test_a_misspelt_parameter_is_refused_and_the_tables_short_names_are_taken():
    """A file's typing error must not leave the default in force unnoticed."""
    with pytest.raises(Refusal) as refused:
        load_parameters({"cooling_of_days": 3})
    assert (refused.value.code, refused.value.parameters) == (
        "POLICY_PARAMETER_UNKNOWN",
        {"parameter": "cooling_of_days"},
    )
    short = load_parameters({"aid_rate": 2300, "complaint_ack": 2, "complaint_close": 10})
    assert (short.aid_rate_yuan, short.complaint_ack_workdays, short.complaint_close_workdays) == (2300, 2, 10)


def test_loaded_parameters_change_only_what_they_name():
    """Over legacy, a cap changes the cap."""
    changed = load_parameters({"cap_at_quota": True, "reward_tiers": [[1, 300], ["8/10", 200]]}, LEGACY)
    assert changed == LEGACY.model_copy(
        update={"cap_at_quota": True, "reward_tiers": ((Fraction(1), 300), (Fraction(4, 5), 200))}
    )


def test_a_newer_events_parameters_can_still_be_read():
    """A rollback meets parameters it does not know: it reads the rest (design: do not forbid on stored messages)."""
    stored = {**COMPLIANT.model_dump(mode="json"), "invented_later": 1}
    assert PolicyParameters.model_validate(stored) == COMPLIANT


def test_a_profile_cannot_end_before_it_begins_nor_change():
    """Validity is a span of civil dates; a version is never edited."""
    data = PROFILES["legacy"].model_dump()
    with pytest.raises(ValidationError):
        PolicyProfile.model_validate({**data, "valid_to": date(2009, 12, 31)})
    with pytest.raises(ValidationError):
        PROFILES["legacy"].shadow = False


class Ratio(BaseModel):
    """A model with one ratio."""

    value: ExactFraction


@given(st.fractions())
def test_every_fraction_comes_back_exactly(value):
    """Written in lowest terms as n/d, read back equal, also inside a model."""
    numbers = 10**18
    if abs(value.numerator) >= numbers or value.denominator >= numbers:
        return
    assert exact(fraction_text(value)) == value
    again = Ratio.model_validate_json(Ratio(value=value).model_dump_json())
    assert again.value == value
    assert json.loads(again.model_dump_json())["value"] == f"{value.numerator}/{value.denominator}"


@given(st.one_of(st.floats(), st.decimals(), st.booleans(), st.none(), st.floats().map(str)))
def test_nothing_inexact_becomes_a_ratio(value):
    """INV-28: 0.1 is refused as a number and as text; so are true, null and decimals."""
    with pytest.raises(ValidationError):
        Ratio(value=value)


@pytest.mark.parametrize(
    ("mode", "delivered"), [("FORBIDDEN", False), ("EXPERIENCE_ONLY", False), ("COOP_ORIGIN_XUEJI", True)]
)
def test_only_the_cooperation_delivers_before_graduation(mode, delivered):
    """R-16: experience is visits and courses; it brings no target, no signature and no application for spring."""
    given = {"spring_mode": mode, "spring_document": "P-2026-1"}
    assert load_parameters(given).spring_delivery is delivered
