"""What can happen to the settlement, and what can be commanded of it (R-08, INV-17 to INV-19)."""

from __future__ import annotations

from pydantic import BaseModel


class SettlementBook(BaseModel):
    """What the campaign remembers of the runs of the settlement."""
