"""What can happen and be commanded of assigned care, letters and stand-ins (R-06, R-07)."""

from __future__ import annotations

from pydantic import BaseModel


class Care(BaseModel):
    """What the school remembers of who looks after whom."""
