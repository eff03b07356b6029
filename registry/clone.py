"""Last year's county directory into this year's: what carries over, what moves, what a person must supply (B1).

Nothing is guessed. Dates move by a named rule; pupils and the school calendar are left for people, and whatever was
true last year only by decision (who works here, which schools are qualified) is carried over and named as to confirm.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from domain.calendar import Calendar, CalendarUnknown, CalendarYear
from registry.calendar_file import TITLES as CALENDAR_TITLES
from registry.calendar_file import load_school_calendar, state_years
from registry.campaign_file import FILE_NAME, CampaignFile, DayRangeEntry, load_campaign
from registry.classes import canonical_class, class_id
from registry.problems import InputRejected
from registry.sheets import read_table
from registry.staff_file import OPTIONAL_TITLES as MORE_STAFF_TITLES
from registry.staff_file import TITLES as STAFF_TITLES
from registry.staff_file import load_staff

STAFF_FILE: Final = "staff.csv"
LAST_YEAR: Final = 2100
FIXED_DATES: Final[tuple[tuple[int, int], ...]] = ((4, 20), (11, 20))
"""Month and day of the electronic registration's deadlines: fixed dates, which no weekend moves (DOMAIN §7.6)."""

_ABSENT: Final = ("ROSTER_FILE_MISSING", "CALENDAR_FILE_MISSING")
_TABLE: Final = re.compile(r"\s*\[(?P<name>[^\[\]]+)\]\s*(#.*)?")
_VALUE: Final = re.compile(r"(?P<before>\s*(?P<key>[A-Za-z_-]+)\s*=\s*)(?P<value>[0-9-]+)(?P<after>\s*(#.*)?)")

TARGETS: Final = "targets"
"""The table that is left behind: a number needs a paper of its own year."""

Days = tuple[date, date]
"""A first and a last day."""


@dataclass(frozen=True)
class Change:
    """One value that differs from last year's, at its place in a file."""

    place: str
    was: str
    now: str


@dataclass(frozen=True)
class Todo:
    """What a person has to do before the new directory can be launched; `place` is a file, a key or a code."""

    code: str
    place: str


@dataclass(frozen=True)
class Clone:
    """A new directory's files and how they differ from last year's.

    Attributes:
        campaign: the new campaign's id.
        files: text by path relative to the directory.
        differences, to_do: in the order of the files.
        folders: where rosters will be put.
    """

    campaign: str
    files: dict[str, str]
    differences: tuple[Change, ...]
    to_do: tuple[Todo, ...]
    folders: tuple[str, ...]


def clone_directory(source: Path, target: Path, year: int | None = None) -> Clone:
    """Write a new year's directory from an earlier one; nothing is written unless everything can be.

    Args:
        source: holds `campaign.toml` and `staff.csv`; its rosters may be gone already.
        target: a directory that is new or empty.
        year: year of graduation; None takes the next.

    Raises:
        InputRejected: `DIRECTORY_NOT_EMPTY`, `DIRECTORY_INSIDE_SOURCE`, `CLONE_YEAR_INVALID`, `CAMPAIGN_FILE_*`,
            `ROSTER_PATH_OUTSIDE`, `STAFF_*`, `CALENDAR_*`.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputRejected(
            "DIRECTORY_NOT_EMPTY",
            message_zh="目标目录不为空。",
            message_en="The target directory is not empty.",
            place=target.name,
            remedy_zh="请换一个空目录；本命令不覆盖任何文件。",
            remedy_en="Name an empty directory: this command replaces no file.",
        )
    if target.resolve().is_relative_to(source.resolve()):
        raise InputRejected(
            "DIRECTORY_INSIDE_SOURCE",
            message_zh="目标目录在去年的目录之内，两年的文件会混在一起。",
            message_en="The target directory lies inside last year's: the files of two years would be mixed.",
            place=target.name,
            remedy_zh="请换一个去年目录之外的空目录。",
            remedy_en="Name an empty directory outside last year's.",
        )
    clone = prepare_clone(source, year)
    for folder in ("", *clone.folders):
        (target / folder).mkdir(parents=True, exist_ok=True)
    for name, text in clone.files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(text.encode())
    return clone


def prepare_clone(source: Path, year: int | None = None) -> Clone:
    """Return what `clone_directory` writes, without writing it.

    Raises:
        InputRejected: as `clone_directory`.
    """
    old = _read(source)
    chosen = old.year + 1 if year is None else year
    if not old.year < chosen <= LAST_YEAR:
        raise InputRejected(
            "CLONE_YEAR_INVALID",
            message_zh="新的毕业年份必须晚于原活动的年份。",
            message_en="The new year of graduation must be later than the old one.",
            place="--year",
            remedy_zh=f"请填写 {old.year + 1} 至 {LAST_YEAR} 之间的年份。",
            remedy_en=f"Take a year from {old.year + 1} to {LAST_YEAR}.",
        )
    windows, unknown = _windows(old, chosen)
    ranges, ranges_unknown = _ranges(old, chosen)
    changes = [Change(f"{FILE_NAME}: year", str(old.year), str(chosen))]
    for slug, window in old.stages.items():
        moved = zip(("opens", "due"), (window.opens, window.due), windows[slug], strict=True)
        changes += [Change(f"{FILE_NAME}: stages.{slug}.{key}", str(was), str(now)) for key, was, now in moved]
    for name, moved_range in ranges.items():
        held: DayRangeEntry = getattr(old, name)
        pairs = zip(("first", "last"), (held.first, held.last), moved_range, strict=True)
        changes += [Change(f"{FILE_NAME}: {name}.{key}", str(was), str(now)) for key, was, now in pairs]
    if old.targets is not None:
        changes.append(Change(f"{FILE_NAME}: targets.document", old.targets.document, ""))
    staff, staff_changes = _staff(source / STAFF_FILE, old, chosen)
    files = {STAFF_FILE: staff}
    to_do = [*unknown, *ranges_unknown, Todo("STAFF_TO_CONFIRM", STAFF_FILE)]
    if old.calendar is not None:
        files[old.calendar.school] = ",".join(CALENDAR_TITLES) + "\n"
        days = _calendar_days(source / old.calendar.school)
        if days:
            staff_changes.append(Change(f"{old.calendar.school}: days", str(days), "0"))
        to_do.append(Todo("SCHOOL_CALENDAR_EMPTY", old.calendar.school))
    if old.targets is not None:
        to_do.append(Todo("TARGETS_TO_ISSUE", f"{FILE_NAME}: targets"))
    to_do += [Todo("QUALIFIED_SCHOOL_TO_CONFIRM", code) for code in old.qualified_schools]
    to_do += [Todo("ROSTER_TO_SUPPLY", school.roster) for school in old.schools]
    text = (source / FILE_NAME).read_bytes().decode("utf-8-sig")
    files[FILE_NAME] = _rewritten(text, chosen, windows, ranges)
    folders = dict.fromkeys(Path(school.roster).parent.as_posix() for school in old.schools)
    _require_inside(source, (*files, *folders))
    campaign = f"campaign/{old.county}/{chosen}"
    return Clone(campaign, files, (*changes, *staff_changes), tuple(to_do), tuple(folders))


def same_day_or_next_working_day(day: date, years: int, calendar: Calendar) -> date:
    """Move a date by whole years: the same month and day, forward to a working day where it falls on a day off.

    29 February becomes the 28th where the year has none. A deadline of `FIXED_DATES` stays on its day.

    Raises:
        CalendarUnknown: the state has not published the year, so nobody can say whether people work on that day.
    """
    moved = _same_day(day, years)
    return moved if (moved.month, moved.day) in FIXED_DATES else calendar.on_or_after(moved)


# -- inside -------------------------------------------------------------------------------------------------------


def _read(source: Path) -> CampaignFile:
    """Read last year's file; rosters and calendar may have been deleted since, as retention demands."""
    try:
        return load_campaign(source)
    except InputRejected as rejected:
        if rejected.code not in _ABSENT:  # these two come after the content was found to be right
            raise
        return CampaignFile.model_validate(tomllib.loads((source / FILE_NAME).read_bytes().decode("utf-8-sig")))


def _require_inside(source: Path, names: Iterable[str]) -> None:
    """Refuse paths that lead out of the directory: `load_campaign` stops at the first missing file before the rest."""
    root = source.resolve()
    if not all((root / name).resolve().is_relative_to(root) for name in names):
        raise InputRejected(
            "ROSTER_PATH_OUTSIDE",
            message_zh="文件中的路径超出了本目录。",
            message_en="A path in the file leads out of the directory.",
            place=FILE_NAME,
            remedy_zh="请改为本目录之内的相对路径。",
            remedy_en="Use paths that are relative and stay inside the directory.",
        )


def _same_day(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def _windows(old: CampaignFile, year: int) -> tuple[dict[str, Days], list[Todo]]:
    """Return the moved windows of the stages, and the dates that nobody can check yet."""
    windows: dict[str, Days] = {slug: (window.opens, window.due) for slug, window in old.stages.items()}
    return _moved(windows, year - old.year, {slug: f"stages.{slug}" for slug in windows}, ("opens", "due"))


def _ranges(old: CampaignFile, year: int) -> tuple[dict[str, Days], list[Todo]]:
    """Return the moved days of attendance and of the application window, and those that nobody can check yet."""
    given = {"attendance": old.attendance, "application_window": old.application_window}
    ranges = {name: (days.first, days.last) for name, days in given.items() if days is not None}
    return _moved(ranges, year - old.year, {name: name for name in ranges}, ("first", "last"))


def _moved(
    ranges: Mapping[str, Days], years: int, places: Mapping[str, str], keys: tuple[str, str]
) -> tuple[dict[str, Days], list[Todo]]:
    if not ranges:
        return {}, []
    days = [day for pair in ranges.values() for day in pair]
    published = state_years(min(days).year + years, max(days).year + years + 1)
    tables = {
        number: CalendarYear(holidays=state.holidays, make_up_days=state.make_up_days)
        for number, state in published.items()
    }
    calendar = Calendar(version=1, years=tables)
    found: dict[str, Days] = {}
    unknown: list[Todo] = []
    for name, pair in ranges.items():
        moved: list[date] = []
        for key, day in zip(keys, pair, strict=True):
            try:
                moved.append(same_day_or_next_working_day(day, years, calendar))
            except CalendarUnknown:
                moved.append(_same_day(day, years))
                unknown.append(Todo("CALENDAR_NOT_YET_PUBLISHED", f"{FILE_NAME}: {places[name]}.{key}"))
        found[name] = (moved[0], moved[1])
    return found, unknown


def _staff(path: Path, old: CampaignFile, year: int) -> tuple[str, list[Change]]:
    """Return the staff with the class ids of the new year, and which cells that changes; never a name."""
    load_staff(
        path,
        schools=[school.code for school in old.schools],
        receiving_schools=list(old.qualified_schools),
        class_year=old.year,
    )
    out = io.StringIO(newline="")
    rows = read_table(
        path, STAFF_TITLES, optional=MORE_STAFF_TITLES, missing="STAFF_FILE_MISSING", invalid="STAFF_FILE_INVALID"
    )
    more = [title for title in MORE_STAFF_TITLES if any(title in row for _, row in rows)]
    writer = csv.DictWriter(out, [*STAFF_TITLES, *more], lineterminator="\n")
    writer.writeheader()
    changes: list[Change] = []
    for number, row in rows:
        moved = ";".join(_moved_class(part, old.year, year) for part in _classes(row["classes"]))
        if moved != ";".join(_classes(row["classes"])):
            changes.append(Change(f"{path.name}: row {number} column classes", row["classes"], moved))
            row["classes"] = moved
        writer.writerow(row)
    return out.getvalue(), changes


def _classes(text: str) -> list[str]:
    return [part.strip() for part in text.replace("；", ";").split(";") if part.strip()]


def _moved_class(text: str, was: int, now: int) -> str:
    """Return a class's name in the new year: 九年级1班 is always the graduating class, 2022-01 becomes 2023-01."""
    canonical = canonical_class(text, was)
    if canonical is None or canonical_class(text, now) is not None:
        return text
    return class_id(now, int(canonical.rpartition("-")[2]))


def _calendar_days(path: Path) -> int:
    return len(load_school_calendar(path)) if path.is_file() else 0


def _rewritten(text: str, year: int, windows: Mapping[str, Days], ranges: Mapping[str, Days]) -> str:
    """Return the campaign file with the new year and dates; its comments stay where its layout is the usual one."""
    expected = _content(tomllib.loads(text), year, windows, ranges)
    edited = "".join(_edited(text, year, windows, ranges))
    return edited if _read_again(edited) == expected else _plain(expected)


def _read_again(text: str) -> dict[str, Any] | None:
    """Return what an edited text holds, None where the edit broke an unusual layout."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _content(
    content: dict[str, Any], year: int, windows: Mapping[str, Days], ranges: Mapping[str, Days]
) -> dict[str, Any]:
    """Return the new content: dates moved, and no targets, which need a new paper."""
    stages = {
        slug: {**stage, "opens": windows[slug][0], "due": windows[slug][1]} for slug, stage in content["stages"].items()
    }
    moved = {name: {**content[name], "first": first, "last": last} for name, (first, last) in ranges.items()}
    kept = {name: value for name, value in content.items() if name != TARGETS}
    return {**kept, "year": year, "stages": stages, **moved}


def _edited(text: str, year: int, windows: Mapping[str, Days], ranges: Mapping[str, Days]) -> Iterator[str]:
    """Yield the file's lines, with the values replaced that stand on lines of their own."""
    new = {("", "year"): str(year)}
    for slug, (opens, due) in windows.items():
        new |= {(f"stages.{slug}", "opens"): str(opens), (f"stages.{slug}", "due"): str(due)}
    for name, (first, last) in ranges.items():
        new |= {(name, "first"): str(first), (name, "last"): str(last)}
    table = ""
    for line in text.splitlines(keepends=True):
        body = line.rstrip("\r\n")
        header, value = _TABLE.fullmatch(body), _VALUE.fullmatch(body)
        if header is not None:
            table = header["name"].strip()
        elif body.lstrip().startswith("[["):
            table = "[["
        elif value is not None and (table, value["key"]) in new:
            yield f"{value['before']}{new[table, value['key']]}{value['after']}{line[len(body) :]}"
            continue
        if table != TARGETS:
            yield line


def _plain(content: Mapping[str, Any], prefix: str = "") -> str:
    """Write a campaign file plainly: values, then tables."""
    lines: list[str] = []
    tables: list[str] = []
    for key, value in content.items():
        match value:
            case dict():
                tables.append(f"\n[{prefix}{key}]\n{_plain(value, f'{prefix}{key}.')}")
            case [dict(), *_]:
                tables += [f"\n[[{prefix}{key}]]\n{_plain(entry, f'{prefix}{key}.')}" for entry in value]
            case _:
                lines.append(f"{key} = {_toml(value)}\n")
    return "".join([*lines, *tables])


def _toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            escaped = "".join(f"\\u{ord(one):04x}" if one in '"\\' or ord(one) < ord(" ") else one for one in value)
            return f'"{escaped}"'
        case list():
            return f"[{', '.join(_toml(part) for part in value)}]"
        case _:
            return str(value)
