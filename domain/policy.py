"""Policy is data: profiles of named parameters, each with its source (DESIGN §7; DOMAIN §1.19 and §4.2).

Two profiles ship. `compliant` is the default; `legacy` holds the source documents' figures for trial computation
(试算·不得发放) and can never be launched. Numbers marked [DESIGN] are this project's proposals. A stored event keeps
the `PolicyRef` of its day: do not recompute an old hash from a newer model, which may know more parameters.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.exact import Positive
from domain.policy_parameters import TABLE_NAMES, PolicyParameters
from domain.refusal import Refusal

__all__ = [
    "DEFAULT_PROFILE",
    "PROFILES",
    "UNCONFIRMED",
    "PolicyParameters",
    "PolicyProfile",
    "PolicyRef",
    "load_parameters",
    "profile",
    "require_launchable",
]


class PolicyRef(BaseModel):
    """Which policy a decision was taken under; in every event's envelope (DESIGN §3)."""

    model_config = ConfigDict(frozen=True)

    id: str
    version: Positive
    parameter_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PolicyProfile(BaseModel):
    """A named, versioned set of parameters with its validity and the document that it rests on (DESIGN §7).

    Attributes:
        id: the profile's name.
        version: grows with every change; a change never alters a published result (INV-29).
        valid_from, valid_to: civil dates, both included; None is open.
        document: the document's number; `UNCONFIRMED` until a person has entered this year's (DOMAIN §2).
        shadow: only for trial computation; can never be launched.
        parameters: the figures.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    version: Positive
    valid_from: date
    valid_to: date | None = None
    document: Annotated[str, Field(min_length=1)]
    shadow: bool
    parameters: PolicyParameters

    @model_validator(mode="after")
    def _from_before_to(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("a profile ends after it begins")
        return self

    @property
    def parameter_hash(self) -> str:
        """The hash of the parameters alone: two profiles with equal figures have equal hashes."""
        return self.parameters.parameter_hash

    @property
    def ref(self) -> PolicyRef:
        """The reference that events keep. Compute it once for a state: it hashes all parameters."""
        return PolicyRef(id=self.id, version=self.version, parameter_hash=self.parameter_hash)


UNCONFIRMED: Final = "UNCONFIRMED"
"""Stands for a document number that a person must still enter (DOMAIN §2 and §10.1)."""

PROFILES: Final[dict[str, PolicyProfile]] = {
    # Default: help and service, no money and no points (DOMAIN §4.2 "values that differ"); valid since the revised
    # Vocational Education Law came into force.
    "compliant": PolicyProfile(
        id="compliant",
        version=1,
        valid_from=date(2022, 5, 1),
        document=UNCONFIRMED,
        shadow=False,
        parameters=PolicyParameters(),
    ),
    # The source documents' figures of 2010 to 2012 (F-E2, F-E3, F-F1), now forbidden to pay (X1): trial only.
    "legacy": PolicyProfile(
        id="legacy",
        version=1,
        valid_from=date(2010, 1, 1),
        valid_to=date(2012, 12, 31),
        document="SEED-000",
        shadow=True,
        parameters=PolicyParameters(
            reward_tiers=((Fraction(1), 300), (Fraction(4, 5), 200), (Fraction(3, 5), 100)),
            penalty=50,
            points_full=5,
            points_missing=-1,
            veto_no_fault=False,
            veto_coverage_below=None,
        ),
    ),
}
"""The profiles that ship, by id."""

DEFAULT_PROFILE: Final = "compliant"


def profile(profile_id: str) -> PolicyProfile:
    """Return the shipped profile of that id.

    Raises:
        Refusal: `PROFILE_UNKNOWN`.
    """
    found = PROFILES.get(profile_id)
    if found is None:
        raise Refusal("PROFILE_UNKNOWN", profile=profile_id)
    return found


def require_launchable(candidate: PolicyProfile) -> None:
    """Refuse a profile that exists for trial computation only (R-08, X1).

    Raises:
        Refusal: `PROFILE_SHADOW_ONLY`.
    """
    if candidate.shadow:
        raise Refusal("PROFILE_SHADOW_ONLY", profile=candidate.id)


def load_parameters(data: dict[str, Any], base: PolicyParameters | None = None) -> PolicyParameters:
    """Read parameters from a file over those of a base profile (default: `compliant`), refusing misspelt names.

    A retired parameter may stand there with the value that it has, and with no other. The short names of DOMAIN §4.2
    (`complaint_ack`, `complaint_close`, `aid_rate`) are taken too.

    Raises:
        Refusal: `POLICY_PARAMETER_UNKNOWN` or `POLICY_PARAMETER_INVALID` with the parameter's name.
    """
    named = {TABLE_NAMES.get(name, name): value for name, value in data.items()}
    for name in named:
        if name not in PolicyParameters.model_fields:
            raise Refusal("POLICY_PARAMETER_UNKNOWN", parameter=name)
    start = PROFILES[DEFAULT_PROFILE].parameters if base is None else base
    for name in start.RETIRED:
        if named.get(name, getattr(start, name)) != getattr(start, name):
            raise Refusal("POLICY_PARAMETER_UNKNOWN", parameter=name)
    try:
        return PolicyParameters.model_validate({**start.model_dump(mode="json"), **named})
    except ValidationError as wrong:
        place = wrong.errors(include_input=False, include_url=False)[0]["loc"]
        raise Refusal("POLICY_PARAMETER_INVALID", parameter=str(place[0]) if place else "parameters") from None
