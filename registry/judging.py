"""Which rows of a table can be taken, and what is wrong with the others. CLI `roster check`; DOMAIN §5.2, §5.3.

A wrong row is rejected under the first code that applies; nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from registry import identity
from registry.cells import (
    agreed_of,
    birth_of,
    channels_of,
    days_of,
    email_of,
    gender_of,
    informed_of,
    language_of,
    mark_of,
    phone_of,
    wecom_of,
)
from registry.classes import canonical_class, class_of_sheet
from registry.layout import Header, Line, lines_of
from registry.problems import RowProblem
from registry.roster_rows import CaregiverContact, Contact, IgnoredRow, PupilRow, Roster
from registry.sheets import Cell, Sheet, text_of

USUAL_AGES: Final = range(12, 21)

NO: Final = frozenset({"否", "不是", "0"})
"""Under 是否监护人: this member of the family is no guardian, and is not held."""

CAREGIVER: Final = frozenset({"caregiver", "caregiver_phone", "caregiver_email", "caregiver_wecom", "caregiver_agreed"})
"""Columns of which a file has at least one where it says anything about caregivers."""

WECOM: Final = ("guardian_wecom", "guardian2_wecom", "caregiver_wecom")
CHANNELS: Final = ("guardian_channels", "guardian2_channels")

OPTIONAL: Final = {
    "mark": "mark_tenths",
    "absence": "absence_days",
    "informed": "informed",
    "email": "email",
    "language": "language",
}
"""Columns that a roster may lack → the attribute that is then unstated."""


class RosterReader:
    """Judges the sheets of one file; remembers the identity numbers of all of them."""

    def __init__(self, class_year: int, full_mark: int) -> None:
        self._class_year = class_year
        self._full_mark = full_mark
        self._latest_birth = date(class_year, 12, 31)
        self._accepted: list[PupilRow] = []
        self._rejected: list[RowProblem] = []
        self._warnings: list[RowProblem] = []
        self._ignored: list[IgnoredRow] = []
        self._rows = 0
        self._seen: set[str] = set()

    def roster(self) -> Roster:
        """Return what was read."""
        return Roster(
            tuple(self._accepted), tuple(self._rejected), tuple(self._warnings), tuple(self._ignored), self._rows
        )

    def read(self, sheet: Sheet) -> None:
        """Judge all rows of a sheet."""
        self._rows += len(sheet.rows)
        sheet_class = class_of_sheet(sheet.name, self._class_year) if sheet.named else None
        before, since_total = self._pupils, self._pupils
        for line in lines_of(sheet):
            if line.reason is None:
                assert line.header is not None
                self._judge(sheet.name, line.number, line.header, line.cells, sheet_class)
                continue
            self._ignored.append(IgnoredRow(sheet.name, line.number, line.reason))
            if line.reason == "TOTAL_ROW":
                self._compare(sheet.name, line, since_sheet=before, since_total=since_total)
                since_total = self._pupils

    @property
    def _pupils(self) -> int:
        """Return the number of pupils' rows so far, good or bad."""
        return len(self._accepted) + len(self._rejected)

    def _compare(self, sheet: str, line: Line, *, since_sheet: int, since_total: int) -> None:
        """Warn of a total that is the number of no rows that it can be meant for: block, sheet, or file so far."""
        assert line.header is not None
        starts = (since_total,) if line.subtotal else (since_total, since_sheet, 0)
        if line.printed is not None and line.printed not in {self._pupils - start for start in starts}:
            title = line.header.titles["name"]
            self._warnings.append(RowProblem.of("TOTAL_MISMATCH", sheet=sheet, row=line.number, column=title))

    def _judge(self, sheet: str, number: int, header: Header, cells: dict[str, Cell], sheet_class: str | None) -> None:
        texts = {what: text_of(cells.get(what)) for what in header.positions}
        id_cell = cells.get("id", "")
        id_number = identity.normalised(texts["id"])
        stored_as_number = isinstance(id_cell, int | float)
        id_problem = "ID_TRUNCATED" if stored_as_number else identity.problem(id_number, latest=self._latest_birth)
        repeated = id_problem is None and id_number in self._seen
        if id_problem is None:
            self._seen.add(id_number)
        class_id = self._class_of(cells.get("class"), texts["class"]) if "class" in texts else sheet_class
        mark = mark_of(texts.get("mark", ""), self._full_mark)
        phones: dict[str, str | None] = {what: phone_of(texts[what]) for what in ("phone", "phone2") if what in texts}
        accounts: dict[str, str | None] = {what: wecom_of(texts[what]) for what in WECOM if what in texts}
        channels: dict[str, str | None] = {what: channels_of(texts[what]) for what in CHANNELS if what in texts}

        def problems() -> Iterator[tuple[str, str]]:
            if not texts["name"]:
                yield "NAME_MISSING", "name"
            if class_id is None:
                yield "CLASS_MISSING", "class"
            if id_problem is not None:
                yield id_problem, "id"
                return
            if repeated:
                yield "ID_DUPLICATE", "id"
            if texts.get("gender") and gender_of(texts["gender"]) != identity.gender(id_number):
                yield "GENDER_CONFLICT", "gender"
            if texts.get("birth") and birth_of(cells["birth"]) != identity.birth_date(id_number):
                yield "BIRTH_CONFLICT", "birth"
            if mark == "invalid":
                yield "SCORE_INVALID", "mark"
            for what, phone in phones.items():
                if phone is None:
                    yield "PHONE_INVALID", what
            yield from (("WECOM_INVALID", what) for what, account in accounts.items() if account is None)
            yield from (("CHANNEL_UNKNOWN", what) for what, order in channels.items() if order is None)

        first = next(problems(), None)
        born = identity.birth_date(id_number) if id_problem is None else None
        if first is not None:
            code, what = first
            self._rejected.append(RowProblem.of(code, sheet=sheet, row=number, column=header.titles[what]))
            return
        assert class_id is not None
        assert born is not None
        assert mark != "invalid"
        absence = days_of(texts.get("absence", ""))
        informed = informed_of(texts.get("informed", ""))
        emails = {
            what: email_of(texts[what])
            for what in ("email", "guardian_email", "guardian2_email", "caregiver_email")
            if texts.get(what)
        }
        language = language_of(texts.get("language", ""))
        guardians = _guardians(texts, phones, emails, accounts | channels)
        caregiver = _caregiver(texts, emails, accounts)
        self._accepted.append(
            PupilRow(
                sheet=sheet,
                row=number,
                name=texts["name"],
                class_id=class_id,
                id_number=id_number,
                birth_date=born,
                guardians=guardians,
                mark_tenths=mark,
                absence_days=absence,
                informed=informed,
                email=emails.get("email") or "",
                language=language or "",
                unstated=_unstated(header),
                caregiver=caregiver,
            )
        )
        noted = (
            ("AGE_UNUSUAL", "id", self._class_year - born.year not in USUAL_AGES),
            ("SCORE_UNKNOWN", "mark", mark is None),
            ("PHONE_MISSING", "phone", not guardians[0].phone),
            ("CAREGIVER_PHONE_UNREADABLE", "caregiver_phone", phone_of(texts.get("caregiver_phone", "")) is None),
            ("CAREGIVER_NOT_AGREED", "caregiver", _is_unasked(caregiver)),
            ("ABSENCE_UNREADABLE", "absence", bool(texts.get("absence")) and absence is None),
            ("INFORMED_UNREADABLE", "informed", bool(texts.get("informed")) and informed is None),
            *(("EMAIL_UNREADABLE", what, email is None) for what, email in emails.items()),
            ("LANGUAGE_UNREADABLE", "language", language is None),
        )
        self._warnings += [
            RowProblem.of(code, sheet=sheet, row=number, column=header.titles[what])
            for code, what, applies in noted
            if applies
        ]

    def _class_of(self, cell: Cell | None, text: str) -> str | None:
        """Read a class cell; a number with a decimal point may have been 9.10 as well as 9.1 and names none."""
        return None if isinstance(cell, float) and not cell.is_integer() else canonical_class(text, self._class_year)


def _unstated(header: Header) -> frozenset[str]:
    return frozenset(attribute for what, attribute in OPTIONAL.items() if what not in header.positions)


def _guardians(
    texts: dict[str, str],
    phones: dict[str, str | None],
    emails: dict[str, str | None],
    more: dict[str, str | None],
) -> tuple[Contact, ...]:
    """Return the guardians of a row, first and second; whoever the file states to be no guardian is left out."""
    found: list[Contact] = []
    for name, phone, lawful in (("guardian", "phone", "lawful"), ("guardian2", "phone2", "lawful2")):
        email, wecom, channels = (f"{name}_{what}" for what in ("email", "wecom", "channels"))
        if name.endswith("2") and not {name, phone, email, wecom, channels} & texts.keys():
            continue
        if texts.get(lawful) not in NO:
            stated_email = (emails.get(email) or "") if email in texts else None
            found.append(Contact(texts.get(name), phones.get(phone), stated_email, more.get(wecom), more.get(channels)))
    return tuple(found) or (Contact("", "", "", "", ""),)


def _caregiver(
    texts: dict[str, str], emails: dict[str, str | None], accounts: dict[str, str | None]
) -> CaregiverContact | None:
    """Return the caregiver of a row; None where the file has no column for one."""
    if not CAREGIVER & texts.keys():
        return None
    phone, email, agreed = (f"caregiver_{what}" for what in ("phone", "email", "agreed"))
    return CaregiverContact(
        texts.get("caregiver"),
        (phone_of(texts[phone]) or "") if phone in texts else None,
        (emails.get(email) or "") if email in texts else None,
        agreed_of(texts[agreed]) if agreed in texts else None,
        accounts.get("caregiver_wecom"),
    )


def _is_unasked(caregiver: CaregiverContact | None) -> bool:
    """Tell whether a row names a caregiver and does not say that the person agreed to be written to."""
    return (
        caregiver is not None
        and any((caregiver.name, caregiver.phone, caregiver.email, caregiver.wecom))
        and not caregiver.agreed
    )
