"""What the cells of an outcome file mean, as schools write them; a value that means nothing is None, never a guess."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time
from typing import Any, Final

from cli.language import say
from domain.family_act import SCHOOL
from domain.retention_events import CHECKPOINT
from domain.stream import CODE, LABEL, STUDENT
from domain.time import SHANGHAI, START_OF_WORK, at, civil, stamp
from registry.sheets import Cell, text_of

YES_NO: Final = {
    **dict.fromkeys(("是", "到", "到会", "已到", "true", "yes", "y", "1", "√", "✓"), True),
    **dict.fromkeys(("否", "未到", "缺席", "未到会", "false", "no", "n", "0", "×"), False),
}
AGREED: Final = {
    **dict.fromkeys(("同意", "已同意", "agreed"), True),
    **dict.fromkeys(("不同意", "未同意", "declined"), False),
}
"""What else a guardian's slip says."""

VOCABULARY: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "by": {
        "guardian": ("guardian", "监护人", "家长", "父亲", "母亲", "父母"),
        "caregiver": ("caregiver", "照护人", "受托照护人", "受委托照护人", "祖父母", "亲属"),
    },
    "contact": {
        "call": ("call", "电话", "电话联系", "电话回访"),
        "home_visit": ("home_visit", "家访", "上门", "入户"),
    },
    "outcome": {
        "reached": ("reached", "已告知", "已联系", "已联系上", "联系上"),
        "no_answer": ("no_answer", "无人接听", "无人应答", "未联系上", "无人在家"),
        "refused": ("refused", "拒绝", "谢绝", "不愿参加"),
        "call_back": ("call_back", "约定再联系", "改日再联系", "稍后联系"),
    },
    "purpose": {
        "withdrawal_report": ("withdrawal_report", "撤回核实"),
        "sample": ("sample", "抽查"),
        "short_cooling": ("short_cooling", "冷静期缩短"),
        "paper": ("paper", "纸质回执"),
    },
    "call_outcome": {
        "confirmed": ("confirmed", "确认", "属实"),
        "wants_to_withdraw": ("wants_to_withdraw", "要求撤回", "想撤回"),
        "denies": ("denies", "否认", "未曾办理"),
        "unreachable": ("unreachable", "未联系上", "无人接听"),
    },
    "decision": {
        "confirm": ("confirm", "确认"),
        "exclude": ("exclude", "排除"),
        "contest": ("contest", "异议", "提出异议"),
        "resolve": ("resolve", "处理异议", "复核"),
    },
    "raised_by": {
        "STAFF": ("staff", "教职工", "老师"),
        "GUARDIAN": ("guardian", "监护人", "家长"),
        "PUPIL": ("pupil", "学生"),
    },
    "help": {
        "STUDY": ("study", "学习", "学业", "学习帮扶"),
        "ATTENDANCE": ("attendance", "出勤", "到校"),
        "INFORMATION": ("information", "告知", "政策告知"),
    },
    "result": {
        "admitted": ("admitted", "录取", "已录取"),
        "not_admitted": ("not_admitted", "未录取", "不录取"),
    },
    "destination": {
        "VOCATIONAL": ("vocational", "中职", "中等职业学校", "职校"),
        "GENERAL_HIGH": ("general_high", "普高", "普通高中"),
        "FIVE_YEAR_COLLEGE": ("five_year_college", "五年制高职", "五年一贯制", "五年制大专"),
        "TECHNICAL_SCHOOL": ("technical_school", "技工学校", "技校"),
        "OTHER_PROVINCE": ("other_province", "外省就读", "外省"),
        "RESIT": ("resit", "复读"),
        "WORK": ("work", "就业", "务工"),
        "OTHER": ("other", "其他"),
        "UNKNOWN": ("unknown", "去向不明", "未知"),
    },
    "evidence": {
        "REGISTER": ("register", "学籍", "学籍系统", "学籍记录"),
        "DOCUMENT": ("document", "书面材料", "材料", "证明材料"),
        "SEEN": ("seen", "见到本人", "当面见到"),
        "CALL": ("call", "电话核实", "电话", "询问"),
        "HEARSAY": ("hearsay", "他人转述", "听说"),
    },
    "state": {
        "present": ("present", "在校", "在读"),
        "transfer": ("transfer", "转学", "互转"),
        "suspended": ("suspended", "休学"),
        "lost": ("lost", "流失", "离校"),
        "not_reached": ("not_reached", "未联系上", "联系不上"),
    },
    "exit": {
        "transfer": ("transfer", "转学", "转出"),
        "abroad": ("abroad", "出国", "出境"),
        "death": ("death", "去世", "死亡"),
    },
    "checkpoint": {
        "term_end": ("term_end", "学期末", "期末"),
        "next_March": ("next_march", "次年3月", "次年三月"),
    },
}
"""Vocabulary → code → how it is written: in English, in Chinese as the template offers it, then otherwise."""

WORDS: Final[dict[str, dict[str, str]]] = {
    name: {text: code for code, texts in codes.items() for text in texts} for name, codes in VOCABULARY.items()
}
"""Vocabulary → what is written → the code."""

NONE: Final = ("无", "none", "-")
"""How a file says "no help" where an empty cell would mean "as proposed"."""

EXACT_DIGITS: Final = 15
"""Digits that a spreadsheet keeps of a number; the rest it makes up."""

_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{2,39}")
_DAY: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}:\d{2}(?::\d{2}(?:-\d+|\.\d+)?)?)(.*))?")


def plain(cell: Any) -> str:
    """Return a cell as half-width text; a JSON null is empty."""
    return "" if cell is None else unicodedata.normalize("NFKC", text_of(cell)).strip()


def student(cell: Any) -> str | None:
    """Return a pupil's reference."""
    return _matching(STUDENT, plain(cell))


def label(cell: Any) -> str | None:
    """Return the label of a meeting or trip: lower-case letters, digits and hyphens."""
    return _matching(LABEL, plain(cell).lower())


def reason(cell: Any) -> str | None:
    """Return a reason code."""
    return _matching(CODE, plain(cell))


def school(cell: Any) -> str | None:
    """Return a school's code, 10 digits; a number that has lost its leading zeros is none."""
    return _matching(SCHOOL, plain(cell))


def reference(cell: Any) -> str | None:
    """Return a reference of another office's register; a number with more digits than a spreadsheet keeps is none."""
    text = plain(cell)
    if isinstance(cell, int | float) and len(text) > EXACT_DIGITS:
        return None
    return text if _REFERENCE.fullmatch(text) else None


def yes_no(cell: Any) -> bool | None:
    """Return 是 as True and 否 as False."""
    return cell if isinstance(cell, bool) else YES_NO.get(plain(cell).lower())


def agreed(cell: Any) -> bool | None:
    """Return what a guardian's slip says: 同意 or 是 as True."""
    return AGREED.get(plain(cell).lower(), yes_no(cell))


def word(vocabulary: str, cell: Any) -> str | None:
    """Return the code of what is written, None for what the vocabulary has not got."""
    return WORDS[vocabulary].get(plain(cell).lower())


def choices(vocabulary: str) -> tuple[str, ...]:
    """Return a vocabulary's words in the language of this process, one a code, as the template offers them."""
    return tuple(say(texts[1], texts[0]) for texts in VOCABULARY[vocabulary].values())


def checkpoint(cell: Any) -> str | None:
    """Return a checkpoint: D+30, term_end or next_March; 第30天 and 注册后30天 are D+30."""
    found = word("checkpoint", cell)
    if found is not None:
        return found
    text = re.sub(r"^(?:第|注册后)?(\d+)[天日]$", r"D+\1", plain(cell)).replace(" ", "")
    return _matching(CHECKPOINT, text.upper())


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


def day(cell: Cell | None) -> str | None:
    """Return a civil date as ISO 8601; a time of day is dropped only where a spreadsheet has put midnight there."""
    if isinstance(cell, datetime):
        return (civil(cell) if cell.tzinfo else cell.date()).isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    match = _DAY.fullmatch(_with_hyphens(cell))
    if match is None or (match[4] or "").strip("0:") or (match[5] or "").strip():
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        return None


def moment(cell: Cell | None) -> str | None:
    """Return an instant as events write it; without an offset it is the county's time, a bare date its morning."""
    if isinstance(cell, datetime):
        return stamp(cell if cell.tzinfo else cell.replace(tzinfo=SHANGHAI))
    if isinstance(cell, date):
        return stamp(at(cell, START_OF_WORK))
    match = _DAY.fullmatch(_with_hyphens(cell))
    if match is None:
        return None
    try:
        on = date(int(match[1]), int(match[2]), int(match[3]))
        if match[4] is None:
            return stamp(at(on, START_OF_WORK))
        clock = time.fromisoformat(match[4].zfill(5) if match[4].count(":") == 1 else match[4].zfill(8))
        offset = match[5].strip()
        if not offset:
            return stamp(datetime.combine(on, clock, SHANGHAI))
        return stamp(datetime.fromisoformat(f"{on}T{clock.isoformat()}{offset}"))
    except ValueError:
        return None


def _with_hyphens(cell: Cell | None) -> str:
    """Return a date's text with hyphens between year, month and day."""
    text = plain(cell).replace("/", "-").replace(".", "-", 2)
    return re.sub(r"^(\d{4})年(\d{1,2})月(\d{1,2})日", r"\1-\2-\3", text)


def _matching(pattern: str, text: str) -> str | None:
    return text if re.fullmatch(pattern, text) else None
