"""A synthetic county: every file that a campaign needs, no real person in it, the same bytes for the same seed.

Identity numbers carry the region 990001, which does not exist (DOMAIN §5.3); phones start with 100, which no operator
has; names are put together from syllables that mean "example" and "landscape".
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from registry.classes import class_id
from registry.identity import check_digit
from registry.problems import InputRejected
from registry.references import References

MARKER: Final = "# Synthetic county made by `diversion sample`: no real person, free to overwrite."
REGION: Final = "990001"
CLASS_SIZE: Final = 40
MOST_SCHOOLS: Final = 999
MOST_PUPILS: Final = 200_000
"""Of 365,000 numbers that the region has for one year of birth."""

MOST_PUPILS_A_SCHOOL: Final = 99 * CLASS_SIZE
"""A class has a number of two digits."""

FULL_MARK: Final = 700
UNKNOWN_MARKS: Final = 0.02
GUARDIANS_WITH_MAIL: Final = 0.9
PUPILS_WITH_MAIL: Final = 0.6
WEEK: Final = 5
"""Monday to Friday."""

YOUNG_CLASS: Final = 20
"""A first class of so many pupils has one who is under 14 when the filing opens (R-17); so has the county."""

MODEL_YEAR: Final = 2025
STAGE_WINDOWS: Final[dict[str, tuple[date, date]]] = {
    "identification": (date(2024, 11, 18), date(2024, 11, 29)),
    "parent-meetings": (date(2024, 11, 25), date(2024, 12, 20)),
    "school-visits": (date(2025, 3, 3), date(2025, 5, 30)),
    "application-filing": (date(2025, 5, 26), date(2025, 11, 20)),
    "retention": (date(2025, 9, 15), date(2026, 3, 27)),
}
"""Windows of graduating class 2025 (DOMAIN §3); other years move them by whole years."""

TARGETS_FROM: Final = date(2024, 11, 1)
"""The day from which the paper of the targets holds."""

ATTENDANCE: Final = (date(2025, 3, 3), date(2025, 3, 31))
"""The days on which schools report who is there: March, a month of dropout control (F-C18)."""

BREAKS: Final = (
    (date(2025, 1, 13), date(2025, 2, 16)),
    (date(2025, 7, 7), date(2025, 8, 31)),
    (date(2026, 2, 2), date(2026, 3, 1)),
)
"""Winter, summer and winter break around graduating class 2025."""

TYPOS: Final = "typos.xlsx"
"""A roster of an untidy county whose every row must be rejected; the campaign file does not name it."""

HEADER: Final[tuple[str, ...]] = (
    "姓名",
    "班级",
    "身份证号",
    "性别",
    "出生日期",
    "监护人姓名",
    "监护人电话",
    "期中成绩",
    "缺勤天数",
    "已告知",
    "监护人邮箱",
    "学生邮箱",
    "通知语言",
)
SURNAMES: Final = "示例样拟仿演练模"
GIVEN: Final = "云山溪禾竹松石雨岚泉舟月星河林叶晨雪霞原野谷川岸"


Row = tuple[str | int | float, ...]
"""A pupil's cells in the order of `HEADER`."""


@dataclass(frozen=True, slots=True)
class _School:
    code: str
    name: str
    classes: tuple[int, ...]

    @property
    def pupils(self) -> int:
        return sum(self.classes)


def is_sample(directory: Path) -> bool:
    """Return whether a directory holds a county made here; all its schools then lie in the region that is none."""
    file = directory / "campaign.toml"
    if not file.is_file():
        return False
    lines = file.read_bytes().decode("utf-8", errors="replace").splitlines()
    codes = [line for line in lines if line.startswith("code ")]
    return lines[:1] == [MARKER] and all(line.startswith(f'code = "{REGION}') for line in codes)


def make_county(
    directory: Path,
    schools: int = 3,
    pupils: int = 360,
    seed: int = 1,
    *,
    year: int = MODEL_YEAR,
    county: str = "qingshan",
    untidy: bool = False,
) -> None:
    """Write `campaign.toml`, `rosters/*.xlsx`, `staff.csv`, `calendar.csv` and `ground_truth.json`.

    Args:
        directory: empty, new, or holding an earlier county of this kind, whose files are replaced; other files stay.
        schools: number of schools.
        pupils: number of pupils in all schools together, spread evenly; about 40 in a class.
        seed: the same seed and sizes give the same bytes.
        year: year of graduation.
        county: slug of the county.
        untidy: rosters as schools really send them, with planted traps that `ground_truth.json` counts
            (`rehearsal.untidy`).

    Raises:
        InputRejected: `DIRECTORY_NOT_EMPTY`, `COUNTY_SIZE_INVALID`.
    """
    most = min(MOST_PUPILS, schools * MOST_PUPILS_A_SCHOOL)
    if not 1 <= schools <= MOST_SCHOOLS or not schools <= pupils <= most:
        raise InputRejected(
            "COUNTY_SIZE_INVALID",
            message_zh="学校或学生数量不合理。",
            message_en="The number of schools or pupils is out of range.",
            place="--schools, --pupils",
            remedy_zh=f"学校 1 至 {MOST_SCHOOLS} 所；学生不少于学校数，至多 {most} 人。",
            remedy_en=f"Take 1 to {MOST_SCHOOLS} schools, at least one pupil a school and at most {most} in all.",
        )
    _make_room(directory)
    county_schools = _schools(schools, pupils)
    rosters = directory / "rosters"
    rosters.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    classes = {school.code: _rows(school, seed, year, taken) for school in county_schools}
    _make_one_young(next(iter(classes.values())), year, taken)
    truth: dict[str, Any] = {"schools": {school.code: school.pupils for school in county_schools}}
    files = {school.code: f"{school.code}.xlsx" for school in county_schools}
    if untidy:
        from rehearsal.untidy import plant, write_typos, write_untidy  # noqa: PLC0415 - the tidy county does without

        truth["planted"] = plant(classes, taken)
        files = write_untidy(rosters, classes, year)
        truth["planted"]["typos"] = write_typos(rosters / TYPOS, classes, year)
        truth["schools"] = {code: sum(map(len, rows)) for code, rows in classes.items()}
    else:
        for code, rows in classes.items():
            write_sheets(
                rosters / files[code], {"Sheet1": [HEADER, *(row for of_class in rows for row in of_class)]}, year
            )
    qualified = [f"{REGION}9001", f"{REGION}9002"]
    _write(directory / "staff.csv", _staff(county_schools, qualified, seed, year))
    _write(directory / "calendar.csv", _calendar(year))
    _write(directory / "ground_truth.json", json.dumps(truth, indent=2) + "\n")
    # Last, because its marker says that the directory is ours and complete.
    _write(directory / "campaign.toml", _campaign(county_schools, files, qualified, year, county))


def _make_room(directory: Path) -> None:
    """Refuse a directory with anything of somebody else's; remove the rosters of an earlier county."""
    if directory.exists() and (not directory.is_dir() or (any(directory.iterdir()) and not is_sample(directory))):
        raise InputRejected(
            "DIRECTORY_NOT_EMPTY",
            message_zh="目录不为空，且其中不是本命令生成的样例。",
            message_en="The directory is not empty and holds no county made by this command.",
            place=directory.name,
            remedy_zh="请换一个空目录。",
            remedy_en="Name an empty directory.",
        )
    for pattern in (f"{REGION}*.xlsx", f"{REGION}*.csv", TYPOS):
        for roster in sorted((directory / "rosters").glob(pattern)):
            roster.unlink()


def _spread(total: int, parts: int) -> tuple[int, ...]:
    """Split a total as evenly as possible, the larger parts first."""
    share, rest = divmod(total, parts)
    return tuple(share + (index < rest) for index in range(parts))


def _schools(schools: int, pupils: int) -> list[_School]:
    return [
        _School(
            code=f"{REGION}{number:04d}",
            name=f"示例第{number}初级中学",
            classes=_spread(size, max(1, round(size / CLASS_SIZE))),
        )
        for number, size in enumerate(_spread(pupils, schools), start=1)
    ]


def _quotas(school: _School) -> Iterable[tuple[str, int]]:
    """Yield each class, as a key of the file, and its planning figure: three of ten."""
    for number, size in enumerate(school.classes, start=1):
        yield f'"九年级{number}班"', size * 3 // 10


def _campaign(schools: list[_School], files: dict[str, str], qualified: list[str], year: int, county: str) -> str:
    lines = [
        MARKER,
        "schema = 1",
        f'county = "{county}"',
        f"year = {year}",
        'profile = "compliant"',
        f"qualified_schools = {json.dumps(qualified)}",
        "",
        "[calendar]",
        'school = "calendar.csv"',
        "",
        "[identification]",
        f"full_mark = {FULL_MARK}",
        "",
        "[attendance]",
        *(f"{name} = {_moved(day, year)}" for name, day in zip(("first", "last"), ATTENDANCE, strict=True)),
    ]
    lines += [
        "",
        "[targets]",
        f'document = "QS-{year}-TARGETS-1"',
        f"effective = {_moved(TARGETS_FROM, year)}",
        f"total = {sum(quota for school in schools for _, quota in _quotas(school))}",
    ]
    for slug, window in STAGE_WINDOWS.items():
        opens, due = (_on_a_weekday(_moved(day, year)) for day in window)
        lines += ["", f"[stages.{slug}]", f"opens = {opens}", f"due = {due}"]
    for school in schools:
        lines += [
            "",
            "[[schools]]",
            f'code = "{school.code}"',
            f'name = "{school.name}"',
            f'roster = "rosters/{files[school.code]}"',
            f"quotas = {{ {', '.join(f'{name} = {quota}' for name, quota in _quotas(school))} }}",
        ]
    return "\n".join(lines) + "\n"


def _moved(day: date, year: int) -> date:
    return day.replace(year=day.year + year - MODEL_YEAR)


def _on_a_weekday(day: date) -> date:
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= WEEK else 0)


def _calendar(year: int) -> str:
    """Return the days of the breaks that a week would work."""
    rows: list[tuple[str, str]] = []
    for window in BREAKS:
        first, last = (_moved(day, year) for day in window)
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        rows += [(day.isoformat(), "closed") for day in days if day.weekday() < WEEK]
    return _csv(("date", "kind"), rows)


def _staff(schools: list[_School], qualified: list[str], seed: int, year: int) -> str:
    source = random.Random(f"{seed}/staff")
    references = References(source)
    rows: list[tuple[str, ...]] = []

    def add(role: str, school: str = "", classes: str = "") -> None:
        reference = references.staff()
        rows.append((reference, role, school, classes, _name(source), f"{reference}@example.invalid"))

    for role in ("bureau_officer", "bureau_approver", "register_officer", "discipline_officer", "auditor"):
        add(role)
    for school in schools:
        add("principal", school.code)
        add("grade_leader", school.code)
        for number in range(1, len(school.classes) + 1):
            add("class_head", school.code, class_id(year, number))
    for code in qualified:
        add("receiving_school", code)
    return _csv(("staff_ref", "role", "school", "classes", "name", "email"), rows)


def write_sheets(path: Path, sheets: Mapping[str, Sequence[Row]], year: int) -> None:
    """Write a plain workbook: rows of cells by sheet."""
    with new_workbook(path, year) as workbook:
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)


def new_workbook(path: Path, year: int) -> Any:
    """Return a workbook to write, in which texts stay texts and whose bytes repeat; a context manager closes it."""
    import xlsxwriter  # noqa: PLC0415 - only where a workbook is written

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(str(path), options)
    # Its own clock would make the bytes differ.
    workbook.set_properties({"created": datetime(year - 1, 11, 1)})  # noqa: DTZ001 - the library wants a naive one
    return workbook


def _rows(school: _School, seed: int, year: int, taken: set[str]) -> list[list[Row]]:
    """Return a school's pupils by class."""
    source, contacts = random.Random(f"{seed}/{school.code}"), random.Random(f"{seed}/{school.code}/contacts")
    classes = []
    for number, size in enumerate(school.classes, start=1):
        names: set[str] = set()
        classes.append([_pupil(source, number, year, taken, names) + _contacts(contacts) for _ in range(size)])
    return classes


def _make_one_young(classes: list[list[Row]], year: int, taken: set[str]) -> None:
    """Give the second pupil of the county a birthday in the summer of the 14th year; nobody else's row changes."""
    pupils = classes[0]
    if len(pupils) < YOUNG_CLASS:
        return
    name, of_class, id_number, *others = pupils[1]
    born = next(
        day
        for day in (date(year - 14, 6, 10) + timedelta(days=number) for number in range(60))
        if _numbered(day, str(id_number)[14:17]) not in taken
    )
    younger = _numbered(born, str(id_number)[14:17])
    taken.add(younger)
    pupils[1] = (name, of_class, younger, others[0], younger[6:14], *others[2:])


def _pupil(source: random.Random, class_no: int, year: int, taken: set[str], names: set[str]) -> Row:
    """Return one row but its contacts; the name is new in the class, the identity number in the county."""
    name = _name(source)
    while name in names:
        name = _name(source)
    names.add(name)
    male = source.random() < 1 / 2
    id_number = _id_number(source, male=male, year=year)
    while id_number in taken:
        id_number = _id_number(source, male=male, year=year)
    taken.add(id_number)
    tenths = min(10 * FULL_MARK, max(600, round(source.gauss(4200, 1200) / 5) * 5))
    mark: float | str = "" if source.random() < UNKNOWN_MARKS else tenths / 10
    absence = source.choices((0, 1, 2, 3, 5, 8, 12), weights=(70, 12, 7, 5, 3, 2, 1))[0]
    return (
        name,
        f"九年级{class_no}班",
        id_number,
        "男" if male else "女",
        id_number[6:14],
        name[0] + "".join(source.sample(GIVEN, 2)),
        f"100{source.randrange(10**8):08d}",
        mark,
        absence,
        "是" if source.random() < 0.9 else "否",  # noqa: PLR2004 - a tenth of the families still has to be informed
    )


def _contacts(source: random.Random) -> Row:
    """Return addresses and language of a family, from a stream of their own: the other columns do not depend on it."""
    number = source.randrange(10**10)
    return (
        f"g{number:010d}@example.invalid" if source.random() < GUARDIANS_WITH_MAIL else "",
        f"s{number:010d}@example.invalid" if source.random() < PUPILS_WITH_MAIL else "",
        "English" if source.random() < 0.05 else "中文",  # noqa: PLR2004 - a few families read no Chinese
    )


def _name(source: random.Random) -> str:
    return source.choice(SURNAMES) + "".join(source.sample(GIVEN, 2))


def _id_number(source: random.Random, *, male: bool, year: int) -> str:
    """Return a valid number of a pupil who is fifteen at graduation."""
    born = date(year - 16, 9, 1) + timedelta(days=source.randrange(365))
    return _numbered(born, f"{source.randrange(500) * 2 + male:03d}")


def _numbered(born: date, sequence: str) -> str:
    """Return the identity number of a birthday and a sequence of three digits."""
    body = f"{REGION}{born:%Y%m%d}{sequence}"
    return body + check_digit(body)


def _csv(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    """Write UTF-8 with the same line ends everywhere."""
    path.write_bytes(text.encode())
