"""From the rows of a batch to their messages, reading for all of them at once (FEATURES G3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from activities.directory import CodeFor, RecordDirectory
from activities.turns import taking_turns
from ledger.handover import Claimed
from ledger.store import Ledger
from notices.catalogue import Language, TemplateError
from notices.channels import Message, Traits
from notices.compose import Draft, Notice, UnsendableError, draft, written
from notices.render import render
from registry.store import Registry

DIGEST: Final = "staff_digest"
"""Template of one message about several matters for the same staff (DOMAIN §5.4)."""


@dataclass(frozen=True)
class Letter:
    """A cleared row with its message.

    Attributes:
        template: purpose and version of what it was made with.
        members: rows that go with it, in the same message.
    """

    row: Claimed
    message: Message
    template: str
    members: tuple[Claimed, ...] = ()


@dataclass(frozen=True)
class Unsendable:
    """A cleared row that nobody can send this way, and why."""

    row: Claimed
    code: str


Written = tuple[list[Letter], list[Unsendable], list[Claimed]]
"""Messages, rows that have none, and rows that must wait for a message of their own: it would have been too long."""


class Letters:
    """Writes the messages of one ledger's notices."""

    def __init__(self, ledger: Ledger, registry: Registry, code_for: CodeFor, lang: Language) -> None:
        """Share the stores.

        Args:
            ledger: what happened.
            registry: names and addresses.
            code_for: answer codes.
            lang: of those whose language nobody knows.
        """
        self._ledger = ledger
        self._registry = registry
        self._code_for = code_for
        self._lang = lang

    async def write(self, rows: Sequence[Claimed], traits: Traits, on: date) -> Written:
        """Return the messages of a batch, the rows that have none, and those for which a message had no room.

        Args:
            rows: that are cleared.
            traits: the channel's.
            on: the civil day of the sending.
        """
        directory = RecordDirectory(self._ledger, self._registry, self._code_for)
        notices = [_notice(row) for row in rows]
        await directory.read(notices)
        drafts: list[tuple[Claimed, Draft]] = []
        letters: list[Letter] = []
        unsendable: list[Unsendable] = []
        async for row, notice in taking_turns(zip(rows, notices, strict=True)):
            try:
                drafts.append((row, await draft(notice, directory, traits.sender, self._lang, traits.name)))
            except UnsendableError as error:
                unsendable.append(Unsendable(row, error.code))
        await directory.read_codes([drafted.asks for _, drafted in drafts if drafted.asks is not None])
        async for row, drafted in taking_turns(drafts):
            try:
                code = None if drafted.asks is None else await directory.code(drafted.asks)
                message, template = written(drafted, code, on=on)
            except UnsendableError as error:
                unsendable.append(Unsendable(row, error.code))
            else:
                message = replace(message, generation=row.generation) if row.generation else message
                letters.append(Letter(row, message, template))
        return _together(letters, unsendable, traits.most_bytes)


def _together(letters: list[Letter], unsendable: list[Unsendable], room: int | None) -> Written:
    """Make one message of each digest's rows; where one of them cannot be sent, none of the digest is.

    The rows of a digest share their attempt: a text that left one of them out would say that it was sent. So what has
    no room in it is taken out of the digest.
    """
    if all(letter.row.digest_of is None for letter in letters):
        return letters, unsendable, []
    failed = {_leader(one.row): one.code for one in unsendable}
    groups: dict[str, list[Letter]] = {}
    for letter in letters:
        groups.setdefault(_leader(letter.row), []).append(letter)
    made: list[Letter] = []
    later: list[Claimed] = []
    for leader, group in groups.items():
        group.sort(key=lambda letter: letter.row.notice_id != leader)
        if leader in failed:
            unsendable += [Unsendable(letter.row, failed[leader]) for letter in group]
        elif len(group) == 1:
            made += group
        else:
            try:
                fitting = _fitting(group, room)
            except TemplateError:
                unsendable += [Unsendable(letter.row, "TEMPLATE_UNFIT") for letter in group]
            else:
                made.append(fitting)
                later += [letter.row for letter in group[len(fitting.members) + 1 :]]
    return made, unsendable, later


def _fitting(group: Sequence[Letter], room: int | None) -> Letter:
    """Return the message of as many of a group, the first ones, as there is room for; the first goes in any case."""
    for most in range(len(group), 1, -1):
        made = _digest(group[:most])
        if room is None or len(f"{made.message.subject}{made.message.text}".encode()) <= room:
            return made
    return group[0]


def _digest(group: Sequence[Letter]) -> Letter:
    """Return one message with the texts of all, in their order, under the first one's row."""
    first, *others = group
    items = [f"{letter.message.subject}\n{letter.message.text}" for letter in group]
    rendered = render(DIGEST, first.message.lang, {"count": len(group), "items": items})
    message = replace(first.message, subject=rendered.subject, text=rendered.text, short=None)
    return Letter(first.row, message, rendered.template, tuple(letter.row for letter in others))


def _leader(row: Claimed) -> str:
    return row.digest_of or row.notice_id


def _notice(row: Claimed) -> Notice:
    return Notice(
        notice_id=row.notice_id,
        campaign=row.campaign,
        stream=row.stream,
        cause=row.cause,
        purpose=row.purpose,
        recipient=row.recipient,
        planned_at=row.planned_at,
        template=row.template,
        person=row.person,
    )
