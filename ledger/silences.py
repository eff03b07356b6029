"""Whose notices must not go out: what the events say, kept beside the outbox and asked at plan, claim and outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, delete, exists, func, or_, select, true, update

from domain.events import Envelope, event_id
from domain.notices import PUPIL, WAITING, NoticeState, student_of
from domain.silences import ABOUT_THE_CHOICE, Change, Silence, cancels, silence_of
from ledger import journal
from ledger.among import in_named
from ledger.tables import outbox, suppressions

CAMPAIGN_PARTS: Final = 3
"""campaign/county/year: a campaign's own stream; the school's code follows."""

Silences = dict[tuple[str, str | None], list[Silence]]
"""Campaign and pupil → what is silent there."""


def denied(at: Any, silence: Silence) -> dict[str, Any]:
    """Return what a row becomes that a silence ends."""
    return {"state": NoticeState.DENIED, "state_at": at, "next_at": None, "lease_until": None, "code": silence}


def one_of(column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return `column IN values` in a form that a statement with many rows of parameters may have."""
    return or_(*(column == value for value in values))


_ABOUT_THE_CHOICE: Final = one_of(outbox.c.purpose, ABOUT_THE_CHOICE)
_DENIED_BY: Final[dict[Silence, ColumnElement[bool]]] = {
    Silence.LEFT_REGISTER: true(),
    Silence.RECORD_RESTRICTED: outbox.c.optional,
    Silence.GOES_ELSEWHERE: _ABOUT_THE_CHOICE,
}
"""What `domain.silences.cancels` says, for rows."""


def _not_sought(column: ColumnElement[str]) -> ColumnElement[str]:
    """Return a column in a form that no index serves: what is sought is a pupil, of whom there are few rows.

    Without statistics SQLite takes the index of states, and looks through a county's outbox for each pupil.
    """
    return column.concat("")


_ENDED_BY: Final = {
    silence: and_(
        or_(
            one_of(outbox.c.recipient, (bindparam("of_student"), bindparam("of_pupil"))),
            *((outbox.c.student == bindparam("of_student"),) if silence is Silence.LEFT_REGISTER else ()),
        ),
        _not_sought(outbox.c.campaign) == bindparam("of_campaign"),
        one_of(_not_sought(outbox.c.state), (*WAITING, NoticeState.CLEARED)),
        ends,
    )
    for silence, ends in _DENIED_BY.items()
}
"""What a silence ends of all that no provider has been called for; lists of people's work included."""
_ENDING: Final = {silence: select(outbox).where(ends) for silence, ends in _ENDED_BY.items()}
_CANCEL: Final = {
    silence: update(outbox).where(ends).values(denied(bindparam("since"), silence))
    for silence, ends in _ENDED_BY.items()
}

_END: Final = delete(suppressions).where(
    suppressions.c.campaign == bindparam("of_campaign"),
    suppressions.c.student == bindparam("of_student"),
    suppressions.c.code == bindparam("of_silence"),
)
_SILENT: Final = (
    select(suppressions.c.campaign, suppressions.c.student, suppressions.c.code)
    .where(in_named(suppressions.c.student, "students"))
    .order_by(suppressions.c.code)
)


def note_silences(connection: Connection, insert_: Callable[[Any], Any], fresh: Sequence[Envelope]) -> None:
    """Write down what fresh events begin and end, in their order and their transaction; neighbours of a kind together.

    Args:
        connection: the transaction.
        insert_: the dialect's insert, which knows conflicts.
        fresh: events that have just been appended.
    """
    changes = [(change, envelope) for envelope in fresh if (change := silence_of(envelope)) is not None]
    for (begins, silence), some in groupby(changes, key=lambda one: (one[0].begins, one[0].silence)):
        rows = [_row(change, envelope) for change, envelope in some]
        if begins:
            connection.execute(insert_(suppressions).on_conflict_do_nothing(), rows)
            _cancel(connection, silence, [_of(row) for row in rows])
        else:
            connection.execute(_END, [_of(row) for row in rows])


def _cancel(connection: Connection, silence: Silence, pupils: Sequence[dict[str, Any]]) -> None:
    """End what waits for some pupils, and write down each notice that is ended."""
    entries = {
        row.notice_id: journal.entry(row, row.attempts, NoticeState.DENIED, one["since"], silence)
        for one in pupils
        for row in connection.execute(_ENDING[silence], one)
    }
    if entries:
        connection.execute(_CANCEL[silence], list(pupils))
        journal.write(connection, list(entries.values()))


def silences_among(connection: Connection, notices: Sequence[Any]) -> Silences:
    """Return what is silent of the pupils of some notices, inside an append's transaction."""
    students = {student: None for notice in notices if (student := pupil_of(notice)) is not None}
    if not students:
        return {}
    found: Silences = {}
    for row in connection.execute(_SILENT, {"students": list(students)}):
        found.setdefault((row.campaign, row.student), []).append(Silence(row.code))
    return found


def ending(notice: Any, silences: Silences) -> Silence | None:
    """Return the silence that ends a notice for good, None where none does."""
    own = silences.get((notice.campaign, pupil_of(notice)), ())
    staff = student_of(notice.recipient) is None
    return next((one for one in own if cancels(one, notice.purpose, optional=notice.optional, staff=staff)), None)


def campaign_of(stream: str) -> str:
    """Return the campaign whose stream it is."""
    return "/".join(stream.split("/")[:CAMPAIGN_PARTS])


def wishes_about(person: str | None, recipient: str, stream: str) -> tuple[tuple[str | None, str | None, str], ...]:
    """Return the opt-outs that would hold for a notice: person, pupil, and "" or the school whose notice it is.

    What a school puts down holds for its own notices: no school switches off what another one tells a family.
    """
    school = stream.split("/")[CAMPAIGN_PARTS : CAMPAIGN_PARTS + 1]
    student = student_of(recipient)
    return tuple((person, student, one) for one in ("", *school))


def pupil_of(notice: Any) -> str | None:
    """Return the pupil whose family a notice is for, or whom a notice to staff is about; None for any other."""
    student: str | None = notice.student
    return student_of(notice.recipient) or student


def silenced() -> ColumnElement[bool]:
    """Tell whether a notice must not go out now: asked again at the claim, for a plan and an event may cross."""
    begins = func.substr(outbox.c.recipient, 1, len(PUPIL)) == PUPIL
    own = case((begins, func.substr(outbox.c.recipient, len(PUPIL) + 1)), else_=outbox.c.recipient)
    pupil = func.coalesce(outbox.c.student, own)
    of_family = or_(suppressions.c.code != Silence.GOES_ELSEWHERE, _ABOUT_THE_CHOICE)
    stopped = or_(suppressions.c.code == Silence.LEFT_REGISTER, and_(outbox.c.student.is_(None), of_family))
    return exists().where(suppressions.c.campaign == outbox.c.campaign, suppressions.c.student == pupil, stopped)


def _row(change: Change, envelope: Envelope) -> dict[str, Any]:
    return {
        "campaign": campaign_of(envelope["stream"]),
        "student": change.student,
        "code": change.silence,
        "cause": event_id(envelope["stream"], envelope["version"]),
        "reason": change.reason,
        "at": envelope["recorded_at"],
    }


def _of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of `_CANCEL` and `_END` for one pupil's silence."""
    student = row["student"]
    return {
        "of_campaign": row["campaign"],
        "of_student": student,
        "of_pupil": f"{PUPIL}{student}",
        "of_silence": row["code"],
        "since": row["at"],
    }
