"""What the tests on a running engine share: a house of their own for each, small campaigns, and patient checks."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

import worker
from client import CampaignClient
from domain.actors import Actor, Role
from domain.calendar import Calendar, CalendarYear
from domain.deciders import decider_of
from domain.events import GENESIS, Envelope, digest, recomputed_hash
from domain.stage_events import StageSlug
from domain.stream import Answer, Receipt, fold
from domain.time import civil
from ledger.store import Ledger
from protocol import WORKFLOW_TYPES
from registry.draft import Draft, prepare
from registry.references import References
from registry.store import Registry
from rehearsal.county import make_county

T = TypeVar("T")

SCHOOL = "9900010001"
CASES = ("dropout", "compliance")
KINDS = tuple(kind for kind in WORKFLOW_TYPES if kind not in CASES)
"""The kinds of streams that every campaign has: itself, its schools, the five stages and the attendance."""

FIRST, SECOND = StageSlug.IDENTIFICATION.value, StageSlug.PARENT_MEETINGS.value
LATER = (StageSlug.SCHOOL_VISITS.value, StageSlug.APPLICATION_FILING.value, StageSlug.RETENTION.value)

OFFICER = Actor(id="stf_officer", role=Role.BUREAU_OFFICER, organisation="bureau")
APPROVER = Actor(id="stf_approver", role=Role.BUREAU_APPROVER, organisation="bureau")
DISCIPLINE = Actor(id="stf_discipline", role=Role.DISCIPLINE_OFFICER, organisation="bureau")
PRINCIPAL = Actor(id="stf_principal", role=Role.PRINCIPAL, organisation=SCHOOL)
LEADER = Actor(id="stf_leader", role=Role.GRADE_LEADER, organisation=SCHOOL)
STRANGER = Actor(id="stf_stranger", role=Role.PRINCIPAL, organisation="9900010999")

PATIENCE = 60.0
"""Seconds that a busy machine may take; nothing waits longer than it must."""


def act(kind: str, command_id: str, actor: Actor, **fields: Any) -> dict[str, Any]:
    """Return a command as it travels."""
    return {"kind": kind, "command_id": command_id, "actor": actor.model_dump(mode="json"), **fields}


@dataclass
class House:
    """A namespace, a ledger and a registry that nobody else uses, and a client on them."""

    engine: Client
    ledger: Ledger
    registry: Registry
    client: CampaignClient
    directory: Path

    def worker(self, ledger: Any = None, **settings: Any) -> Worker:
        """Return a worker; one that would block a workflow task fails the workflow instead, so that tests see it."""
        return worker.build(self.engine, ledger or self.ledger, self.registry, **{"failing": [Exception], **settings})

    async def draft(self, *, pupils: int = 12, county: str = "qingshan", year: int = 2025, schools: int = 1) -> Draft:
        """Read a synthetic county into the registry."""
        files = self.directory / county
        make_county(files, schools, pupils, 1, county=county, year=year)
        return await prepare(self.registry, files, References.seeded(1))

    async def campaign(
        self,
        *,
        pupils: int = 12,
        county: str = "qingshan",
        clock: str = "engine",
        windows: Mapping[str, tuple[date, date]] | None = None,
        after: Mapping[str, list[str]] | None = None,
        today: date | None = None,
        watched: bool = True,
    ) -> Campaign:
        """Launch and approve a campaign of one school and wait until its five stages are there.

        On the engine's clock identification and the parents' meetings are open from the start, and the attendance
        begins in a month; where the pupils are not `watched` any more, its last day has passed.
        """
        today = today or civil(datetime.now().astimezone())
        draft = await self.draft(pupils=pupils, county=county)
        if clock == "engine":
            draft = relative(draft, today, windows or {}, after or {}, watched=watched)
        found = Campaign(self, draft.campaign)
        started = datetime.fromisoformat("2024-11-04T09:00:00+08:00") if clock == "stepped" else None
        await self.client.launch(draft, OFFICER, "launch", clock=clock, started_at=started)
        await self.client.submit(draft.campaign, act("approve", "approve", APPROVER))
        if clock == "engine":
            await found.ready()
        return found

    async def events(self, stream: str) -> list[Envelope]:
        """Return a stream's events."""
        return [envelope async for envelope in self.ledger.events(stream)]

    async def streams(self, campaign: str) -> dict[str, list[Envelope]]:
        """Return all streams of a campaign with their events."""
        return {stream: await self.events(stream) for stream in await self.ledger.streams(campaign)}

    def handle(self, stream: str, run_id: str | None = None) -> WorkflowHandle[Any, Any]:
        """Return the handle of a stream's workflow."""
        return self.engine.get_workflow_handle(stream, run_id=run_id)

    async def state(self, stream: str, run_id: str | None = None) -> dict[str, Any]:
        """Ask one run, or the last, for the stream's state."""
        found: dict[str, Any] = await self.handle(stream, run_id).query("state", result_type=dict[str, Any])
        return found

    async def history_length(self, stream: str) -> int:
        """Return how many events the history of the stream's last run has."""
        return len((await self.handle(stream).fetch_history()).events)


@dataclass
class Campaign:
    """A campaign of one school."""

    house: House
    id: str

    def stream(self, kind: str) -> str:
        """Return the id of the stream of a kind."""
        match kind:
            case "campaign":
                return self.id
            case "school":
                return f"{self.id}/{SCHOOL}"
            case slug:
                return f"{self.id}/{SCHOOL}/{slug}"

    async def ready(self) -> None:
        """Wait until all five stages are there and the campaign knows."""

        async def all_there() -> bool:
            board = await self.house.ledger.board(self.id)
            return len(board) == len(KINDS) and board[self.id]["schools"][SCHOOL] == "running"

        await eventually(all_there)

    async def open(self, stage: str = FIRST) -> None:
        """Wait until a stage is open, with the rule's proposals where it asks for them."""

        async def is_open() -> bool:
            types = [envelope["type"] for envelope in await self.house.events(self.stream(stage))]
            return ("ProposalsMade" if stage == FIRST else "StageOpened") in types

        await eventually(is_open)

    async def pupils(self) -> list[str]:
        """Return all pupils' references, in the order of their classes."""
        state = (await self.house.state(self.stream(FIRST)))["state"]
        return [student for _, students in sorted(state["classes"].items()) for student in students]

    async def submit(self, kind: str, command: Mapping[str, Any]) -> Answer:
        """Give a command to the stream of a kind and wait until the ledger holds it."""
        return await self.house.client.submit(self.stream(kind), command)


def relative(
    draft: Draft,
    today: date,
    windows: Mapping[str, tuple[date, date]],
    after: Mapping[str, list[str]],
    *,
    watched: bool = True,
) -> Draft:
    """Move a draft to windows around today, by a calendar of plain weeks that knows every year that matters."""
    first = today + timedelta(days=30 if watched else -30)
    usual = {slug: (today + timedelta(days=200), today + timedelta(days=230)) for slug in LATER}
    usual |= {slug: (today - timedelta(days=3), today + timedelta(days=60)) for slug in (FIRST, SECOND)}
    years = {year: CalendarYear() for year in range(today.year - 1, today.year + 3)}
    content = {
        **draft.content,
        "calendar": Calendar(version=1, years=years).model_dump(mode="json"),
        "not_yet_computable": [],
        "attendance": {"first": first.isoformat(), "last": (first + timedelta(days=20)).isoformat()},
        "stages": {
            slug: {"opens": opens.isoformat(), "due": due.isoformat(), "after": list(after.get(slug, []))}
            for slug, (opens, due) in {**usual, **windows}.items()
        },
    }
    del content["content_digest"]
    content["content_digest"] = digest(content)
    return Draft(draft.campaign, content)


@asynccontextmanager
async def house_in(engine: Client, directory: Path) -> AsyncIterator[House]:
    """Open a house on a client's namespace and close it again."""
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{directory / 'ledger.db'}")
    registry = await Registry.open(f"sqlite+aiosqlite:///{directory / 'registry.db'}", b"p" * 32)
    try:
        yield House(engine, ledger, registry, PatientClient(engine, ledger), directory)
    finally:
        await ledger.close()
        await registry.close()


class PatientClient(CampaignClient):
    """A client that gives a busy machine more time; for tests that are not about time."""

    def __init__(self, engine: Client, ledger: Ledger) -> None:
        super().__init__(engine, ledger, patience=timedelta(seconds=2 * PATIENCE))

    async def wait_recorded(self, receipt: Receipt, within: timedelta = timedelta(seconds=PATIENCE)) -> None:
        """Wait until the ledger holds a receipt's last event."""
        await super().wait_recorded(receipt, within)


class SlowLedger:
    """A ledger whose append takes its time, and that looks at what the workflows ask of it.

    Attributes:
        batches: by stream, the versions of each append, in the order in which they came.
        together: by stream, the most appends that were under way at the same time.
    """

    def __init__(self, ledger: Ledger, seconds: float) -> None:
        self._ledger = ledger
        self._seconds = seconds
        self._now: Counter[str] = Counter()
        self.batches: defaultdict[str, list[list[int]]] = defaultdict(list)
        self.together: defaultdict[str, int] = defaultdict(int)

    def __getattr__(self, name: str) -> Any:
        """Leave everything but the append to the ledger itself."""
        return getattr(self._ledger, name)

    async def append(self, envelopes: Sequence[Envelope], notices: Sequence[Any], view: dict[str, Any]) -> int:
        """Write, slowly."""
        stream = envelopes[0]["stream"]
        self._now[stream] += 1
        self.together[stream] = max(self.together[stream], self._now[stream])
        self.batches[stream].append([envelope["version"] for envelope in envelopes])
        try:
            await asyncio.sleep(self._seconds)
            return await self._ledger.append(envelopes, notices, view)
        finally:
            self._now[stream] -= 1


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Make calls side by side; where one fails, none is left running."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call) for call in calls]
    return [task.result() for task in tasks]


async def eventually(done: Callable[[], Awaitable[bool]], within: float = PATIENCE) -> None:
    """Wait until something is so; fail where it is not in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while not await done():
        assert loop.time() < deadline, "it did not become true in time"
        await asyncio.sleep(0.02)


def assert_sound(stream: str, events: list[Envelope], state: dict[str, Any] | None = None) -> None:
    """Check one stream: versions without a gap, each hash recomputed and joined, and the fold equal to the state."""
    before = GENESIS
    for number, envelope in enumerate(events, start=1):
        assert envelope["stream"] == stream
        assert envelope["version"] == number
        assert envelope["prev_hash"] == before
        assert recomputed_hash(envelope) == envelope["hash"]
        before = envelope["hash"]
    if state is not None:
        folded = fold(decider_of(stream), events)
        assert folded is not None
        assert folded.model_dump(mode="json") == state


def types(events: list[Envelope]) -> list[str]:
    """Return the events' types in order."""
    return [envelope["type"] for envelope in events]
