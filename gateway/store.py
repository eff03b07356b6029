"""What the gateway remembers: which codes are out, for whom, and how often a wrong one was tried.

References and keyed digests only: whoever takes the file away can read no code out of it and no name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.family_act import PARTY_REFERENCE, SCHOOL, Party
from domain.refusal import Refusal
from domain.stream import LABEL, STUDENT
from domain.time import instant, stamp
from gateway.database import create, family_acts, family_codes, gateway_settings, sms_messages, void_codes
from gateway.schema import prepare

AT_ONCE: Final = 500
"""Values that one query names."""

PLACING: Final = 0x67617465776179
"""PostgreSQL's advisory lock while tables are made or a code is placed ("gateway" in ASCII)."""


class Binding(BaseModel):
    """What a code is bound to: one person's part in one pupil's choice, under one version of the notice."""

    model_config = ConfigDict(frozen=True)

    campaign: Annotated[str, Field(pattern=r"^campaign/[a-z0-9-]{1,40}/\d{4}$")]
    school: Annotated[str, Field(pattern=SCHOOL)]
    student: Annotated[str, Field(pattern=STUDENT)]
    party: Party
    person: Annotated[str, Field(pattern=PARTY_REFERENCE)]
    document: Annotated[str, Field(pattern=LABEL)]

    @property
    def part(self) -> tuple[str, ...]:
        """Return what there is one code of each form for; the school may change meanwhile."""
        return (self.campaign, self.student, self.party.value, self.person, self.document)


Form = Literal["letter", "paper"]
"""A letter's code acts by itself; a paper's is sealed, and good only when it is read out at the bureau's call-back."""


@dataclass(frozen=True)
class Held:
    """A code that is out, as its row holds it; see `gateway.database.family_codes`."""

    binding: Binding
    serial: int
    turn: int
    digest: str
    expires_at: datetime
    form: Form = "letter"
    tries: int = 0


@dataclass(frozen=True)
class Answered:
    """A text message that was answered; see `gateway.database.sms_messages`."""

    message_id: str
    device: str
    outcome: str
    answered_at: datetime
    answer: str


class Work:
    """One transaction: what it reads stays true until it ends."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def place(self) -> None:
        """Wait until nobody else places a code: one that is not there yet cannot be locked as a row."""
        await _wait_turn(self._connection)

    async def held(self, binding: Binding, form: Form) -> Held | None:
        """Return the code that is out for one person's part in one pupil's choice."""
        found = await self._held(select(family_codes).where(*_key(binding, form)))
        return found[0] if found else None

    async def all_held(self, bindings: Sequence[Binding], form: Form) -> dict[tuple[str, ...], Held]:
        """Return the codes that are out for these persons' parts, by part."""
        students = sorted({one.student for one in bindings})
        found: dict[tuple[str, ...], Held] = {}
        for start in range(0, len(students), AT_ONCE):
            of_students = family_codes.c.student.in_(students[start : start + AT_ONCE])
            rows = await self._held(select(family_codes).where(of_students, family_codes.c.form == form))
            found |= {held.binding.part: held for held in rows}
        return found

    async def taken(self, digests: Sequence[str]) -> set[str]:
        """Return those of some digests that a code has already, whoever has it."""
        found: set[str] = set()
        for start in range(0, len(digests), AT_ONCE):
            some = family_codes.c.digest.in_(digests[start : start + AT_ONCE])
            found.update(await self._connection.scalars(select(family_codes.c.digest).where(some)))
        return found

    async def with_digest(self, digest: str) -> Held | None:
        """Return the code of this digest, whoever has it."""
        found = await self._held(select(family_codes).where(family_codes.c.digest == digest))
        return found[0] if found else None

    async def void(self, digest: str) -> Binding | None:
        """Return what a code was bound to in whose place another letter's has come; None for any other code."""
        query = select(void_codes).where(void_codes.c.digest == digest)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _binding(row)

    async def of_student(self, student: str) -> list[Held]:
        """Return all codes that are out for a pupil, newest first; nobody else changes them meanwhile."""
        # Locked in the order of the key, so that two transactions wait for each other and never both wait for ever.
        key = family_codes.primary_key.columns
        rows = select(family_codes).where(family_codes.c.student == student).order_by(*key).with_for_update()
        return sorted(await self._held(rows), key=lambda held: held.expires_at, reverse=True)

    async def put(self, held: Held) -> None:
        """Write a code in the place of the one that was out before, if any, which is void from then on.

        Between `place` and the end.
        """
        before = await self.held(held.binding, held.form)
        if before is None:
            await self.put_new([held])
            return
        key = _key(held.binding, held.form)
        await self._connection.execute(update(family_codes).where(*key).values(**_row(held)))
        bound = held.binding.model_dump(mode="json")
        await self._connection.execute(insert(void_codes).values(digest=before.digest, **bound))

    async def put_new(self, codes: Sequence[Held]) -> None:
        """Write codes of which none was out before. Between `place` and the end."""
        if codes:
            await self._connection.execute(insert(family_codes), [_row(held) for held in codes])

    async def count_try(self, student: str, limit: int) -> None:
        """Count a wrong code against all codes of a pupil that are still open."""
        await self._connection.execute(
            update(family_codes)
            .where(family_codes.c.student == student, family_codes.c.tries < limit)
            .values(tries=family_codes.c.tries + 1)
        )

    async def act(self, digest: str, request: str) -> str | None:
        """Return the act that was signed for a code under a request, None where there is none."""
        query = select(family_acts.c.body).where(family_acts.c.digest == digest, family_acts.c.request == request)
        body: str | None = (await self._connection.execute(query)).scalar_one_or_none()
        return body

    async def keep_act(self, digest: str, request: str, body: str) -> None:
        """Remember the act that was signed for a code under a request."""
        await self._connection.execute(insert(family_acts).values(digest=digest, request=request, body=body))

    async def answered(self, message_id: str) -> Answered | None:
        """Return what a text message was answered, None where it was not."""
        query = select(sms_messages).where(sms_messages.c.message_id == message_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else Answered(**{**row, "answered_at": instant(row["answered_at"])})

    async def keep_answer(self, answered: Answered) -> None:
        """Remember what a text message was answered."""
        values = {**vars(answered), "answered_at": stamp(answered.answered_at)}
        await self._connection.execute(insert(sms_messages).values(**values))

    async def guesses(self, device: str, since: datetime) -> int:
        """Return how many wrong codes came from a telephone since an instant."""
        wrong = (sms_messages.c.device == device) & (sms_messages.c.outcome == "CODE_WRONG")
        recent = sms_messages.c.answered_at >= stamp(since)  # one offset and one length: texts in the order of times
        query = select(func.count()).select_from(sms_messages).where(wrong, recent)
        return int((await self._connection.execute(query)).scalar_one())

    async def forget_answers(self, before: datetime) -> None:
        """Delete the answers that no provider will ask for again."""
        await self._connection.execute(delete(sms_messages).where(sms_messages.c.answered_at < stamp(before)))

    async def _held(self, query: Select[Any]) -> list[Held]:
        return [_read(row) for row in (await self._connection.execute(query)).mappings()]


class Store:
    """The gateway's own database, SQLite or PostgreSQL; apart from ledger and registry."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    async def open(cls, url: str, key_id: str) -> Self:
        """Open the store and make its tables where they are missing.

        Args:
            url: `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://…`.
            key_id: short name of the gateway's key; the store stays with the first one.

        Raises:
            Refusal: GATEWAY_UNKNOWN, the store was made with another key and would take every code for a wrong one.
        """
        store = cls(create(url))
        try:
            await store._prepare(key_id)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Work]:
        """Give one transaction; it is taken back where the block raises."""
        async with self._engine.begin() as connection:
            yield Work(connection)

    async def _prepare(self, key_id: str) -> None:
        async with self._engine.begin() as connection:
            await _wait_turn(connection)
            await connection.run_sync(prepare)
            known = select(gateway_settings.c.value).where(gateway_settings.c.name == "key_id")
            held = (await connection.execute(known)).scalar_one_or_none()
            if held is None:
                await connection.execute(insert(gateway_settings).values(name="key_id", value=key_id))
        if held not in (None, key_id):
            raise Refusal("GATEWAY_UNKNOWN")


async def _wait_turn(connection: AsyncConnection) -> None:
    """Take the lock of the transaction on PostgreSQL; on SQLite every transaction is alone from its beginning."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(PLACING)))


def _key(bound: Binding, form: Form) -> tuple[Any, ...]:
    return (
        family_codes.c.campaign == bound.campaign,
        family_codes.c.student == bound.student,
        family_codes.c.party == bound.party.value,
        family_codes.c.person == bound.person,
        family_codes.c.document == bound.document,
        family_codes.c.form == form,
    )


def _row(held: Held) -> dict[str, Any]:
    return held.binding.model_dump(mode="json") | {
        "form": held.form,
        "serial": held.serial,
        "turn": held.turn,
        "digest": held.digest,
        "expires_at": stamp(held.expires_at),
        "tries": held.tries,
    }


def _binding(row: RowMapping) -> Binding:
    return Binding.model_validate({name: row[name] for name in Binding.model_fields})


def _read(row: RowMapping) -> Held:
    return Held(
        binding=_binding(row),
        form=row["form"],
        serial=row["serial"],
        turn=row["turn"],
        digest=row["digest"],
        expires_at=instant(row["expires_at"]),
        tries=row["tries"],
    )
