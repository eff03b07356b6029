"""How one type of event is told in words; the tables of `domain.event_phrases` are made of these (FEATURES A13)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phrase:
    """How an event is told.

    Attributes:
        zh, en: one event.
        many: (zh, en) for several events of this type that one command or message led to; it may name `count` and
            fields that all of them share. None: such events are never folded into one line.
        tally: a field whose values are counted behind `many`.
        bookkeeping: the system passes news on between its own streams; told in one line for a school and a cause.
    """

    zh: str
    en: str
    many: tuple[str, str] | None = None
    tally: str = ""
    bookkeeping: bool = False
