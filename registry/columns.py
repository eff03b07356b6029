"""The columns of a roster: what they are titled in schools' files and in the national register's template. DOMAIN §5.2.

Only these are read; whatever else a file holds about a pupil stays in the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_FIRST: Final = (
    "监护人",
    "第一监护人",
    "监护人1",
    "监护人一",
    "家长",
    "家长1",
    "家长一",
    "家庭成员1",
    "家庭成员一",
    "成员1",
    "父母或监护人",
)
_CAREGIVER: Final = ("照护人", "委托照护人", "受托照护人", "受委托照护人", "实际照护人", "被委托照护人")
_SECOND: Final = ("第二监护人", "监护人2", "监护人二", "家长2", "家长二", "家庭成员2", "家庭成员二", "成员2")
_NAME: Final = ("姓名",)
_PHONE: Final = ("电话", "联系电话", "手机", "手机号", "手机号码", "电话号码")
_EMAIL: Final = ("邮箱", "电子邮箱", "邮箱地址", "电子邮件")
_WECOM: Final = ("企业微信", "企业微信号", "企业微信账号", "企业微信ID")
_CHANNELS: Final = ("通知方式", "通知渠道", "接收通知方式", "首选通知方式")
_LAWFUL: Final = ("是否监护人",)
_AGREED: Final = ("同意接收通知", "是否同意接收通知", "同意被告知")
_GROUP: Final = re.compile(r"(学生|个人)?(基本)?(信息|情况)")
"""A title over several columns that tells nothing about them: 学生信息 over 姓名 is 姓名."""

_PERSON: Final = re.compile(r"(信息|情况)(?=姓名|是否|.*(电话|手机|邮箱|邮件|企业微信|通知方式)$)")
"""Of 监护人信息 over 姓名: without it the title is 监护人姓名."""


def _of(persons: Sequence[str], values: Sequence[str]) -> tuple[str, ...]:
    return tuple(person + value for person in persons for value in values)


COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "name": ("姓名", "学生姓名"),
    "class": ("班级", "班级名称", "所在班级", "班别", "行政班"),
    "id": ("身份证号", "身份证号码", "身份证件号", "身份证件号码", "学生身份证号", "学生身份证件号", "证件号码"),
    "gender": ("性别",),
    "birth": ("出生日期", "出生年月日", "生日"),
    "guardian": ("监护人姓名", *_of(_FIRST, _NAME)[1:], "监护人", "家长"),
    "phone": ("监护人电话", *_of(_FIRST, _PHONE)[1:], "联系电话", "手机号", "手机号码"),
    "guardian_email": _of(_FIRST, _EMAIL),
    "guardian_wecom": (*_of(_FIRST, _WECOM), "guardian1wecom", "guardianwecom"),
    "guardian_channels": (*_of(_FIRST, _CHANNELS), "guardian1channels", "guardianchannels"),
    "lawful": _of(_FIRST, _LAWFUL),
    "guardian2": (*_of(_SECOND, _NAME), "第二监护人"),
    "phone2": _of(_SECOND, _PHONE),
    "guardian2_email": _of(_SECOND, _EMAIL),
    "guardian2_wecom": (*_of(_SECOND, _WECOM), "guardian2wecom"),
    "guardian2_channels": (*_of(_SECOND, _CHANNELS), "guardian2channels"),
    "lawful2": _of(_SECOND, _LAWFUL),
    "caregiver": (*_of(_CAREGIVER, _NAME), *_CAREGIVER),
    "caregiver_phone": _of(_CAREGIVER, _PHONE),
    "caregiver_email": _of(_CAREGIVER, _EMAIL),
    "caregiver_wecom": (*_of(_CAREGIVER, _WECOM), "caregiverwecom"),
    "caregiver_agreed": _of(_CAREGIVER, _AGREED),
    "mark": ("期中成绩", "期中总分"),
    "absence": ("缺勤天数", "无故缺勤天数"),
    "informed": ("已告知", "是否已告知"),
    "email": ("学生邮箱", "学生电子邮箱", "邮箱", "电子邮箱"),
    "language": ("通知语言", "语言"),
}
"""What a column holds → its titles; the first is the one that messages name, earlier ones win over later ones."""

REQUIRED: Final = ("name", "id")
"""A row with these titles is a header. A table without a class column takes the class from its sheet's name."""

_MEANING: Final = {
    title.casefold(): (what, rank) for what, titles in COLUMNS.items() for rank, title in enumerate(titles)
}


def plain_title(title: str) -> str:
    """Return a title of two parts (学生信息 over 姓名, 监护人信息 over 联系电话) as the one that `COLUMNS` knows."""
    rest = _GROUP.sub("", title, count=1) if _GROUP.match(title) else title
    return _PERSON.sub("", rest, count=1) if rest.casefold() not in _MEANING else rest


def positions_of(titles: Sequence[str]) -> dict[str, int] | None:
    """Return where each column stands, of two with one meaning the better title, then the first; None for no header.

    Args:
        titles: what `registry.sheets.title_of` made of a row's cells.
    """
    found: dict[str, tuple[int, int]] = {}
    for position, title in enumerate(titles):
        if title.casefold() in _MEANING:
            what, rank = _MEANING[title.casefold()]
            if what not in found or rank < found[what][0]:
                found[what] = (rank, position)
    if any(what not in found for what in REQUIRED):
        return None
    return {what: found[what][1] for what in COLUMNS if what in found}
