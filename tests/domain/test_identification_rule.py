from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.identification_rule import (
    ALLOWED,
    DEFAULT_RULE,
    FORBIDDEN,
    Criterion,
    Facts,
    HelpKind,
    Reason,
    Relation,
    Rule,
    evaluate,
    load_rule,
    rule_digest,
)
from domain.refusal import Refusal

SHARES = st.fractions(0, 1, max_denominator=200)
KNOWN = st.builds(Facts, midterm_share=SHARES, unexplained_absence_days=st.integers(0, 30), informed=st.booleans())
WELL = Facts(midterm_share=Fraction(1), unexplained_absence_days=0, informed=True)
CRITERIA = {
    "midterm_share": SHARES.filter(bool).map(lambda share: {"attribute": "midterm_share", "below": str(share)}),
    "unexplained_absence_days": st.integers(1, 20).map(
        lambda days: {"attribute": "unexplained_absence_days", "at_least": days}
    ),
    "informed": st.booleans().map(lambda value: {"attribute": "informed", "is_value": value}),
}


@st.composite
def rules(draw) -> Rule:
    """Draw any lawful rule: one to three kinds of help, each decided by any attribute."""
    kinds = draw(st.lists(st.sampled_from(list(HelpKind)), min_size=1, max_size=3, unique=True))
    criteria = [{"help": kind, **draw(st.one_of(*CRITERIA.values()))} for kind in kinds]
    return load_rule({"id": "drawn", "version": 1, "criteria": criteria})


def with_the_stated_fact(facts: Facts, reason: Reason) -> Facts:
    """Change one fact to what the reason says would change the proposal, reading nothing but the reason."""
    flip = reason.flips_when
    value: Fraction | int | bool
    match reason.attribute, flip.relation:
        case "midterm_share", Relation.BELOW:
            value = Fraction(flip.threshold) - Fraction(1, 1000)
        case "midterm_share", _:
            value = Fraction(flip.threshold)
        case "unexplained_absence_days", Relation.BELOW:
            value = int(flip.threshold) - 1
        case "unexplained_absence_days", _:
            value = int(flip.threshold)
        case "informed", _:
            value = flip.threshold == "true"
    return facts.model_copy(update={reason.attribute: value})


@given(rules(), KNOWN)
def test_the_stated_counterfactual_really_flips_the_decision(rule, facts):
    """Explain my list: with the stated fact instead, this very kind of help comes or goes."""
    proposal = evaluate(rule, facts)
    assert proposal.reasons
    for reason in proposal.reasons:
        changed = evaluate(rule, with_the_stated_fact(facts, reason))
        assert (reason.help in proposal.help) != (reason.help in changed.help)


@given(rules(), KNOWN)
def test_a_proposal_is_help_exactly_when_some_criterion_is_met(rule, facts):
    """HELP names the kinds with one reason each; NO_NEED says for every criterion what would bring help."""
    proposal = evaluate(rule, facts)
    if proposal.code == "HELP":
        assert proposal.help
        assert tuple(reason.help for reason in proposal.reasons) == proposal.help
    else:
        assert (proposal.code, proposal.help) == ("NO_NEED", ())
        assert [reason.help for reason in proposal.reasons] == [criterion.help for criterion in rule.criteria]


@given(rules(), KNOWN, st.sampled_from(list(ALLOWED)))
def test_unknown_data_fails_closed(rule, facts, attribute):
    """An attribute that the rule needs and nobody knows goes to a person, whatever else is known."""
    proposal = evaluate(rule, facts.model_copy(update={attribute: None}))
    needed = [criterion for criterion in rule.criteria if criterion.attribute == attribute]
    if needed:
        assert (proposal.code, proposal.help) == ("DATA_UNKNOWN", ())
        assert [reason.attribute for reason in proposal.reasons] == [attribute] * len(needed)
        assert {reason.flips_when.relation for reason in proposal.reasons} == {Relation.KNOWN}
    else:
        assert proposal == evaluate(rule, facts)


def test_nothing_known_is_never_no_need():
    """An empty row names all that is missing."""
    proposal = evaluate(DEFAULT_RULE, Facts())
    assert proposal.code == "DATA_UNKNOWN"
    assert [reason.attribute for reason in proposal.reasons] == list(ALLOWED)


@pytest.mark.parametrize(
    ("share", "help_"),
    [
        (Fraction(60, 100), ()),
        (Fraction(420, 700), ()),
        (Fraction(5999, 10000), (HelpKind.STUDY,)),
        (Fraction(419, 700), (HelpKind.STUDY,)),
        (Fraction(0), (HelpKind.STUDY,)),
    ],
)
def test_exactly_sixty_per_cent_needs_no_help_with_study(share, help_):
    """The boundary is exact: 60 % is not below 60 %, and 59.99 % is not rounded up to it."""
    assert evaluate(DEFAULT_RULE, WELL.model_copy(update={"midterm_share": share})).help == help_


@pytest.mark.parametrize(("days", "help_"), [(2, ()), (3, (HelpKind.ATTENDANCE,)), (4, (HelpKind.ATTENDANCE,))])
def test_three_unexplained_days_bring_help_with_attendance(days, help_):
    """The boundary is inclusive: at least 3."""
    assert evaluate(DEFAULT_RULE, WELL.model_copy(update={"unexplained_absence_days": days})).help == help_


def test_a_household_that_was_not_informed_is_owed_information():
    """The reason says it in both directions."""
    proposal = evaluate(DEFAULT_RULE, WELL.model_copy(update={"informed": False}))
    assert proposal.model_dump(mode="json") == {
        "code": "HELP",
        "help": ["INFORMATION"],
        "reasons": [
            {
                "help": "INFORMATION",
                "attribute": "informed",
                "relation": "IS",
                "threshold": "false",
                "flips_when": {"relation": "IS", "threshold": "true"},
            }
        ],
    }


def test_no_need_says_which_facts_would_bring_help():
    """Each reason stands on the rule's threshold."""
    stated = [
        (reason.attribute, reason.relation, reason.threshold, reason.flips_when.relation, reason.flips_when.threshold)
        for reason in evaluate(DEFAULT_RULE, WELL).reasons
    ]
    assert stated == [
        ("midterm_share", "AT_LEAST", "3/5", "BELOW", "3/5"),
        ("unexplained_absence_days", "BELOW", "3", "AT_LEAST", "3"),
        ("informed", "IS", "true", "IS", "false"),
    ]


@given(SHARES, SHARES, st.integers(0, 30), st.integers(0, 30))
def test_a_proposal_tells_nothing_but_the_side_of_the_threshold(share, other_share, days, other_days):
    """Marks never leave the registry: two pupils on the same sides have the same bytes."""
    one = evaluate(DEFAULT_RULE, Facts(midterm_share=share, unexplained_absence_days=days, informed=True))
    other = evaluate(DEFAULT_RULE, Facts(midterm_share=other_share, unexplained_absence_days=other_days, informed=True))
    same_sides = (share < Fraction(3, 5), days >= 3) == (other_share < Fraction(3, 5), other_days >= 3)
    assert (one.model_dump_json() == other.model_dump_json()) == same_sides


@pytest.mark.parametrize(
    "attribute",
    """gender ethnicity household_registration left_behind migrant orphan disability health family_income poverty
    guardian_occupation birth_order destination_wish""".split(),  # noqa: SIM905 - the brief's own list
)
@pytest.mark.parametrize("spelling", [str, str.upper, lambda name: f" {name} "])
def test_forbidden_attributes_are_refused_at_load(attribute, spelling):
    """No rule may look at what a child is, where it comes from, what the family has, or what it wishes."""
    data = {"help": "STUDY", "attribute": spelling(attribute), "is_value": True}
    with pytest.raises(Refusal) as refused:
        load_rule({"id": "r", "version": 1, "criteria": [data]})
    assert (refused.value.code, refused.value.parameters) == (
        "RULE_ATTRIBUTE_FORBIDDEN",
        {"attribute": spelling(attribute)},
    )
    with pytest.raises(Refusal):
        Criterion(**data)


def test_forbidden_and_allowed_attributes_are_apart_and_facts_hold_only_the_allowed():
    """Metamorphic test by construction: there is no place where a forbidden fact could enter."""
    assert not set(FORBIDDEN) & set(ALLOWED)
    assert list(Facts.model_fields) == list(ALLOWED)


def test_an_attribute_that_nobody_listed_is_refused():
    """What is not allowed is not allowed, also a new idea."""
    with pytest.raises(Refusal) as refused:
        load_rule({"id": "r", "version": 1, "criteria": [{"help": "STUDY", "attribute": "rank", "at_least": 3}]})
    assert (refused.value.code, refused.value.parameters) == ("RULE_ATTRIBUTE_UNKNOWN", {"attribute": "rank"})


STUDY = {"help": "STUDY", "attribute": "midterm_share", "below": "3/5"}


@pytest.mark.parametrize(
    ("criteria", "place"),
    [
        ([], "criteria"),
        ([{"help": "STUDY", "attribute": "midterm_share"}], "criteria.0"),
        ([{**STUDY, "at_least": 3}], "criteria.0"),
        ([{"help": "STUDY", "attribute": "midterm_share", "at_least": 3}], "criteria.0"),
        ([{**STUDY, "below": 0.6}], "criteria.0.below"),
        ([{**STUDY, "below": "0.6"}], "criteria.0.below"),
        ([{**STUDY, "below": "0/1"}], "criteria.0"),
        ([{**STUDY, "below": "3/2"}], "criteria.0"),
        ([{**STUDY, "help": "VOCATIONAL"}], "criteria.0.help"),
        ([{**STUDY, "unless": "well"}], "criteria.0.unless"),
        ([STUDY, {**STUDY, "below": "1/2"}], "rule"),
        ([{"help": "ATTENDANCE", "attribute": "unexplained_absence_days", "at_least": 0}], "criteria.0.at_least"),
        ([{"help": "INFORMATION", "attribute": "informed", "is_value": "no"}], "criteria.0.is_value"),
    ],
)
def test_a_rule_that_is_not_well_formed_is_refused_with_its_place(criteria, place):
    """Exactly one fitting comparison, exact numbers, kinds of help only, one criterion for each."""
    with pytest.raises(Refusal) as refused:
        load_rule({"id": "r", "version": 1, "criteria": criteria})
    assert (refused.value.code, refused.value.parameters["place"].removesuffix(".int")) == ("RULE_INVALID", place)


@pytest.mark.parametrize(
    "facts", [{"midterm_share": 0.6}, {"midterm_share": "101/100"}, {"unexplained_absence_days": -1}, {"informed": 1}]
)
def test_facts_that_cannot_be_are_refused(facts):
    """A float, a mark above the full mark and a negative day are errors of the import, not facts."""
    with pytest.raises(ValidationError):
        Facts.model_validate(facts)


def test_facts_and_rules_come_back_equal_from_json():
    """Also with what is unknown."""
    for facts in (Facts(), WELL):
        assert Facts.model_validate_json(facts.model_dump_json()) == facts
    assert load_rule(DEFAULT_RULE.model_dump(mode="json")) == DEFAULT_RULE


def test_the_default_rules_digest_is_known():
    """B7: a cohort is frozen with this digest; whoever changes the rule raises its version."""
    assert (DEFAULT_RULE.id, DEFAULT_RULE.version) == ("help-needs", 1)
    assert rule_digest(DEFAULT_RULE) == "8aec8e0ed79bcd96d511f502874d6a04364725359894da38bd9de8f7c076d853"


@given(rules(), rules())
def test_different_rules_have_different_digests(one, other):
    """Equal rules and only they have equal digests; 6/10 is 3/5."""
    assert (rule_digest(one) == rule_digest(other)) == (one == other)
    written = {"id": "r", "version": 1, "criteria": [{**STUDY, "below": "6/10"}]}
    assert rule_digest(load_rule(written)) == rule_digest(load_rule({**written, "criteria": [STUDY]}))
