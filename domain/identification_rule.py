"""The rule that proposes who needs which help: versioned, readable, explainable (FEATURES B6, DESIGN §8 and §10).

A proposal names kinds of help only, never a track or a target (DESIGN §10). It says which of the rule's thresholds
decided and which fact would change it, never the pupil's own value: marks do not leave the registry (DESIGN §8).
What is unknown goes to a person; it is never taken as "no need".
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, Self

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, field_validator, model_validator

from domain.exact import Count, ExactFraction, Positive, fraction_text
from domain.refusal import Refusal


class HelpKind(StrEnum):
    """Kinds of help that a school owes; no track (DESIGN §10)."""

    STUDY = "STUDY"
    ATTENDANCE = "ATTENDANCE"
    INFORMATION = "INFORMATION"


ALLOWED: Final[dict[str, str]] = {
    "midterm_share": "below",
    "unexplained_absence_days": "at_least",
    "informed": "is_value",
}
"""Attribute that a rule may read → the comparison that fits it."""

FORBIDDEN: Final[tuple[str, ...]] = (
    "age", "birth_order", "boarding", "destination_wish", "disability", "ethnicity", "family_income",
    "gender", "guardian_education", "guardian_occupation", "health", "household_registration", "left_behind",
    "marital_status_of_parents", "migrant", "nationality", "only_child", "orphan", "political_status", "poverty",
    "religion", "sex", "siblings", "single_parent", "teacher_opinion", "township", "village",
)  # fmt: skip
"""Attributes that must never decide about a child: protected, of the family, or the wish itself (FEATURES B6)."""


class Relation(StrEnum):
    """How a fact stands to a rule's threshold."""

    BELOW = "BELOW"
    AT_LEAST = "AT_LEAST"
    IS = "IS"
    UNKNOWN = "UNKNOWN"
    KNOWN = "KNOWN"


class FlipsWhen(BaseModel):
    """The fact that would change the proposal: the relation to the threshold that would hold instead."""

    model_config = ConfigDict(frozen=True)

    relation: Relation
    threshold: str


class Reason(BaseModel):
    """Why a kind of help is proposed or not: an attribute, its relation to the rule's threshold, and what flips it.

    Attributes:
        help: the kind of help that the reason is about.
        attribute: the attribute that decided, one of `ALLOWED`.
        relation: how the fact stands to the threshold; UNKNOWN where the fact is missing.
        threshold: the rule's threshold as text: "3/5", "3", "true" or "false"; never the pupil's value.
        flips_when: with this fact instead (all else equal) the kind of help comes or goes; for UNKNOWN, the
            proposal can be made as soon as every unknown fact is known.
    """

    model_config = ConfigDict(frozen=True)

    help: HelpKind
    attribute: str
    relation: Relation
    threshold: str
    flips_when: FlipsWhen


class Criterion(BaseModel):
    """One readable line of the rule: this kind of help when this attribute compares so.

    Attributes:
        help: the kind of help that it brings.
        attribute: one of `ALLOWED`.
        below: for `midterm_share`: strictly less than this share of the full mark (exactly the share is enough).
        at_least: for `unexplained_absence_days`: this many days or more.
        is_value: for `informed`: exactly this.

    Exactly one comparison, the one that fits the attribute. Unlike stored messages, unknown keys are refused: a
    condition that is silently dropped would decide about a child.

    Raises:
        Refusal: `RULE_ATTRIBUTE_FORBIDDEN` or `RULE_ATTRIBUTE_UNKNOWN`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    help: HelpKind
    attribute: str
    below: ExactFraction | None = None
    at_least: Positive | None = None
    is_value: StrictBool | None = None

    @field_validator("attribute")
    @classmethod
    def _may_be_read(cls, attribute: str) -> str:
        if attribute.strip().casefold() in FORBIDDEN:
            raise Refusal("RULE_ATTRIBUTE_FORBIDDEN", attribute=attribute)
        if attribute not in ALLOWED:
            raise Refusal("RULE_ATTRIBUTE_UNKNOWN", attribute=attribute)
        return attribute

    @model_validator(mode="after")
    def _exactly_the_fitting_comparison(self) -> Self:
        given = [name for name in ("below", "at_least", "is_value") if getattr(self, name) is not None]
        if given != [ALLOWED[self.attribute]]:
            raise ValueError(f"{self.attribute} is compared with {ALLOWED[self.attribute]}, and with nothing else")
        if self.below is not None and not 0 < self.below <= 1:
            raise ValueError("a share of the full mark is above 0 and at most 1")
        return self

    @property
    def threshold(self) -> str:
        """The threshold as text."""
        if self.below is not None:
            return fraction_text(self.below)
        if self.at_least is not None:
            return str(self.at_least)
        return "true" if self.is_value else "false"

    def reason(self, facts: Facts) -> tuple[bool | None, Reason]:
        """Compare a pupil's facts: whether the help is needed (None: not known) and why."""
        needed: bool | None
        match self.attribute, getattr(facts, self.attribute):
            case _, None:
                needed, relation, other = None, Relation.UNKNOWN, Relation.KNOWN
            case "midterm_share", Fraction() as share:
                assert self.below is not None
                needed = share < self.below
                relation, other = _pair(below=needed)
            case "unexplained_absence_days", int(days):
                assert self.at_least is not None
                needed = days >= self.at_least
                relation, other = _pair(below=not needed)
            case "informed", bool(informed):
                needed, relation, other = informed is self.is_value, Relation.IS, Relation.IS
            case attribute, _:
                raise TypeError(f"no comparison is defined for {attribute}")
        threshold, flipped = self.threshold, self.threshold
        if relation is Relation.IS:
            opposite = "false" if self.is_value else "true"
            threshold, flipped = (threshold, opposite) if needed else (opposite, threshold)
        return needed, Reason(
            help=self.help,
            attribute=self.attribute,
            relation=relation,
            threshold=threshold,
            flips_when=FlipsWhen(relation=other, threshold=flipped),
        )


def _pair(*, below: bool) -> tuple[Relation, Relation]:
    return (Relation.BELOW, Relation.AT_LEAST) if below else (Relation.AT_LEAST, Relation.BELOW)


class Rule(BaseModel):
    """A versioned rule. Each kind of help has one criterion, so a stated counterfactual is true on its own.

    Attributes:
        id: the rule's name, lower-case words joined by hyphens.
        version: grows with every change; the cohort's freeze keeps it with the digest (FEATURES B7).
        criteria: at least one line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    version: Positive
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_criterion_for_a_help(self) -> Self:
        kinds = [criterion.help for criterion in self.criteria]
        if len(kinds) != len(dict.fromkeys(kinds)):
            raise ValueError("each kind of help has one criterion")
        return self


class Facts(BaseModel):
    """What the registry knows of one pupil on its snapshot; None is unknown. Never leaves the registry's activity.

    Attributes:
        midterm_share: mark divided by full mark, 0 to 1.
        unexplained_absence_days: school days of unexplained absence.
        informed: whether the household was informed.
    """

    model_config = ConfigDict(frozen=True)

    midterm_share: ExactFraction | None = None
    unexplained_absence_days: Count | None = None
    informed: StrictBool | None = None

    @field_validator("midterm_share")
    @classmethod
    def _is_a_share(cls, share: Fraction | None) -> Fraction | None:
        if share is not None and not 0 <= share <= 1:
            raise ValueError("a mark is between 0 and the full mark")
        return share


class Proposal(BaseModel):
    """What the rule proposes for one pupil; a person confirms, excludes or contests it.

    Attributes:
        code: HELP; NO_NEED; DATA_UNKNOWN, which a person must look at.
        help: the kinds of help proposed; empty unless HELP.
        reasons: for HELP, why each kind is proposed; for NO_NEED, which facts would bring help; for DATA_UNKNOWN,
            the missing attributes.
    """

    model_config = ConfigDict(frozen=True)

    code: Literal["HELP", "NO_NEED", "DATA_UNKNOWN"]
    help: tuple[HelpKind, ...]
    reasons: tuple[Reason, ...]


def load_rule(data: dict[str, Any]) -> Rule:
    """Read a rule as written in a file, and refuse one that may not be used (FEATURES B6: refused at load).

    Raises:
        Refusal: `RULE_ATTRIBUTE_FORBIDDEN`, `RULE_ATTRIBUTE_UNKNOWN` or, for anything else that is wrong,
            `RULE_INVALID` with the place.
    """
    try:
        return Rule.model_validate(data)
    except ValidationError as wrong:
        place = ".".join(str(part) for part in wrong.errors(include_input=False, include_url=False)[0]["loc"])
        raise Refusal("RULE_INVALID", place=place or "rule") from None


def evaluate(rule: Rule, facts: Facts) -> Proposal:
    """Apply the rule to one pupil's facts; unknown data fails closed (FEATURES B6)."""
    answers = [criterion.reason(facts) for criterion in rule.criteria]
    unknown = tuple(reason for needed, reason in answers if needed is None)
    if unknown:
        return Proposal(code="DATA_UNKNOWN", help=(), reasons=unknown)
    met = tuple(reason for needed, reason in answers if needed)
    if met:
        return Proposal(code="HELP", help=tuple(reason.help for reason in met), reasons=met)
    return Proposal(code="NO_NEED", help=(), reasons=tuple(reason for _, reason in answers))


def rule_digest(rule: Rule) -> str:
    """Return the lower-case hex SHA-256 of the rule's RFC 8785 bytes; it stands in the cohort's freeze (B7)."""
    return hashlib.sha256(rfc8785.dumps(rule.model_dump(mode="json"))).hexdigest()


DEFAULT_RULE: Final = Rule(
    id="help-needs",
    version=1,
    criteria=(
        Criterion(help=HelpKind.STUDY, attribute="midterm_share", below=Fraction(3, 5)),
        Criterion(help=HelpKind.ATTENDANCE, attribute="unexplained_absence_days", at_least=3),
        Criterion(help=HelpKind.INFORMATION, attribute="informed", is_value=False),
    ),
)
"""Help with study below 60 % of the mid-term's full mark, with attendance from 3 unexplained days, information
where the household is not yet informed. All three are [DESIGN] defaults."""
