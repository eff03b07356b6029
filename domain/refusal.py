"""Refusals: what was not done, why, and what to do; a stable code for programs, a sentence for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict


class Blocker(BaseModel):
    """One thing that stands in the way, with how often it does (S7: name the blocker)."""

    model_config = ConfigDict(frozen=True)

    code: str
    count: int = 1


class Refusal(Exception):  # noqa: N818 - a refusal is an ordinary answer of the rules, not an error
    """A command that the rules do not allow.

    Attributes:
        code: stable, upper-case; its sentences stand in `domain.sentences`.
        parameters: the values that the sentence names; codes, counts and dates only, never a person's data.
        blockers: for completions, everything that must be done first.
        recorded: True for those that an auditor must see (design, section 3): the stream keeps `CommandRefused`.
        act: of a family's act, what it was (`withdraw`, `sign` …); stands in the record, not in the answer.
    """

    def __init__(
        self,
        code: str,
        *,
        blockers: tuple[Blocker, ...] = (),
        recorded: bool = False,
        act: str | None = None,
        **parameters: Any,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.parameters = parameters
        self.blockers = blockers
        self.recorded = recorded
        self.act = act

    def as_data(self) -> dict[str, Any]:
        """Return the refusal as JSON values, as it travels in errors and answers."""
        return {
            "code": self.code,
            "parameters": self.parameters,
            "blockers": [blocker.model_dump() for blocker in self.blockers],
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Refusal:
        """Read what `as_data` wrote."""
        return cls(
            data["code"],
            blockers=tuple(Blocker(**blocker) for blocker in data.get("blockers", ())),
            **data.get("parameters", {}),
        )


def refuse_rows(problems: Sequence[tuple[int, str]]) -> None:
    """Refuse a list whole when any of its rows is bad.

    Raises:
        Refusal: ROWS_REFUSED with `rows`, each the position in the command (0, 1, 2 …) and a code.
    """
    if problems:
        rows = [{"row": number, "code": code} for number, code in problems]
        raise Refusal("ROWS_REFUSED", count=len(rows), rows=rows)
