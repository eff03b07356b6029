"""Planning targets: county to school to class, per wave, each with its document (DOMAIN §4.2; INV-08)."""

from __future__ import annotations

from domain.campaign_state import CampaignState
from domain.parts import Part


class TargetsPart(Part[CampaignState]):
    """Planning targets: county to school to class, per wave, each with its document (DOMAIN §4.2; INV-08)."""
