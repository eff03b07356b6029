"""What reading a roster gives: pupils, rejected rows, rows that are no pupil's, and things to know."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from registry.layout import Reason
from registry.problems import RowProblem


@dataclass(frozen=True, slots=True)
class Contact:
    """A guardian as a row states it. An empty text is "unknown"; None is "the file has no such column".

    Attributes:
        name: as written, outer blanks removed.
        phone: 11 digits.
        email: an address.
        wecom: an account at WeCom.
        channels: the person's own order of channels, as `sms paper`.
    """

    name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    wecom: str | None = field(default=None, repr=False)
    channels: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CaregiverContact:
    """A caregiver as a row states it: somebody who looks after the pupil and is no guardian (edge case 1).

    An empty text is "nobody" or "unknown"; None is "the file has no such column".

    Attributes:
        name: as written, outer blanks removed.
        phone: 11 digits.
        email: an address.
        agreed: whether the person agreed to be held and written to; unreadable and empty cells are no.
        wecom: an account at WeCom.
    """

    name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    agreed: bool | None = None
    wecom: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PupilRow:
    """An accepted row. Its `repr` shows the place only.

    Attributes:
        sheet: name of the sheet.
        row: the spreadsheet's own number.
        name: as written, outer blanks removed.
        class_id: canonical class id, `{entry_year}-{class_no:02d}`.
        id_number: normalised identity number.
        birth_date: from the identity number.
        guardians: the first and, where the file has such columns, the second guardian.
        mark_tenths: the mid-term mark in tenths of a mark, None where unknown.
        absence_days: days of unexplained absence this term, None where unknown.
        informed: whether the family was informed already, None where unknown.
        email: the pupil's own address, or empty.
        language: of the family's notices, `zh`, `en`, or empty.
        caregiver: who looks after the pupil and is no guardian; None where the file has no column for one.
        unstated: the attributes for which the file has no column: an import keeps what is held for them.
    """

    sheet: str
    row: int
    name: str = field(repr=False)
    class_id: str = field(repr=False)
    id_number: str = field(repr=False)
    birth_date: date = field(repr=False)
    guardians: tuple[Contact, ...] = field(default=(), repr=False)
    mark_tenths: int | None = field(default=None, repr=False)
    absence_days: int | None = field(default=None, repr=False)
    informed: bool | None = field(default=None, repr=False)
    email: str = field(default="", repr=False)
    language: str = field(default="", repr=False)
    unstated: frozenset[str] = field(default=frozenset(), repr=False)
    caregiver: CaregiverContact | None = field(default=None, repr=False)

    @property
    def guardian_name(self) -> str:
        """Return the first guardian's name, or an empty text."""
        return (self.guardians[0].name or "") if self.guardians else ""

    @property
    def guardian_phone(self) -> str:
        """Return the first guardian's phone, 11 digits, or an empty text."""
        return (self.guardians[0].phone or "") if self.guardians else ""


@dataclass(frozen=True, slots=True)
class IgnoredRow:
    """A row that is no pupil's, and why (`registry.layout.Reason`)."""

    sheet: str
    row: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Roster:
    """What a file holds. Every row of every sheet is accepted, rejected or ignored, exactly one of them.

    Attributes:
        accepted: the pupils, in the file's order.
        rejected: one entry a rejected row, under the first code that applies.
        warnings: things to know of accepted rows and of totals.
        ignored: titles, headers, totals, signatures, blank rows and sheets without a table.
        rows: number of rows of all sheets, as the file says: accepted + rejected + ignored.
    """

    accepted: tuple[PupilRow, ...]
    rejected: tuple[RowProblem, ...] = ()
    warnings: tuple[RowProblem, ...] = ()
    ignored: tuple[IgnoredRow, ...] = ()
    rows: int = 0

    @property
    def ignored_by_reason(self) -> dict[Reason, int]:
        """Return how many rows were ignored for which reason, in the order of reasons."""
        counted = Counter(line.reason for line in self.ignored)
        return {reason: counted[reason] for reason in sorted(counted)}

    @property
    def blank_rows(self) -> int:
        """Return the number of empty rows in and above the tables."""
        return sum(line.reason == "BLANK" for line in self.ignored)
