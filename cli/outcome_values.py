"""What the cells of an outcome file mean, as schools write them; a value that means nothing is None, never a guess."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time
from typing import Any, Final

from domain.time import SHANGHAI, START_OF_WORK, at, stamp
from registry.sheets import Cell, text_of

YES_NO: Final = {
    **dict.fromkeys(("是", "到", "到会", "已到", "true", "yes", "y", "1", "√", "✓"), True),
    **dict.fromkeys(("否", "未到", "缺席", "未到会", "false", "no", "n", "0", "×"), False),
}
WORDS: Final[dict[str, dict[str, str]]] = {
    "by": {
        **dict.fromkeys(("guardian", "监护人", "家长", "父亲", "母亲", "父母"), "guardian"),
        **dict.fromkeys(("caregiver", "照护人", "受托照护人", "受委托照护人", "祖父母", "亲属"), "caregiver"),
    },
    "kind": {
        **dict.fromkeys(("call", "电话", "电话联系", "电话回访"), "call"),
        **dict.fromkeys(("home_visit", "家访", "上门", "入户"), "home_visit"),
    },
    "outcome": {
        **dict.fromkeys(("reached", "已告知", "已联系", "已联系上", "联系上"), "reached"),
        **dict.fromkeys(("no_answer", "无人接听", "无人应答", "未联系上", "无人在家"), "no_answer"),
        **dict.fromkeys(("refused", "拒绝", "谢绝", "不愿参加"), "refused"),
        **dict.fromkeys(("call_back", "改日再联系", "约定再联系", "稍后联系"), "call_back"),
    },
    "decision": {
        **dict.fromkeys(("confirm", "确认"), "confirm"),
        **dict.fromkeys(("exclude", "排除"), "exclude"),
        **dict.fromkeys(("contest", "异议", "提出异议"), "contest"),
        **dict.fromkeys(("resolve", "处理异议", "复核"), "resolve"),
    },
    "raised_by": {
        **dict.fromkeys(("staff", "教职工", "老师"), "STAFF"),
        **dict.fromkeys(("guardian", "监护人", "家长"), "GUARDIAN"),
        **dict.fromkeys(("pupil", "学生"), "PUPIL"),
    },
    "help": {
        **dict.fromkeys(("study", "学习", "学业", "学习帮扶"), "STUDY"),
        **dict.fromkeys(("attendance", "出勤", "到校"), "ATTENDANCE"),
        **dict.fromkeys(("information", "告知", "政策告知"), "INFORMATION"),
    },
}
"""Column → what is written → the code."""

NONE: Final = ("无", "none", "-")
"""How a file says "no help" where an empty cell would mean "as proposed"."""

_STUDENT = re.compile(r"stu_[a-z0-9]{6,32}")
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_REASON = re.compile(r"[A-Z][A-Z0-9_]{1,63}")


def plain(cell: Any) -> str:
    """Return a cell as half-width text; a JSON null is empty."""
    return "" if cell is None else unicodedata.normalize("NFKC", text_of(cell)).strip()


def student(cell: Any) -> str | None:
    """Return a pupil's reference."""
    text = plain(cell)
    return text if _STUDENT.fullmatch(text) else None


def label(cell: Any) -> str | None:
    """Return a meeting's reference: lower-case letters, digits and hyphens."""
    text = plain(cell).lower()
    return text if _LABEL.fullmatch(text) else None


def reason(cell: Any) -> str | None:
    """Return a reason code."""
    text = plain(cell)
    return text if _REASON.fullmatch(text) else None


def yes_no(cell: Any) -> bool | None:
    """Return 是 as True and 否 as False."""
    return cell if isinstance(cell, bool) else YES_NO.get(plain(cell).lower())


def word(column: str, cell: Any) -> str | None:
    """Return the code of what is written in a column."""
    text = plain(cell)
    return WORDS[column].get(text) or WORDS[column].get(text.lower())


def listed(cell: Any) -> list[str]:
    """Return the parts of a list: a JSON array, or text with ; or 、 or commas between."""
    if isinstance(cell, list):
        return [plain(part) for part in cell]
    return [part.strip() for part in re.split(r"[;、,]", plain(cell)) if part.strip()]


def helps(cell: Any) -> list[str] | None:
    """Return kinds of help, empty for an explicit none."""
    parts = listed(cell)
    if [part.lower() for part in parts] in ([name] for name in NONE):
        return []
    found = [word("help", part) for part in parts]
    return [kind for kind in found if kind] if all(found) else None


def moment(cell: Cell | None) -> str | None:
    """Return an instant as events write it; without an offset it is the county's time, a bare date its morning."""
    if isinstance(cell, datetime):
        return stamp(cell if cell.tzinfo else cell.replace(tzinfo=SHANGHAI))
    if isinstance(cell, date):
        return stamp(at(cell, START_OF_WORK))
    text = plain(cell).replace("/", "-").replace(".", "-", 2) if cell is not None else ""
    text = re.sub(r"^(\d{4})年(\d{1,2})月(\d{1,2})日", r"\1-\2-\3", text)
    match = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}:\d{2}(?::\d{2}(?:-\d+|\.\d+)?)?)(.*))?", text)
    if match is None:
        return None
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
        if match[4] is None:
            return stamp(at(day, START_OF_WORK))
        clock = time.fromisoformat(match[4].zfill(5) if match[4].count(":") == 1 else match[4].zfill(8))
        offset = match[5].strip()
        if not offset:
            return stamp(datetime.combine(day, clock, SHANGHAI))
        return stamp(datetime.fromisoformat(f"{day}T{clock.isoformat()}{offset}"))
    except ValueError:
        return None
