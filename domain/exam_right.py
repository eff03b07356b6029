"""No paper of this system gives up the examination: what reads like such a promise is found (DOMAIN §0.4; INV-03).

No kind of form, command or event means that a pupil gives up the senior high school entrance examination (中考). What
is left is free text: a note typed by staff, a wording of a notice. Both are read here. A note is kept and people look
at it, because a report *about* such a promise reads like one; a wording of a notice that asks for it is refused.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SIMPLE: Final = str.maketrans(
    "棄參試與學業術書諾願請聲認證達標準報國應屆畢職動終絕換個這選擇讓絶",
    "弃参试与学业术书诺愿请声认证达标准报国应届毕职动终绝换个这选择让绝",
)
"""Traditional characters of the words below, as the simplified ones."""

_NOISE: Final = re.compile(r"[\s\u200b-\u200f\u2060\ufeff·・_*\-—–~\"'“”‘’「」『』《》〈〉（）()\[\]【】]+")
"""What people put between the characters of a word, by layout or to hide it."""

_SENTENCE: Final = re.compile(r"[。！？!?；;.]+|\n\s*\n")
"""Where a sentence ends; a single break of line is only layout."""

_EXAM: Final = r"(?:中考|升学考试|升学考|学业水平考试|初中毕业考试|高中阶段学校招生考试|高中招生考试)"
_GIVING_UP: Final = r"(?:放弃|弃考|弃权|自动退出|不再参加|不参加|不报考|不报名参加|不去考|免于参加|退出)"
_PROMISE: Final = r"(?:自愿|承诺|保证|同意|申请|声明|决定|志愿|愿意|请求)"

_WAIVERS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:自愿|主动|自动|申请|同意|承诺|被迫|要求|劝)?放弃(?:参加|报考|报名|今年|本届|本年|的|了|\d{{4}}年?){{0,4}}{_EXAM}",
        rf"{_EXAM}(?:自愿|主动)?(?:放弃|弃考|弃权)",
        r"(?:自愿|主动)?弃考(?:中考)?(?:承诺|申请|声明|保证|协议|书)",
        rf"{_PROMISE}.{{0,20}}{_GIVING_UP}.{{0,8}}{_EXAM}",
        rf"{_GIVING_UP}.{{0,8}}{_EXAM}.{{0,12}}(?:承诺书|申请书|保证书|声明书|协议书|承诺|声明|协议|签字|签名)",
    )
)
"""Words with which somebody gives the examination up, or has it signed away."""

_MENTION: Final = re.compile(rf"(?:不参加|不让参加|不准参加|不报考|不考|免考|劝退).{{0,8}}{_EXAM}")
"""Words about a pupil who does not sit it: enough for somebody to look, too little to refuse a notice that warns."""

_FORBIDS: Final = re.compile(r"(?:不得|不能|不可|不准|不许|不应|不要|严禁|禁止|无权|没有权|杜绝|拒绝)")
"""A clause that forbids the promise is no promise."""

_ENGLISH_EXAM: Final = r"(?:zhongkao|entrance exam(?:ination)?|senior high school exam(?:ination)?)"
_ENGLISH: Final = re.compile(
    rf"(?:giv(?:e|es|ing) up|waiv(?:e|es|ing)|renounc(?:e|es|ing)|forgo(?:es|ing)?|abandon(?:s|ing)?"
    rf"|(?:agree|promise|choose|decide|apply)s? not to (?:sit|take|join))[^.!?;\n]{{0,40}}{_ENGLISH_EXAM}"
)
_ENGLISH_FORBIDS: Final = re.compile(r"\b(?:nobody|no one|never|must not|may not|cannot|forbidden|not allowed)\b")


def normalised(text: str) -> str:
    """Return a text as the scan reads it: full-width as half-width, traditional as simplified, lower case."""
    return unicodedata.normalize("NFKC", text).translate(_SIMPLE).lower()


def reads_like_waiver(text: str) -> bool:
    """Tell whether a free text may be a promise to give up the examination, or tell of one.

    Wide on purpose: people look at every hit, and nothing is blocked. The breaks of lines and sentences are not
    respected, for a promise can be written over several.
    """
    plain = normalised(text)
    joined = _NOISE.sub("", plain)
    found = any(pattern.search(joined) for pattern in (*_WAIVERS, _MENTION))
    return found or _ENGLISH.search(" ".join(plain.split())) is not None


def asks_for_waiver(text: str) -> bool:
    """Tell whether the wording of a notice asks a family to give up the examination.

    Narrower than `reads_like_waiver`: a clause that forbids the promise, or that warns of what not sitting the
    examination means, is what a lawful letter says.
    """
    plain = normalised(text)
    return any(_asks(sentence) for sentence in _SENTENCE.split(plain))


def _asks(sentence: str) -> bool:
    """Tell whether a normalised sentence has a promise in a clause that does not forbid it."""
    joined = _NOISE.sub("", sentence)
    for pattern in _WAIVERS:
        for found in pattern.finditer(joined):
            clause = joined[joined.rfind(",", 0, found.start()) + 1 : found.end()]
            if _FORBIDS.search(clause) is None:
                return True
    spaced = " ".join(sentence.split())
    english = _ENGLISH.search(spaced)
    return english is not None and _ENGLISH_FORBIDS.search(spaced[: english.end()]) is None
