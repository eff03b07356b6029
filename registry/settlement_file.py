"""The counts of a trial settlement from a file: JSON with parameters, or CSV and XLSX without (CLI contract, `settle`).

Figures are taken as they stand or refused with their place: a settlement must not rest on a guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from domain.policy import PolicyParameters, load_parameters
from domain.refusal import Refusal
from domain.settlement import ClassCount
from registry.problems import InputRejected
from registry.settlement_extras import KINDS, read_extras
from registry.sheets import OLE, ZIP, decoded, read_sheets, text_of, title_of

TITLES: Final[dict[str, tuple[str, ...]]] = {
    "school": ("school", "学校", "学校标识码"),
    "class": ("class", "班级", "班级名称"),
    "quota": ("quota", "指标", "任务数"),
    "countable": ("countable", "完成数", "可计人数"),
    "pupils": ("pupils", "学生数", "班级人数"),
    "informed": ("informed", "已告知", "已告知人数"),
    "guided": ("guided", "已指导", "已指导人数"),
    "free_refusals": ("free_refusals", "自愿放弃数", "自主拒绝数"),
}
"""Key of a class → its column titles; the first is the one of JSON and of the contract."""

NAMES: Final = ("school", "class")
REQUIRED: Final = (*NAMES, "quota", "countable")
SERVED: Final = ("informed", "guided", "free_refusals")
LARGEST: Final = 10**9
"""Heads, yuan or days: what is larger is a typing error, and the canonical JSON of a hash takes no large integers."""

MOST_CLASSES: Final = 20_000
LONGEST_NAME: Final = 100

_DIGITS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)

Sentence = tuple[str, str]
_FORMS: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(NAMES, ("加引号的文字，1 至 100 个字符", "a text of 1 to 100 characters, in quotation marks")),
    **dict.fromkeys(
        ("quota", "countable", "pupils", *SERVED), ("0 至 10 亿的整数", "a whole number from 0 to 1,000,000,000")
    ),
    "classes": ("由班级组成的列表，1 至 20000 个", "a list of classes, 1 to 20,000"),
    "parameters": ("由参数组成的对象", "an object of parameters"),
}
_MISSING: Final[Sentence] = ("缺少此项。", "It is missing.")
_WRONG: Final[Sentence] = ("值的类型或范围不对。", "The value's kind or range is wrong.")
_UNKNOWN: Final[Sentence] = ("没有这一项。", "There is no such key.")
_TWICE: Final[Sentence] = ("此项重复。", "It stands there twice.")
_SPELLING: Final[Sentence] = ("请检查拼写。", "Check its spelling.")
_WHOLE: Final[Sentence] = (
    "请存为含 classes 的 JSON，或表头为 school, class, quota, countable 的 CSV 或 XLSX。",
    "Save it as JSON with `classes`, or as CSV or XLSX with the header school, class, quota, countable.",
)


@dataclass(frozen=True, slots=True)
class _Row:
    """One class as the file gives it: `place` and a key say where a value stands; what is not given is absent."""

    place: str
    values: Mapping[str, Any]

    def at(self, key: str) -> str:
        return f"{self.place}{key}"


@dataclass(frozen=True, slots=True)
class SettlementInput:
    """What a file says: its classes in their order, and the profile's parameters with the file's over them.

    Attributes:
        extras: further figures by key (`registry.settlement_extras`); only JSON has them.
    """

    classes: tuple[ClassCount, ...]
    parameters: PolicyParameters
    extras: Mapping[str, list[Any]] = field(default_factory=dict)


def read_settlement(path: Path, base: PolicyParameters) -> SettlementInput:
    """Read the counts of classes, and parameters that differ from a profile's.

    Args:
        path: JSON `{"classes": […], "parameters": {…}}`, or a sheet with a column for each key of a class.
        base: the profile's parameters.

    Raises:
        InputRejected: SETTLEMENT_FILE_MISSING, SETTLEMENT_FILE_INVALID, SETTLEMENT_CLASS_DUPLICATE,
            POLICY_PARAMETER_UNKNOWN, POLICY_PARAMETER_INVALID; with the place, never a value.
    """
    if not path.is_file():
        raise _rejected(
            "SETTLEMENT_FILE_MISSING",
            path.name,
            ("找不到文件。", "There is no such file."),
            ("请检查路径。", "Check the path."),
        )
    content = _json(path)
    if content is None:
        return SettlementInput(classes=_classes(_sheet(path)), parameters=base)
    for key in content:
        if key not in ("classes", "parameters", *KINDS):
            raise _unknown(f"{path.name}: ", key)
    classes = content.get("classes")
    if not isinstance(classes, list) or not 1 <= len(classes) <= MOST_CLASSES:
        raise _invalid(f"{path.name}: classes", "classes", _WRONG if "classes" in content else _MISSING)
    parameters = content.get("parameters", {})
    if not isinstance(parameters, dict):
        raise _invalid(f"{path.name}: parameters", "parameters", _WRONG)
    return SettlementInput(
        classes=_classes(_objects(path, classes)),
        parameters=_parameters(f"{path.name}: parameters", parameters, base),
        extras=read_extras(content, lambda place, what: _extra(f"{path.name}: {place}", what)),
    )


# -- the two kinds of file ---------------------------------------------------------------------------------------


def _json(path: Path) -> dict[str, Any] | None:
    """Return the one object of a JSON file, None where the file is no JSON."""
    content = path.read_bytes()
    text = None if content.startswith((ZIP, OLE)) else decoded(content)
    if text is None or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _invalid_file(path) from None
    if not isinstance(found, dict):
        raise _invalid_file(path)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a key twice: of two figures for one thing, which one is meant?"""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _objects(path: Path, classes: list[Any]) -> Iterator[_Row]:
    for number, item in enumerate(classes):
        where = f"{path.name}: classes[{number}]"
        if not isinstance(item, dict):
            raise _rejected("SETTLEMENT_FILE_INVALID", where, _WRONG, _WHOLE)
        for key in item:
            if key not in TITLES:
                raise _unknown(f"{where}.", key)
        yield _Row(f"{where}.", {key: value for key, value in item.items() if value is not None or key in REQUIRED})


def _sheet(path: Path) -> Iterator[_Row]:
    """Yield the rows of the first sheet; a cell of digits is a count, an empty one is absent."""
    sheets = read_sheets(path)
    rows = [(number, row) for number, row in sheets[0].numbered() if any(map(text_of, row))] if sheets else []
    if not 1 < len(rows) <= MOST_CLASSES + 1:
        raise _invalid_file(path)
    titles = [title_of(cell).lower() for cell in rows[0][1]]
    header = f"{path.name}: row {rows[0][0]} column "
    places = {key: titles.index(title) for key in TITLES for title in reversed(TITLES[key]) if title in titles}
    for key in REQUIRED:
        if key not in places:
            raise _rejected("SETTLEMENT_FILE_INVALID", f"{header}{key}", _MISSING, _WHOLE)
    for number, title in enumerate(titles):
        if title and number not in places.values():
            raise _rejected("SETTLEMENT_FILE_INVALID", f"{header}{number + 1}", _UNKNOWN, _SPELLING)
    for number, row in rows[1:]:
        cells = {key: text_of(row[place]) for key, place in places.items() if place < len(row)}
        values = {key: _cell(key, text) for key, text in cells.items() if text}
        yield _Row(f"{path.name}: row {number} column ", values)


def _cell(key: str, text: str) -> str | int:
    return int(text) if key not in NAMES and _DIGITS.fullmatch(text) else text


# -- what they hold ----------------------------------------------------------------------------------------------


def _classes(rows: Iterable[_Row]) -> tuple[ClassCount, ...]:
    counts: dict[tuple[str, str], ClassCount] = {}
    for row in rows:
        count = _class(row)
        if (count.school, count.class_id) in counts:
            raise _rejected(
                "SETTLEMENT_CLASS_DUPLICATE",
                row.at("class"),
                ("该学校的这个班级在前面已出现。", "The school has this class already, further up."),
                ("每个班级一项，请删去重复的。", "Give each class once: remove one of the two."),
            )
        counts[count.school, count.class_id] = count
    return tuple(counts.values())


def _class(row: _Row) -> ClassCount:
    for key in REQUIRED:
        if key not in row.values:
            raise _invalid(row.at(key), key, _MISSING)
    names = {key: _name(row, key) for key in NAMES}
    counts = {key: _count(row, key) for key in TITLES if key not in NAMES and key in row.values}
    for key in SERVED:
        if key in counts and "pupils" in counts and counts[key] > counts["pupils"]:
            raise _rejected(
                "SETTLEMENT_FILE_INVALID",
                row.at(key),
                ("人数多于班级学生数。", "It is more than the class has pupils."),
                ("请核对该项与 pupils。", "Compare it with `pupils`."),
            )
    return ClassCount(school=names["school"], class_id=names["class"], **counts)


def _name(row: _Row, key: str) -> str:
    value = row.values[key]
    name = text_of(value) if isinstance(value, str) else ""
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
        raise _invalid(row.at(key), key, _WRONG)
    return name


def _count(row: _Row, key: str) -> int:
    value = row.values[key]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise _invalid(row.at(key), key, _WRONG)
    return value


def _parameters(place: str, given: dict[str, Any], base: PolicyParameters) -> PolicyParameters:
    """Read parameters over a profile's: what the rules refuse is here a bad file."""
    for name, value in given.items():
        if not _moderate(value):
            raise _parameter("POLICY_PARAMETER_INVALID", place, name)
    try:
        return load_parameters(given, base)
    except Refusal as refused:
        raise _parameter(refused.code, place, refused.parameters["parameter"]) from None


def _moderate(value: Any) -> bool:
    """Tell whether all whole numbers in a value are of a size that a rule can mean."""
    if isinstance(value, list):
        return all(map(_moderate, value))
    return not isinstance(value, int) or abs(value) <= LARGEST


def _parameter(code: str, place: str, name: str) -> InputRejected:
    sentences: dict[str, tuple[Sentence, Sentence]] = {
        "POLICY_PARAMETER_UNKNOWN": (("没有这个政策参数。", "There is no such policy parameter."), _SPELLING),
        "POLICY_PARAMETER_INVALID": (
            ("政策参数的值不合规定。", "The policy parameter's value is not valid."),
            (
                '比例请写成分数（如 "3/10"），金额和人数请写成整数，其余请对照说明。',
                'Write ratios as fractions ("3/10"), amounts and heads as whole numbers; see the description.',
            ),
        ),
    }
    what, remedy = sentences[code]
    known = _KEY.fullmatch(name) is not None and name != "parameters"
    return _rejected(code, f"{place}.{name}" if known else place, what, remedy)


# -- how it is said ----------------------------------------------------------------------------------------------


def _unknown(place: str, key: str) -> InputRejected:
    """Name an unknown key only where it looks like one: anything may stand there, a person's name too."""
    where = f"{place}{key}" if _KEY.fullmatch(key) else place.rstrip(".: ")
    return _rejected("SETTLEMENT_FILE_INVALID", where, _UNKNOWN, _SPELLING)


def _invalid(place: str, key: str, what: Sentence) -> InputRejected:
    zh, en = _FORMS[key]
    return _rejected("SETTLEMENT_FILE_INVALID", place, what, (f"应为：{zh}。", f"It must be: {en}."))


def _extra(place: str, what: str) -> InputRejected:
    said = {"missing": _MISSING, "unknown": _UNKNOWN, "twice": _TWICE}.get(what, _WRONG)
    remedy = (
        "请填写 0 至 10 亿的整数和学校、班级名称；部分不得大于全部。",
        "Give whole numbers from 0 to 1,000,000,000 and the names of school and class; a part is not more than all.",
    )
    return _rejected("SETTLEMENT_FILE_INVALID", place, said, _SPELLING if what == "unknown" else remedy)


def _invalid_file(path: Path) -> InputRejected:
    return _rejected("SETTLEMENT_FILE_INVALID", path.name, ("文件无法识别。", "The file cannot be understood."), _WHOLE)


def _rejected(code: str, place: str, what: Sentence, remedy: Sentence) -> InputRejected:
    return InputRejected(
        code, message_zh=what[0], message_en=what[1], place=place, remedy_zh=remedy[0], remedy_en=remedy[1]
    )
