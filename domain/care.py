"""Who looks after whom: leader and grade, class head and class, teacher and pupils; letters; stand-ins (R-06, R-07)."""

from __future__ import annotations

from domain.parts import Part
from domain.school_state import SchoolState


class CarePart(Part[SchoolState]):
    """Assigned care, responsibility letters and stand-ins of a school."""
