"""The identification as its events make it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from domain.identification_events import ProposalCode
from domain.identification_rule import HelpKind
from domain.stage_state import StageState


class PupilCase(BaseModel):
    """What the stage keeps of one pupil: codes only."""

    code: ProposalCode
    proposed: list[HelpKind]
    decided: list[HelpKind] | None = None
    decided_by: list[str] = []
    contested: bool = False


class IdentificationState(StageState):
    """The stage as its events make it."""

    year: int
    snapshot: str
    snapshot_digest: str
    rule: dict[str, Any]
    proposals: bool = False
    pupils: dict[str, PupilCase] = {}
    frozen: str | None = None
