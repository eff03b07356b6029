"""What the campaign's own stream remembers."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import BaseModel

from domain.actors import Actor
from domain.aid_events import AidBook
from domain.campaign_events import CampaignStatus, DayRange, SchoolEntry, SchoolStatus, StageWindow
from domain.compliance_events import HoldRegister
from domain.policy_change_events import PolicyChanges
from domain.sending_events import SendingBook
from domain.settlement_state import SettlementBook
from domain.stream import StreamState
from domain.targets_events import Targets
from domain.window_change_events import WindowChanges


class Complaint(BaseModel):
    """A complaint as far as it has come.

    Attributes:
        made_by: digests of who complained and for whom, to keep the owner another person; no reference stands here.
    """

    about: str
    matter: str
    owner: str
    acknowledge_by: date | None
    decide_by: date | None
    acknowledged: bool = False
    outcome: str | None = None
    made_by: list[str] = []


class CampaignState(StreamState):
    """The campaign as its events make it."""

    campaign: str
    county: str
    year: int
    clock: str
    content_digest: str
    drafted_by: Actor
    approved_by: str | None = None
    status: CampaignStatus = CampaignStatus.DRAFT
    calendar: dict[str, Any]
    rule: dict[str, Any]
    stages: dict[str, StageWindow]
    schools: dict[str, SchoolEntry]
    standing: dict[str, SchoolStatus]
    progress: dict[str, dict[str, str]]
    paused: bool = False
    paused_schools: list[str] = []
    release: int = 1
    gateway: dict[str, Any] | None = None
    qualified_schools: list[str] = []
    complaints: dict[str, Complaint] = {}
    attendance: DayRange | None = None
    application_window: DayRange | None = None
    targets: Targets = Targets()
    policy_changes: PolicyChanges = PolicyChanges()
    window_changes: WindowChanges = WindowChanges()
    settlement: SettlementBook = SettlementBook()
    holds: HoldRegister = HoldRegister()
    aid: AidBook = AidBook()
    sending: SendingBook = SendingBook()
