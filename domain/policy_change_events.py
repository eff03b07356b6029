"""What can happen and be commanded: a change of the policy profile in the middle of a campaign (B18, INV-29)."""

from __future__ import annotations

from pydantic import BaseModel


class PolicyChanges(BaseModel):
    """What the campaign remembers of the changes announced and in force."""
