"""What the notices of a batch need to say, read for all of them at once from ledger, registry and gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Any, Final, NamedTuple

from domain.consent import Standing
from domain.events import Envelope, event_id
from domain.notices import FOLLOWS, NoticeState, notice_id_of, student_of
from domain.time import instant
from ledger.store import Ledger
from notices.compose import CodeRequest, Facts, Notice, UnsendableError
from notices.readers import Contact, Household
from registry.records import Household as HeldHousehold
from registry.store import Registry

CodeFor = Callable[[Sequence[CodeRequest]], Awaitable[Sequence[str]]]
"""The family gateway's part: answer codes in the order of the requests, the same for the same request."""

COMPLAINT_NUMBER: Final = "12345"
"""The government's service line: for campaigns that began before they named a number of their own."""


STREAMS_AT_ONCE: Final = 100
"""Streams of one query: databases limit how deep a condition may be."""


class Occasion(NamedTuple):
    """Where an occasion's facts stand: the event that planned it, the one that moves it, and what they say.

    Attributes:
        planned: the event that planned it, with all of its facts.
        moved: the event that gave it another time, which may happen again.
        reference: the field with its reference, there and in the cause of a notice.
        facts: field → the variable that shows it.
    """

    planned: str
    moved: str
    reference: str
    facts: Mapping[str, str]


MEETING: Final = Occasion("SessionScheduled", "SessionMoved", "session", {"at": "meeting_at"})
TRIP: Final = Occasion("CampusVisitPlanned", "CampusVisitMoved", "trip", {"at": "visit_at", "receiving_school": "host"})
OCCASIONS: Final = {
    "meeting_invitation": MEETING,
    "meeting_moved": MEETING,
    "meeting_cancelled": MEETING,
    "visit_invitation": TRIP,
    "visit_moved": TRIP,
    "visit_cancelled": TRIP,
}
"""Purpose → the occasion that it is about."""

MOVES: Final = ("meeting_moved", "visit_moved")

TAKEN_BACK: Final = {
    "meeting_invitation": ("InvitationWithdrawn", "HouseholdInvited"),
    "meeting_moved": ("InvitationWithdrawn", "HouseholdInvited"),
    "visit_invitation": ("SeatWithdrawn", "SeatOffered"),
    "visit_moved": ("SeatWithdrawn", "SeatOffered"),
}
"""Purpose → the event after which its notice is no longer true, and the one that makes it true again."""

SAID: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "working_days_left": ("working_days_left", int),
    "level": ("level", int),
    "missing": ("missing", list),
    "complaint": ("complaint", str),
    "student": ("student", str),
    "ends": ("cooling_ends", instant),
    "short": ("short", bool),
    "on": ("removed_on", date.fromisoformat),
    "kept": ("kept", bool),
    "now": ("document", str),
    "callback_due": ("callback_due", date.fromisoformat),
    "case": ("case", str),
    "received_on": ("received_on", date.fromisoformat),
    "due": ("due", date.fromisoformat),
    "to_role": ("to_role", str),
    "since": ("since", date.fromisoformat),
    "attempts": ("attempts", int),
    "day": ("day", date.fromisoformat),
    "report": ("report", str),
    "period": ("period", str),
}
"""A field of an event → the variable that shows it, and how it is read from the record."""

STANDING: Final = "GuardianshipRecorded"
"""Type of the events that say who may decide for a pupil."""

INFORMATION: Final = "choice_information"
"""Purpose that tells a caregiver which version of the letter the guardians have, without a code."""

CODED: Final = ("choice_notice", "choice_notice_pupil")
"""Purposes whose text has an answer code for the document that the cause names."""


class RecordDirectory:
    """Looks things up, and remembers them: one directory serves one batch.

    `read` and `read_codes` fetch for a whole batch; what they did not fetch is read when it is asked for.
    """

    def __init__(self, ledger: Ledger, registry: Registry, code_for: CodeFor) -> None:
        """Share the stores.

        Args:
            ledger: what happened.
            registry: names and addresses.
            code_for: answer codes.
        """
        self._ledger = ledger
        self._registry = registry
        self._code_for = code_for
        self._schools: dict[str, dict[str, str]] = {}
        self._staff: dict[str, list[tuple[str, str, Contact]]] = {}
        self._lines: dict[str, tuple[str, str | None]] = {}
        self._households: dict[str, Household | None] = {}
        self._causes: dict[str, Envelope] = {}
        self._occasions: dict[tuple[str, str], dict[int, Mapping[str, Any]]] = {}
        self._standings: dict[str, dict[str, Standing]] = {}
        self._over: dict[tuple[str, str, str], bool] = {}
        self._invited: dict[str, dict[str | None, bool]] = {}
        self._codes: dict[CodeRequest, str] = {}
        self._told: dict[tuple[str, str, str], tuple[dict[str, Any], int]] = {}

    # -- for a batch --------------------------------------------------------------------------------------------

    async def read(self, notices: Sequence[Notice]) -> None:
        """Read the events and the households of a batch: a handful of queries, however many they are."""
        streams: dict[str, list[Notice]] = {}
        for notice in notices:
            streams.setdefault(notice.cause.rpartition("#")[0], []).append(notice)
        await self._read_events(streams)
        students = {student: None for notice in notices if (student := student_of(notice.recipient)) is not None}
        if students:
            await self._read_households(list(students))
            await self._read_standings(notices, list(students))
            await self._read_invited(notices)

    async def read_codes(self, requests: Sequence[CodeRequest]) -> None:
        """Have the answer codes of a batch made."""
        if requests:
            self._codes.update(zip(requests, await self._code_for(requests), strict=True))

    # -- for a notice -------------------------------------------------------------------------------------------

    async def household(self, student: str) -> Household | None:
        """Return a pupil's household, None where it is unknown or was forgotten."""
        if student not in self._households:
            await self._read_households([student])
        return self._households[student]

    async def staff(self, campaign: str, role: str, school: str) -> tuple[Contact, ...]:
        """Return those who act in a role for a school, or for the whole county."""
        if campaign not in self._staff:
            members = await self._registry.staff(campaign)
            self._staff[campaign] = [
                (one.role, one.school, Contact(one.staff_ref, one.email, wecom=one.wecom)) for one in members
            ]
        return tuple(contact for held, of, contact in self._staff[campaign] if held == role and of in ("", school))

    async def school(self, campaign: str, code: str) -> str:
        """Return a school's name, or its code where the campaign does not have it."""
        if campaign not in self._schools:
            held = await self._registry.schools(campaign)
            self._schools[campaign] = {school.code: school.name for school in held}
        return self._schools[campaign].get(code, code)

    async def facts(self, notice: Notice) -> Facts:
        """Return what the record says about a notice's occasion.

        Raises:
            UnsendableError: FACTS_MISSING.
        """
        if notice.cause not in self._causes:
            await self.read([notice])
        cause = self._causes.get(notice.cause)
        if cause is None:
            raise UnsendableError("FACTS_MISSING")
        data = cause["data"]
        parts = notice.stream.split("/")
        student = student_of(notice.recipient)
        values = _values(cause, student) | {"stage": "/".join(parts[4:])}  # campaign/county/year/school/stage
        if cause["type"] == "DestinationRemoved":
            values["listed_school"] = await self.school(notice.campaign, data["school"])
        if notice.purpose == INFORMATION:
            values["document"] = data["document"]
        about, moves = OCCASIONS.get(notice.purpose), 0
        if about is not None:
            said, moves = self._said(cause, about)
            values |= await self._occasion(notice.campaign, said, about.facts)
        complaint_number, answer_line = await self._own_lines(notice.campaign)
        return Facts(
            values=values,
            occasion=None if about is None else data[about.reference],
            moves=moves,
            document=data["document"] if notice.purpose in CODED else None,
            complaint_number=complaint_number,
            standings=self._standings.get(student or "", {}),
            answer_line=answer_line,
            begins=None if about is None else values[about.facts["at"]],
            taken_back=about is not None and self._is_over(notice, student, data[about.reference]),
            invited=self._invited.get(notice.notice_id),
        )

    async def code(self, request: CodeRequest) -> str:
        """Return an answer code."""
        if request not in self._codes:
            await self.read_codes([request])
        return self._codes[request]

    # -- inside -------------------------------------------------------------------------------------------------

    async def _read_events(self, streams: Mapping[str, Sequence[Notice]]) -> None:
        """Read the events that planned some notices, by stream, and those that set their occasions."""
        causes = {notice.cause: None for notices in streams.values() for notice in notices}
        versions: dict[str, list[int]] = {stream: [] for stream in streams}
        for cause in causes:
            stream, _, version = cause.rpartition("#")
            versions[stream].append(int(version))
        purposes = {notice.purpose: None for notices in streams.values() for notice in notices}
        about = [OCCASIONS[purpose] for purpose in purposes if purpose in OCCASIONS]
        kinds = {kind: None for occasion in about for kind in (occasion.planned, occasion.moved)}
        for some in _parts(versions):
            for stream, found in (await self._ledger.outbox.backgrounds(some, list(kinds))).items():
                for event in found:
                    name = event_id(stream, event["version"])
                    if name in causes:
                        self._causes[name] = event
                    if event["type"] in kinds:
                        self._occasions.setdefault((stream, event["type"]), {})[event["version"]] = event["data"]

    def _said(self, cause: Envelope, about: Occasion) -> tuple[dict[str, Any], int]:
        """Return what is known of the occasion now, and how often it has moved.

        An invitation may have waited: it goes out with the hour that holds, never with one that is past. A label is
        used once, so that nothing said under it is about another occasion.
        """
        key = (cause["stream"], about.planned, cause["data"][about.reference])
        if key not in self._told:
            self._told[key] = self._all_said(cause["stream"], about, cause["data"][about.reference])
        said, moves = self._told[key]
        if not said:
            raise UnsendableError("FACTS_MISSING")
        return said, moves

    def _all_said(self, stream: str, about: Occasion, reference: str) -> tuple[dict[str, Any], int]:
        of_stream: dict[int, tuple[str, Mapping[str, Any]]] = {}
        for kind in (about.planned, about.moved):
            held = self._occasions.get((stream, kind), {})
            of_stream |= {version: (kind, data) for version, data in held.items()}
        said: dict[str, Any] = {}
        moves = 0
        for _, (kind, data) in sorted(of_stream.items()):
            if data[about.reference] == reference:
                said |= data
                moves += kind == about.moved
        return said, moves

    async def _read_households(self, students: Sequence[str]) -> None:
        held = await self._registry.households(students)
        persons = [person for household in held.values() for person in _persons(household)]
        lost = await self._ledger.outbox.lost_contacts(persons)
        for student in students:
            self._households[student] = _household(held[student], lost) if student in held else None

    async def _read_standings(self, notices: Sequence[Notice], students: Sequence[str]) -> None:
        """Note who of a household is on record as what, and which invitations hold no more.

        A notice that waited must not come after its own cancellation.
        """
        asked: dict[str, dict[str, str]] = {}
        for notice in notices:
            asked.setdefault(notice.campaign, {}).update([TAKEN_BACK.get(notice.purpose, (STANDING, STANDING))])
        for campaign, kinds in asked.items():
            found = await self._ledger.outbox.about(campaign, [*dict.fromkeys((STANDING, *kinds))], students)
            ended: list[Envelope] = []
            for event in found:
                data = event["data"]
                if event["type"] == STANDING:
                    self._standings.setdefault(data["student"], {})[data["person"]] = Standing(data["standing"])
                else:
                    ended.append(event)
            if ended:
                await self._read_taken_back(campaign, ended, {one["type"]: kinds[one["type"]] for one in ended})

    async def _read_taken_back(self, campaign: str, ended: Sequence[Envelope], kinds: Mapping[str, str]) -> None:
        pupils = {event["data"]["student"]: None for event in ended}
        begun = await self._ledger.outbox.about(campaign, list(kinds.values()), list(pupils))
        ends = {begin: end for end, begin in kinds.items()}
        for event in sorted((*ended, *begun), key=lambda one: (one["stream"], one["version"])):
            reference = next(one.reference for one in (MEETING, TRIP) if one.reference in event["data"])
            kind = ends.get(event["type"], event["type"])
            self._over[kind, event["data"]["student"], event["data"][reference]] = event["type"] == kind

    async def _read_invited(self, notices: Sequence[Notice]) -> None:
        """Note who has had the invitation that a notice changes, or may have.

        Of a move also those are told whose invitation has failed for good: this one may find them. All others get the
        invitation, with the hour that holds.
        """
        asked: dict[str, str] = {}
        for notice in notices:
            cause, first = self._causes.get(notice.cause), FOLLOWS.get(notice.purpose)
            if first is not None and cause is not None:
                occasion = cause["data"][OCCASIONS[notice.purpose].reference]
                asked[notice.notice_id] = notice_id_of(notice.stream, first, notice.recipient, occasion)
        if not asked:
            return
        found = await self._ledger.outbox.invited(list(asked.values()))
        for notice in notices:
            if rows := found.get(asked.get(notice.notice_id, "")):
                failed = NoticeState.FAILED_PERMANENT if notice.purpose in MOVES else None
                self._invited[notice.notice_id] = {one.person: one.told or one.state is failed for one in rows}

    def _is_over(self, notice: Notice, student: str | None, reference: str) -> bool:
        kinds = TAKEN_BACK.get(notice.purpose)
        return kinds is not None and student is not None and self._over.get((kinds[0], student, reference), False)

    async def _occasion(self, campaign: str, said: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, name in names.items():
            values[name] = instant(said[key]) if key == "at" else await self.school(campaign, said[key])
        return values

    async def _own_lines(self, campaign: str) -> tuple[str, str | None]:
        """Return where a campaign's families complain, and where they send their codes if its draft says so."""
        if campaign not in self._lines:
            (first,) = await self._ledger.outbox.background(campaign, [1], [])
            drafted = first["data"]
            self._lines[campaign] = (drafted.get("complaint_line") or COMPLAINT_NUMBER, drafted.get("answer_line"))
        return self._lines[campaign]


def _parts(versions: Mapping[str, Sequence[int]]) -> Iterator[dict[str, Sequence[int]]]:
    """Split streams into as many at a time as one query may name."""
    streams = iter(versions.items())
    while some := dict(islice(streams, STREAMS_AT_ONCE)):
        yield some


def _household(held: HeldHousehold, lost: Mapping[str, Collection[str]]) -> Household:
    """Return a family; what does not find somebody any more (`lost`) is no address of theirs."""
    return Household(
        pupil=Contact(held.student_ref, held.email, held.language, lost=_channels(lost, held.student_ref)),
        name=held.name,
        school=held.school,
        guardians=tuple(
            Contact(
                ref=one.guardian_ref,
                email=one.email,
                language=one.language or held.language,
                phone=one.phone,
                wecom=one.wecom,
                channels=one.channels,
                lost=_channels(lost, one.guardian_ref),
            )
            for one in sorted(held.guardians, key=lambda guardian: guardian.position)
        ),
        caregivers=tuple(
            Contact(
                ref=one.caregiver_ref,
                email=one.email,
                language=one.language or held.language,
                agreed=one.agreed,
                phone=one.phone,
                wecom=one.wecom,
                lost=_channels(lost, one.caregiver_ref),
            )
            for one in (held.caregiver,)
            if one is not None
        ),
    )


def _persons(held: HeldHousehold) -> Iterator[str]:
    yield held.student_ref
    yield from (one.guardian_ref for one in held.guardians)
    if held.caregiver is not None:
        yield held.caregiver.caregiver_ref


def _channels(lost: Mapping[str, Collection[str]], person: str) -> tuple[str, ...]:
    return tuple(sorted(lost.get(person, ())))


def _values(cause: Envelope, student: str | None) -> dict[str, Any]:
    """Return what an event says by the variables of the templates: counts, codes, references and times.

    Args:
        cause: the event; one about many pupils has a row for each.
        student: the pupil whom the notice concerns, None for a notice to staff.
    """
    data = cause["data"]
    if student is not None and "rows" in data:
        data = next(row for row in data["rows"] if row["student"] == student)
    stream = cause["stream"].split("/")
    of_stream = {"student": stream[-1]} if "dropout" in stream[4:5] else {}
    known = [(SAID[key], value) for key, value in data.items() if value is not None and key in SAID]
    said = {name: read(value) for (name, read), value in known}
    return {"received_at": instant(cause["recorded_at"]), **of_stream, **said}
