"""What the tests of this room share: synthetic families, a ledger with notices, and sending to a sink."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from activities.dispatch import DispatchActivities
from domain.actors import SYSTEM
from domain.campaign import CampaignPaused
from domain.events import GENESIS, Envelope, Event, seal
from domain.notices import notices_for
from domain.parent_meetings_events import HouseholdInvited, InvitationWithdrawn, SessionScheduled
from domain.policy import PolicyRef
from domain.refusal import Blocker
from domain.stage_events import StageReminded
from domain.time import instant
from ledger.outbox import Tries
from ledger.store import Ledger
from notices.channels import Channel
from notices.compose import CodeRequest
from notices.mail import MailChannel, SmtpServer
from notices.sink import Sink
from registry.records import Caregiver, Guardian, HeldSchool, Household
from registry.staff_file import StaffMember

CAMPAIGN = "campaign/qingshan/2025"
SCHOOL = "9900010001"
SCHOOL_NAME = "青山县第一初级中学"
MEETINGS = f"{CAMPAIGN}/{SCHOOL}/parent-meetings"
FILING = f"{CAMPAIGN}/{SCHOOL}/application-filing"
BEGIN = instant("2025-03-03T08:00:00+08:00")
AT = instant("2025-03-10T19:00:00+08:00")
NOW = BEGIN + timedelta(hours=1)
SENDER = "notices@county.invalid"
KEY = b"k" * 32
TRIES = Tries(lease=timedelta(minutes=10), pauses=(timedelta(minutes=1), timedelta(minutes=10)))


class CampaignDrafted(Event):
    """A campaign's first event, as far as a notice looks at it."""

    campaign: str
    complaint_line: str | None = None
    policy: dict[str, Any] | None = None
    calendar: dict[str, Any] | None = None


Drafted = CampaignDrafted


class NoticeOffered(Event):
    """A family is to get the letter to parents."""

    student: str
    document: str


def student(number: int) -> str:
    """Return a pupil's reference."""
    return f"stu_{number:06d}"


def address(number: int) -> str:
    """Return the address of a pupil's first guardian."""
    return f"guardian{number:06d}@family.invalid"


def phone(number: int, *, second: bool = False) -> str:
    """Return the telephone of a pupil's first guardian, or of the second."""
    return f"{138 if second else 139}{number:08d}"


def sealed(stream: str, events: Iterable[Event], start: int = 1, prev_hash: str = GENESIS) -> list[Envelope]:
    """Seal events into a stream."""
    found: list[Envelope] = []
    for version, event in enumerate(events, start):
        found.append(
            seal(
                event,
                stream=stream,
                version=version,
                prev_hash=found[-1]["hash"] if found else prev_hash,
                occurred_at=BEGIN,
                recorded_at=BEGIN,
                actor=SYSTEM,
                command_id=f"cmd-{version}",
                causation=None,
                policy=PolicyRef(id="compliant", version=1, parameter_hash="ab" * 32),
            )
        )
    return found


async def put(ledger: Ledger, envelopes: Sequence[Envelope]) -> None:
    """Append events with the notices that they ask for."""
    await ledger.append(envelopes, [plan for envelope in envelopes for plan in notices_for(envelope)], {"kind": "x"})


async def invite(
    ledger: Ledger, count: int, *, number: str | None = "0871-12345", drafted: bool = True
) -> list[Envelope]:
    """Put a campaign into the ledger, unless it is there, that invites so many households to one meeting."""
    if drafted:
        await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN, complaint_line=number)]))
    invited = [HouseholdInvited(session="s1", student=student(n)) for n in range(1, count + 1)]
    events = sealed(MEETINGS, [SessionScheduled(session="s1", classes=("2025-01",), at=AT), *invited])
    await put(ledger, events)
    return events


async def more(ledger: Ledger, before: Sequence[Envelope], *events: Event) -> None:
    """Append events to a stream."""
    await put(ledger, sealed(before[-1]["stream"], events, before[-1]["version"] + 1, before[-1]["hash"]))


def withdrawn(number: int) -> Event:
    """Return that a household is to be told of a cancelled meeting."""
    return InvitationWithdrawn(session="s1", student=student(number))


def reminded() -> Event:
    """Return a reminder with two blockers."""
    missing = (Blocker(code="HOUSEHOLDS_NOT_INVITED", count=3), Blocker(code="SESSIONS_NOT_HELD", count=1))
    return StageReminded(working_days_left=7, missing=missing)


def pause() -> Event:
    """Return the pause of the campaign."""
    return CampaignPaused(school=None, reason="FLOOD")


@dataclass
class People:
    """A registry of families that follow from their numbers; `without` have no mailbox, `second` only the second's.

    Both guardians have one in the families of `both`. Those of `cared` have a caregiver with one, who agreed except in
    `unasked`. The first guardian has a telephone, the others have one where they have a mailbox.
    """

    without: tuple[int, ...] = ()
    second: tuple[int, ...] = ()
    both: tuple[int, ...] = ()
    cared: tuple[int, ...] = ()
    unasked: tuple[int, ...] = ()
    english: tuple[int, ...] = ()
    forgotten: tuple[int, ...] = ()
    asked: list[str] = field(default_factory=list)

    async def households(self, refs: Sequence[str]) -> dict[str, Household]:
        """Return families."""
        return {ref: family for ref in refs if (family := await self.household(ref)) is not None}

    async def household(self, ref: str) -> Household | None:
        """Return a family."""
        self.asked.append(ref)
        number = int(ref.removeprefix("stu_"))
        if number in self.forgotten:
            return None
        email = "" if number in self.without or number in self.second else address(number)
        other = f"second{number:06d}@family.invalid" if number in (*self.second, *self.both) else ""
        language = "en" if number in self.english else ""
        return Household(
            student_ref=ref,
            class_id="2025-01",
            school=SCHOOL,
            name=f"学生{number:06d}",
            email=f"pupil{number:06d}@family.invalid",
            language=language,
            guardians=(
                Guardian(f"gdn_{number:06d}a", ref, "家长甲", phone(number), email, "", 1),
                Guardian(
                    f"gdn_{number:06d}b", ref, "家长乙", phone(number, second=True) if other else "", other, "", 2
                ),
            ),
            caregiver=self.caregiver(number) if number in self.cared else None,
        )

    def caregiver(self, number: int) -> Caregiver:
        """Return a pupil's caregiver."""
        email = f"caregiver{number:06d}@family.invalid"
        agreed = number not in self.unasked
        return Caregiver(f"cgv_{number:06d}", student(number), "奶奶", f"137{number:08d}", email, "", agreed)

    async def shared_addresses(self, campaign: str, most: int) -> frozenset[str]:
        """Return what many families give: nobody does."""
        assert (campaign, most) == (CAMPAIGN, 3)
        return frozenset()

    async def staff(self, campaign: str) -> tuple[StaffMember, ...]:
        """Return two class heads of the school, its principal, one head of another school, and the bureau's."""
        assert campaign == CAMPAIGN
        rows = (
            ("stf_head1", "class_head", SCHOOL, "head1@school.invalid"),
            ("stf_head2", "class_head", SCHOOL, "head2@school.invalid"),
            ("stf_other", "class_head", "9900010002", "other@school.invalid"),
            ("stf_silent", "class_head", SCHOOL, ""),
            ("stf_disc", "discipline_officer", "", "discipline@county.invalid"),
            ("stf_prin", "principal", SCHOOL, "principal@school.invalid"),
            ("stf_offi", "bureau_officer", "", "officer@county.invalid"),
            ("stf_audi", "auditor", "", "auditor@county.invalid"),
        )
        return tuple(
            StaffMember.model_validate({"staff_ref": ref, "role": role, "school": school, "email": email})
            for ref, role, school, email in rows
        )

    async def schools(self, campaign: str) -> tuple[HeldSchool, ...]:
        """Return the one school."""
        assert campaign == CAMPAIGN
        return (HeldSchool(SCHOOL, SCHOOL_NAME, 600),)


async def code_for(requests: Sequence[CodeRequest]) -> list[str]:
    """Return codes that name whom they are for."""
    return [f"{one.party[0].upper()}{one.student[-3:]}-{one.person[:3].upper()}1" for one in requests]


def server(sink: Sink) -> SmtpServer:
    """Return the sink as a mail server's address."""
    return SmtpServer(host="127.0.0.1", port=sink.port, tls="none", sender=SENDER)


class Clock:
    """A present that a test moves."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the present."""
        return self.now

    def move(self, delta: timedelta) -> None:
        """Let time pass."""
        self.now += delta


def mail(sink: Sink, connections: int = 4) -> MailChannel:
    """Return the way to a sink."""
    return MailChannel(server(sink), seconds=5, sessions=connections)


def dispatcher(
    ledger: Ledger,
    sink: Sink | None,
    people: People | None = None,
    *,
    clock: Callable[[], datetime] | None = None,
    tries: Tries = TRIES,
    code: Any = code_for,
    connections: int = 4,
    channels: Mapping[str, Channel] | None = None,
) -> DispatchActivities:
    """Return the activities on a ledger and its ways out: a sink for mails, where there is one, and others."""
    ways: dict[str, Channel] = {} if sink is None else {"email": mail(sink, connections)}
    registry: Any = people or People()
    return DispatchActivities(
        ledger, registry, {**ways, **(channels or {})}, code, key=KEY, clock=clock or Clock(), tries=tries
    )


async def states(ledger: Ledger) -> dict[str, str]:
    """Return recipient and purpose → state."""
    return {f"{row['recipient']} {row['purpose']}": row["state"] for row in await ledger.outbox.find(CAMPAIGN)}
