"""What the campaign decides for all and the school passes on to its stages: policy, holds, the list of schools."""

from __future__ import annotations

from domain.parts import Part
from domain.school_state import SchoolState


class PassOnPart(Part[SchoolState]):
    """News from the campaign that a school passes on."""
