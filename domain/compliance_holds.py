"""Holds that a compliance case has placed: they block counting and payment, nothing else (INV-30)."""

from __future__ import annotations

from domain.campaign_state import CampaignState
from domain.parts import Part


class HoldsPart(Part[CampaignState]):
    """Holds that a compliance case has placed: they block counting and payment, nothing else (INV-30)."""
