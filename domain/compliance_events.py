"""What can happen to complaints and holds, and what can be commanded of them (INV-30, INV-32)."""

from __future__ import annotations

from pydantic import BaseModel


class HoldRegister(BaseModel):
    """What the campaign remembers of the holds in force."""
