"""Which events ask for a notice: rows of references for the outbox, never a rendered text (design, section 8)."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict

from domain.events import Envelope, event_id


class NoticePlan(BaseModel):
    """A notice that an event asks for.

    Attributes:
        notice_id: from campaign, recipient, purpose and occasion, so that one occasion plans one notice (INV-27).
        purpose: `meeting_invitation`, `meeting_cancelled`, `stage_reminder`, `stage_escalation`.
        recipient: a pupil's reference (its household), or `{role}@{school}` for staff.
        optional: held by a pause; statutory and safety notices are not.
    """

    model_config = ConfigDict(frozen=True)

    notice_id: str
    campaign: str
    stream: str
    cause: str
    purpose: str
    recipient: str
    optional: bool = True
    planned_at: str


def notices_for(envelope: Envelope) -> list[NoticePlan]:
    """Return the notices that an event asks for; most ask for none."""
    data = envelope["data"]
    parts = envelope["stream"].split("/")
    school = parts[3] if len(parts) > 3 else "bureau"  # noqa: PLR2004 - campaign/county/year/school
    match envelope["type"]:
        case "HouseholdInvited":
            return [_plan(envelope, "meeting_invitation", data["student"], data["session"])]
        case "InvitationWithdrawn":
            return [_plan(envelope, "meeting_cancelled", data["student"], data["session"])]
        case "StageReminded":
            days = str(data["working_days_left"])
            return [_plan(envelope, "stage_reminder", f"class_head@{school}", f"{days}@{envelope['occurred_at']}")]
        case "StageEscalated":
            occasion = f"{data['level']}@{envelope['occurred_at']}"
            return [_plan(envelope, "stage_escalation", f"{data['to_role']}@{school}", occasion)]
        case _:
            return []


def _plan(envelope: Envelope, purpose: str, recipient: str, occasion: str) -> NoticePlan:
    campaign = "/".join(envelope["stream"].split("/")[:3])
    key = "\n".join((campaign, envelope["stream"], recipient, purpose, occasion))
    return NoticePlan(
        notice_id=f"ntc_{hashlib.sha256(key.encode()).hexdigest()[:32]}",
        campaign=campaign,
        stream=envelope["stream"],
        cause=event_id(envelope["stream"], envelope["version"]),
        purpose=purpose,
        recipient=recipient,
        planned_at=envelope["recorded_at"],
    )
