"""What stops notices of a campaign at this moment: pauses, kill switches, silences, and who wants no optional ones.

All of it is read at once, in the transaction that is about to let something go: a row that stands here stops a notice
whatever its own row says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)

from domain.notices import URGENT_PURPOSES, NoticeClass, NoticeState, class_of, student_of
from domain.sending import EXPIRED, OPTED_OUT
from domain.silences import ABOUT_THE_CHOICE, Silence
from ledger.among import in_named
from ledger.handover import KILLED, PAUSED
from ledger.silences import Silences, ending, pupil_of, wishes_about
from ledger.tables import holds, opt_outs, outbox, suppressions, switches

CHANNEL, PURPOSE, SCHOOL = "channel", "purpose", "school"
"""Kinds of kill switches."""


def _line(what: str, one: Any, other: Any, *where: ColumnElement[bool], third: Any = literal("")) -> Select[Any]:  # noqa: B008 - a constant of SQL, never changed
    columns = (literal(what).label("what"), one.label("one"), other.label("other"), third.label("third"))
    return select(*columns).where(*where)


_HELD = _line("hold", holds.c.scope, literal(""), holds.c.released_by.is_(None))
_KILLED = _line(
    "switch",
    switches.c.kind,
    switches.c.scope,
    switches.c.campaign == bindparam("of_campaign"),
    switches.c.released_by.is_(None),
)
_SILENT = _line(
    "silence",
    suppressions.c.student,
    suppressions.c.code,
    suppressions.c.campaign == bindparam("of_campaign"),
    in_named(suppressions.c.student, "students"),
)
_DECLINED = _line(
    "opt_out",
    opt_outs.c.person,
    opt_outs.c.student,
    opt_outs.c.campaign == bindparam("of_campaign"),
    in_named(opt_outs.c.person, "persons"),
    third=opt_outs.c.school,
)
_SWITCHES: Final = union_all(_HELD, _KILLED)
_ALL: Final = union_all(_HELD, _KILLED, _SILENT, _DECLINED)


@dataclass(frozen=True)
class Stop:
    """What becomes of a notice that must not go now.

    Attributes:
        state: held, denied, expired, or planned where it only waits out of sight.
        code: why.
    """

    state: NoticeState
    code: str | None


@dataclass
class Stops:
    """What stops one campaign's notices.

    Attributes:
        scopes: what pauses and stops hold: the campaign's id, or a school's or stage's stream.
        killed: (kind, scope) of the open kill switches.
        silences: by campaign and pupil, of the pupils that were asked about.
        declined: persons who want no optional notices about which pupil, of all schools ("") or of one; of those that
            were asked about.
    """

    campaign: str
    scopes: list[str] = field(default_factory=list)
    killed: list[tuple[str, str]] = field(default_factory=list)
    silences: Silences = field(default_factory=dict)
    declined: dict[tuple[str | None, str | None, str], None] = field(default_factory=dict)

    def held_code(self, row: Any) -> str | None:
        """Return why a row is held until somebody releases it, None where nothing holds it."""
        if any(self._kills(kind, scope, row) for kind, scope in self.killed):
            return KILLED
        pausable = row.optional and row.purpose not in URGENT_PURPOSES
        return PAUSED if pausable and any(_inside(row.stream, scope) for scope in self.scopes) else None

    def stop(self, row: Any, now: str) -> Stop | None:
        """Return what stops a row just before it would be sent, None where it may go."""
        if self.silences and (silence := ending(row, self.silences)) is not None:
            return Stop(NoticeState.DENIED, silence)
        if self.silences and self._silent(row):
            return Stop(NoticeState.PLANNED, None)
        if row.not_after is not None and row.not_after <= now:
            return Stop(NoticeState.EXPIRED, EXPIRED)
        if self.declined and self._unwanted(row):
            return Stop(NoticeState.DENIED, OPTED_OUT)
        code = self.held_code(row)
        return None if code is None else Stop(NoticeState.HELD, code)

    def paused(self) -> ColumnElement[bool]:
        """Tell of rows what `held_code` says of pauses."""
        pausable = and_(outbox.c.optional, outbox.c.purpose.not_in(URGENT_PURPOSES))
        return and_(pausable, or_(false(), *(_stream_in(scope) for scope in self.scopes)))

    def killed_rows(self) -> ColumnElement[bool]:
        """Tell of rows what `held_code` says of kill switches."""
        columns = {CHANNEL: outbox.c.channel, PURPOSE: outbox.c.purpose}
        return or_(
            false(),
            *(
                _stream_in(f"{self.campaign}/{scope}") if kind == SCHOOL else columns[kind] == scope
                for kind, scope in self.killed
            ),
        )

    def _kills(self, kind: str, scope: str, row: Any) -> bool:
        if kind == SCHOOL:
            return _inside(row.stream, f"{self.campaign}/{scope}")
        return bool(scope == (row.channel if kind == CHANNEL else row.purpose))

    def _unwanted(self, row: Any) -> bool:
        wishes = wishes_about(row.person, row.recipient, row.stream)
        return any(wish in self.declined for wish in wishes) and _class(row) is NoticeClass.CAMPAIGN

    def _silent(self, row: Any) -> bool:
        own = self.silences.get((row.campaign, student_of(row.recipient)), ())
        return any(one is not Silence.GOES_ELSEWHERE or row.purpose in ABOUT_THE_CHOICE for one in own)


def stops_of(connection: Connection, campaign: str, rows: Sequence[Any] | None = None) -> Stops:
    """Read what stops a campaign's notices.

    Args:
        connection: the transaction.
        campaign: whose.
        rows: with them, also the silences and the wishes of their pupils and readers.
    """
    asked: dict[str, Any] = {"of_campaign": campaign}
    if rows is not None:
        asked["students"] = list({student: None for row in rows if (student := pupil_of(row))})
        asked["persons"] = list({row.person: None for row in rows if row.person})
    stops = Stops(campaign)
    for what, one, other, third in connection.execute(_SWITCHES if rows is None else _ALL, asked):
        match what:
            case "hold" if _inside(one, campaign):
                stops.scopes.append(one)
            case "switch":
                stops.killed.append((one, other))
            case "silence":
                stops.silences.setdefault((campaign, one), []).append(Silence(other))
            case "opt_out":
                stops.declined[one, other, third] = None
    return stops


def _class(row: Any) -> NoticeClass:
    return class_of(row.purpose, row.recipient, optional=row.optional)


def _inside(stream: str, scope: str) -> bool:
    return stream == scope or stream.startswith(f"{scope}/")


def _stream_in(scope: str) -> ColumnElement[bool]:
    inside = func.substr(outbox.c.stream, 1, len(scope) + 1) == f"{scope}/"  # LIKE differs by database
    return or_(outbox.c.stream == scope, inside)
