"""Runs of the settlement: computed, reviewed, approved, published, adjusted (R-08, INV-17 to INV-19)."""

from __future__ import annotations

from domain.campaign_state import CampaignState
from domain.parts import Part


class SettlementPart(Part[CampaignState]):
    """Runs of the settlement: computed, reviewed, approved, published, adjusted (R-08, INV-17 to INV-19)."""
