"""What is looked up and written for rows of the outbox, before anything of it stands there: ways and letters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol, Self

from activities.directory import CodeFor
from activities.letters import Letters, Written
from activities.routing import Lookup, Sought
from ledger.handover import Claimed, Routing, Unrouted
from ledger.store import Ledger
from notices.catalogue import Language
from notices.channels import Traits
from registry.store import Registry


class Preparing(Protocol):
    """Writes neither in ledger nor in registry, and the same answer codes each time: anybody may ask, and ask again."""

    async def routings(self, rows: Sequence[Unrouted], sought: Sought) -> list[Routing]:
        """Return who reads each of some rows, and by which ways."""
        ...

    async def letters(self, rows: Sequence[Claimed], traits: Traits, on: date) -> Written:
        """Return the messages of some rows, the rows that have none, and those for which a message had no room."""
        ...


class PreparingHere:
    """Does it in this process."""

    def __init__(self, lookup: Lookup, letters: Letters) -> None:
        self._lookup = lookup
        self._letters = letters

    @classmethod
    def of(cls, ledger: Ledger, registry: Registry, code_for: CodeFor, *, key: bytes, lang: Language) -> Self:
        """Return what does it from some stores.

        Args:
            ledger: what happened.
            registry: names and addresses.
            code_for: answer codes.
            key: of the households' digests: the registry's pepper.
            lang: of those whose language nobody knows.
        """
        return cls(Lookup(ledger, registry, code_for, key), Letters(ledger, registry, code_for, lang))

    async def routings(self, rows: Sequence[Unrouted], sought: Sought) -> list[Routing]:
        """Return who reads each of some rows, and by which ways."""
        return await self._lookup.routings(rows, sought)

    async def letters(self, rows: Sequence[Claimed], traits: Traits, on: date) -> Written:
        """Return the messages of some rows, the rows that have none, and those for which a message had no room."""
        return await self._letters.write(rows, traits, on)
