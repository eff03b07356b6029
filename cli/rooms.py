"""The rooms that a command works in: opened when it asks for them, closed when it ends."""

from __future__ import annotations

import asyncio
import base64
import hmac
import re
import uuid
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from cli.failures import NOT_FOUND, Failure, engine_unreachable, not_found
from cli.labels import own_label
from cli.lock import is_locked
from cli.options import Change, note, say
from cli.ways_out import ways_out
from client import CampaignClient, NotFoundError, actor_for, stand_in_for, stream_of
from domain.actors import ANONYMOUS, Actor
from domain.campaign_events import SCHOOL_CODE, GatewayKey
from domain.complaints import case_stream
from domain.exam_right import reads_like_waiver
from domain.refusal import Refusal
from domain.stream import Answer
from domain.time import stamp
from engine import connect, running_engine
from gateway import keys
from ledger.store import Ledger
from registry.database import load_pepper
from registry.references import References
from registry.store import Registry
from settings import Settings

RESTART: Final = 15
"""Seconds that a supervised engine may take to come back."""

STARTING: Final = 20
"""Seconds that a school of an approved campaign may take to start."""

CASE_OPENING: Final = ("complain", "report_suspicion")
"""Commands whose note belongs to a case that people read in any event."""

ENDS_A_STAGE: Final = ("complete", "skip")
"""Commands after which a signed head may be due, where heads sign themselves."""

SQLITE: Final = "sqlite+aiosqlite:///"


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite URL, None for another database."""
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None


def exists(url: str) -> bool:
    """Tell whether a database can be there: a SQLite file must exist, a server is asked later."""
    file = sqlite_file(url)
    return file is None or file.exists()


class Rooms:
    """Ledger, registry and client of one command."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stack = AsyncExitStack()
        self._ledger: Ledger | None = None
        self._registry: Registry | None = None
        self._client: CampaignClient | None = None

    async def __aenter__(self) -> Self:
        """Open nothing yet."""
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened."""
        await self._stack.__aexit__(kind, error, trace)

    async def ledger(self) -> Ledger:
        """Open the ledger.

        Raises:
            Failure: NOTHING_HERE (4), the data directory has none.
        """
        if self._ledger is None:
            if not exists(self.settings.ledger_url):
                raise nothing_here(self.settings.data)
            self._ledger = await Ledger.open(self.settings.ledger_url)
            self._stack.push_async_callback(self._ledger.close)
        return self._ledger

    async def registry(self) -> Registry:
        """Open the registry.

        Raises:
            Failure: NOTHING_HERE (4), the data directory has none.
            InputRejected: PEPPER_MISMATCH.
        """
        if self._registry is None:
            if not exists(self.settings.registry_url):
                raise nothing_here(self.settings.data)
            self._registry = await Registry.open(self.settings.registry_url, self.pepper())
            self._stack.push_async_callback(self._registry.close)
        return self._registry

    def pepper(self) -> bytes:
        """Return the secret that keys identities."""
        return load_pepper(self.settings.data / "pepper")

    def gateway_key(self, *, make: bool = True) -> GatewayKey | None:
        """Return the public key of the family gateway; its secret is made on first use, and never for a look only."""
        place = self.settings.gateway_key
        if not make and not place.exists():
            return None
        public = keys.public_key(keys.load_secret(place))
        return GatewayKey(key_id=keys.key_id(public), public_key=public)

    async def address(self) -> str | None:
        """Return where the engine is, waiting for one that is just being started again."""
        if self.settings.engine_address is not None:
            return self.settings.engine_address
        data = self.settings.data
        for _ in range(RESTART * 10):
            address = running_engine(data)
            if address is not None or not is_locked(data):
                return address
            await asyncio.sleep(0.1)
        return None

    async def client(self) -> CampaignClient:
        """Connect to the engine.

        Raises:
            Failure: ENGINE_UNREACHABLE (6).
        """
        if self._client is None:
            address = await self.address()
            if address is None:
                raise engine_unreachable()
            engine = await connect(address, self.settings.namespace, wait=2)
            self._client = CampaignClient(engine, await self.ledger())
        return self._client

    # -- commands ---------------------------------------------------------------------------------------------

    async def board(self, campaign: str, school: str | None = None, stage: str | None = None) -> dict[str, Any]:
        """Return a campaign's board after checking that the campaign, school and stage are known.

        Raises:
            Failure: CAMPAIGN_UNKNOWN, SCHOOL_UNKNOWN, STAGE_UNKNOWN (4).
        """
        try:
            stream_of(campaign)
            board = await (await self.ledger()).board(campaign)
        except (NotFoundError, Failure):
            raise not_found(campaign if campaign.count("/") == 2 else "campaign/-/-") from None  # noqa: PLR2004
        if campaign not in board:
            raise not_found(campaign)
        if school is not None and school not in board[campaign]["schools"]:
            raise not_found(f"{campaign}/{school}")
        if stage is not None:
            try:
                stream_of(campaign, school, stage)
            except NotFoundError:
                raise not_found(f"{campaign}/{school}/{stage}") from None
        return board

    async def command(self, campaign: str, change: Change, kind: str, **fields: Any) -> dict[str, Any]:
        """Make a command: who, under which id, with which reason; a free text becomes a note of the registry.

        Raises:
            Failure: STAFF_UNKNOWN (4).
            Refusal: COMMAND_ID_REUSED, the id has a note with another text; NOT_DELEGATED, DELEGATION_ENDED.
        """
        registry = await self.registry()
        try:
            actor = await actor_for(registry, campaign, change.by)
            if change.for_ is not None:
                actor = await stand_in_for(registry, await self.ledger(), campaign, actor, change.for_, kind, fields)
        except NotFoundError:
            raise not_found("stf_") from None
        command_id = change.command_id or str(uuid.uuid4())
        command: dict[str, Any] = {"kind": kind, "command_id": command_id, "actor": actor.model_dump(mode="json")}
        if change.note is not None:
            command["note"] = await self.note(campaign, command_id, change.note)
            if kind not in CASE_OPENING and reads_like_waiver(change.note):
                await self._flag(campaign, command_id, actor, command["note"])
        if change.occurred_at is not None:
            command["occurred_at"] = stamp(datetime.fromisoformat(change.occurred_at))
        given = {"reason": change.reason, "late_reason": change.late_reason, **fields}
        return command | {name: value for name, value in given.items() if value is not None}

    async def hands(self, campaign: str, case: str, actor: Actor) -> list[str]:
        """Return what stands in a case for an actor, and for whom the actor stands in; none of the unnamed (INV-32)."""
        people = (actor.id if actor != ANONYMOUS else None, actor.on_behalf_of)
        return (await self.registry()).hands(case_stream(campaign, case), *people)

    async def submit(self, stream: str, command: dict[str, Any]) -> Answer:
        """Give a command; a school that is just starting is waited for, an ended stream says that it is closed.

        Raises:
            Refusal: the rules do not allow it; CAMPAIGN_CLOSED.
            Failure: SCHOOL_UNKNOWN, STAGE_UNKNOWN (4).
        """
        client = await self.client()
        campaign = "/".join(stream.split("/")[:3])
        deadline = asyncio.get_running_loop().time() + STARTING
        while True:
            try:
                answer = await client.submit(stream, command)
            except NotFoundError:
                board = await client.ledger.board(campaign)
                if board.get(stream, {}).get("status") == "archived":
                    raise Refusal("CAMPAIGN_CLOSED") from None
                school = stream.removeprefix(campaign).split("/")[1:2]
                standing = board[campaign]["schools"].get(school[0]) if school else None
                approved = board[campaign]["status"] not in ("draft", "archived")
                if stream != campaign and not approved:
                    raise Refusal("CAMPAIGN_NOT_APPROVED") from None
                starting = standing in ("waiting", "starting") or (standing is not None and stream not in board)
                if not starting or asyncio.get_running_loop().time() >= deadline:
                    raise not_found(stream) from None
                await asyncio.sleep(0.2)
                continue
            if channels := ways_out(self.settings):
                await client.sending.wake(campaign, channels)
            if self.settings.audit_key is not None and command["kind"] in ENDS_A_STAGE:
                await client.heads.wake(campaign)
            return answer

    async def note(self, campaign: str, command_id: str, text: str) -> str:
        """Keep a free text under a reference that the command id fixes, so that the same command is the same again."""
        registry = await self.registry()
        references = _NoteReferences(self.pepper(), f"{campaign}\n{command_id}")
        held = await registry.note_text(references.note())
        if held is None:
            return (await registry.add_note(campaign, text, references, about=None)).ref
        if held != text:
            raise Refusal("COMMAND_ID_REUSED", command_id=command_id)
        return references.note()

    async def _flag(self, campaign: str, command_id: str, actor: Actor, ref: str) -> None:
        """Open a case about a note that reads like giving up the examination (INV-03); the note stays, nothing stops.

        The case's reference comes from the command, so that a retry flags the note once.
        """
        about = actor.organisation if re.fullmatch(SCHOOL_CODE, actor.organisation) else "bureau"
        own = uuid.uuid5(uuid.NAMESPACE_OID, f"exam right\n{command_id}").hex
        case = own_label("w", f"exam right\n{command_id}")
        flag = {
            "kind": "flag_note",
            "command_id": f"flag-{own}",
            "actor": actor.model_dump(mode="json"),
            "case": case,
            "about": about,
            "note": ref,
            "hands": await self.hands(campaign, case, actor),
        }
        try:
            await self.submit(campaign, flag)
        except Refusal:
            note(
                "说明文字疑似要求放弃中考，但未能自动立案，请报告纪检人员或审计人员。",
                "The note reads like giving up the examination and no case could be opened: tell the discipline "
                "officer or the auditor.",
            )
        else:
            note(
                f"说明文字疑似要求放弃中考，已立案复核：w-{own[:12]}。任何人不得要求学生放弃中考。",
                f"The note reads like giving up the examination; people will look at it: case w-{own[:12]}. "
                "Nobody may ask a pupil to give it up.",
            )


class _NoteReferences(References):
    """References of one command's note: fixed by the command, not to be guessed without the pepper."""

    def __init__(self, pepper: bytes, name: str) -> None:
        super().__init__()
        self._key = hmac.digest(pepper, f"note\n{name}".encode(), "sha256")

    def note(self) -> str:
        """Return the note's reference."""
        return "nte_" + base64.b32encode(self._key[:10]).decode().lower()

    def salt(self) -> str:
        """Return the salt of the note's digest."""
        return self._key[16:].hex()


def nothing_here(data: Path) -> Failure:
    """Return the failure of a data directory that holds no campaign (4)."""
    return Failure(
        NOT_FOUND,
        "NOTHING_HERE",
        say("数据目录中没有台账。", "The data directory holds no ledger."),
        place=str(data),
        remedy=say(
            "请用 --data 指定正确的目录，或先运行 diversion up。",
            "Name the right one with --data, or run `diversion up`.",
        ),
    )
