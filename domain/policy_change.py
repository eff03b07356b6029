"""A change of the policy profile in the middle of a campaign (B18, INV-29)."""

from __future__ import annotations

from domain.campaign_state import CampaignState
from domain.parts import Part


class PolicyChangePart(Part[CampaignState]):
    """A change of the policy profile in the middle of a campaign (B18, INV-29)."""
