"""What can happen to planning targets, and what can be commanded of them (DOMAIN §4.2; INV-08)."""

from __future__ import annotations

from pydantic import BaseModel


class Targets(BaseModel):
    """What the campaign remembers of the targets in force."""
