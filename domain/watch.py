"""The school starts its attendance and its dropout cases, and carries news between them (DOMAIN §7.3, region A)."""

from __future__ import annotations

from domain.parts import Part
from domain.school_state import SchoolState


class WatchPart(Part[SchoolState]):
    """News between a school's attendance and its dropout cases."""
