"""The claims library: what notices say about rates, terms, lists and numbers, each approved and dated (DOMAIN §5.5).

A file `claims/{claim}.{version}.toml` holds one statement in both languages, the document that it rests on, who
approved it and from when to when it holds. A wording takes it over as `{{ claim.aid_rate }}`. A statement that changes
is a new version beside the old one, so that what was sent can be rendered again.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.actors import Role
from domain.exam_right import asks_for_waiver
from notices.values import Language
from notices.wording import never_to_families

CLAIMS: Final = Path(__file__).parent / "claims"

Fault = Literal["CLAIM_UNKNOWN", "CLAIM_UNAPPROVED", "CLAIM_EXPIRED", "CLAIM_NOT_YET_VALID"]
"""Why a claim may not be made on a day."""


class ClaimError(Exception):
    """A file that is no claim, or a claim that may not be made.

    Attributes:
        place: the file, or the claim.
        code: CLAIM_INVALID for a file; otherwise why it may not be made.
    """

    def __init__(self, place: str, code: Fault | Literal["CLAIM_INVALID"], problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.code = code


class Claim(BaseModel):
    """One version of one statement.

    Attributes:
        claim: its name, as wordings use it.
        version: 1, 2, 3 …
        zh, en: the statement, one line each.
        source: the document that it rests on.
        approved_by, approved_on: the role that approved it, and when; both None for a draft, which no notice may use.
        valid_from, valid_to: first and last civil day on which it may be said; without a last day it holds until a
            newer version does.
        sample: made up for the sample county; a real one puts a version of its own beside it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: str = Field(pattern=r"^[a-z][a-z_]{2,39}$")
    version: int = Field(ge=1)
    zh: str = Field(min_length=1, pattern=r"^[^\r\n{}]*$")
    en: str = Field(min_length=1, pattern=r"^[^\r\n{}]*$")
    source: str = Field(min_length=1)
    approved_by: Literal[Role.BUREAU_APPROVER] | None = None
    approved_on: date | None = None
    valid_from: date
    valid_to: date | None = None
    sample: bool = False

    @property
    def label(self) -> str:
        """Return `claim.version`, the name of its file."""
        return f"{self.claim}.{self.version}"

    def said(self, lang: Language) -> str:
        """Return the statement in a language."""
        return self.zh if lang == "zh" else self.en

    @property
    def approved(self) -> bool:
        """Return whether somebody has approved it."""
        return self.approved_by is not None

    def holds(self, on: date) -> bool:
        """Return whether a day lies within its days."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.approved_by is None) != (self.approved_on is None):
            raise ValueError("approved_by and approved_on go together")
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from")
        if asks_for_waiver(f"{self.zh}\n{self.en}"):
            raise ValueError("no notice asks anybody to give up the examination")
        if found := never_to_families(f"{self.zh}\n{self.en}"):
            raise ValueError(f"not in a notice to a family: {', '.join(found)}")
        return self


class Library:
    """All claims of a directory."""

    def __init__(self, claims: Iterable[Claim] = ()) -> None:
        self._versions: dict[str, list[Claim]] = {}
        for claim in sorted(claims, key=lambda one: one.version, reverse=True):
            self._versions.setdefault(claim.claim, []).append(claim)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the claims' names, sorted."""
        return tuple(sorted(self._versions))

    def versions(self, name: str) -> tuple[Claim, ...]:
        """Return the versions of a claim, the newest first; none of an unknown claim."""
        return tuple(self._versions.get(name, ()))

    def find(self, name: str, on: date | None = None) -> Claim:
        """Return the version of a claim that may be said on a day: the newest that is approved and holds.

        Args:
            name: the claim.
            on: the civil day on which it is said; None to show again what was said, whatever the day.

        Raises:
            ClaimError: CLAIM_UNKNOWN, CLAIM_UNAPPROVED, CLAIM_EXPIRED or CLAIM_NOT_YET_VALID.
        """
        versions = self.versions(name)
        approved = [one for one in versions if one.approved]
        found = next((one for one in approved if on is None or one.holds(on)), None)
        if found is not None:
            return found
        if not versions:
            raise ClaimError(name, "CLAIM_UNKNOWN", "there is no such claim")
        if not approved or any(on is None or one.holds(on) for one in versions):
            raise ClaimError(name, "CLAIM_UNAPPROVED", "nobody has approved it")
        if on is not None and all(on < one.valid_from for one in approved):
            raise ClaimError(name, "CLAIM_NOT_YET_VALID", "it does not hold yet")
        raise ClaimError(name, "CLAIM_EXPIRED", "it does not hold any more")


def load_claims(directory: Path = CLAIMS) -> Library:
    """Read and check every claim; a directory without files is an empty library.

    Raises:
        ClaimError: CLAIM_INVALID, with the file and the field.
    """
    claims = []
    for file in sorted(directory.glob("*.toml")):
        try:
            claim = Claim.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'claim'}: {problem['msg']}" for problem in error.errors()
            )
            raise ClaimError(file.name, "CLAIM_INVALID", problems) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ClaimError(file.name, "CLAIM_INVALID", str(error)) from None
        if claim.label != file.stem:
            raise ClaimError(file.name, "CLAIM_INVALID", f"holds {claim.label}")
        claims.append(claim)
    return Library(claims)


@functools.cache
def library() -> Library:
    """Return the claims that ship with the program, read once."""
    return load_claims()
