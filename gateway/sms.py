"""What a family means by a text message, and how a telephone number is compared without being known (DOMAIN §5.4).

A message is "CODE WORD". A withdrawal is understood however sloppily it is written, for it is a right; anything else
must be clear, for nobody may be taken to have said what they did not say. Whether optional notices are to
come has words of its own: it is no answer about the choice and is never taken for one.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.family_act import ActKind, Intent
from gateway import spelling

INTENTS: Final[dict[str, Intent]] = {
    **{kind.value.lower(): kind for kind in Intent},
    "普高": Intent.GENERAL_HIGH,
    "中职": Intent.VOCATIONAL,
    "未定": Intent.UNDECIDED,
    "其他": Intent.OTHER,
}
"""What a family may write for its intent."""

WORDS: Final[dict[str, ActKind]] = {
    "已阅": "acknowledge",
    "已读": "acknowledge",
    "已阅读": "acknowledge",
    "收到": "acknowledge",
    "read": "acknowledge",
    "同意": "sign",
    "签署": "sign",
    "yes": "sign",
    "sign": "sign",
    "不同意": "refuse",
    "拒绝": "refuse",
    "no": "refuse",
    "refuse": "refuse",
    "保留": "keep",
    "不撤回": "keep",
    "keep": "keep",
    "同意信息": "consent_data",
    "信息同意": "consent_data",
    "data": "consent_data",
}
"""What a family may write for the other acts; `同意` is followed by the school's ten digits."""

WISHES: Final[dict[str, bool]] = {
    "停收": False,
    "停收通知": False,
    "不再接收": False,
    "不再接收通知": False,
    "不再接收该类通知": False,
    "stop": False,
    "恢复接收": True,
    "恢复接收通知": True,
    "start": True,
}
"""What a family may write about optional notices → whether it wants them. TD and 退订 are not among these words: the
letters promise that they withdraw a consent."""

_CODE_FIRST: Final = re.compile(r"\s*([0-9a-z]{4}[\s\u2010-\u2015\u2212-]*[0-9a-z]{4})(?![0-9a-z])")
_BETWEEN: Final = re.compile(r"[\s,，。.;；、:：!！()（）\[\]【】\"“”'‘’_/\u2010-\u2015\u2212-]+")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]+")
_WITHDRAWING: Final = re.compile(r"撤回|撤销|退订")
_NEGATED: Final = re.compile(r"[不没未别勿无](?:要|想|会|能|可|用|需|须|必|再|有|同意)*(?:撤回|撤销|退订)")
_LATIN_WITHDRAWAL: Final = ("withdraw", "td")
_SCHOOL: Final = re.compile(r"(.+?)(\d{10})")


@dataclass(frozen=True)
class Meant:
    """What a message says.

    Attributes:
        codes: the code; two where a withdrawal can be read in two ways, none where it is written without one.
        act: what is done.
        intent: with `intent` only.
        destination: with `sign` only.
    """

    codes: tuple[str, ...]
    act: ActKind
    intent: Intent | None = None
    destination: str | None = None


@dataclass(frozen=True)
class Wish:
    """What a message says about optional notices.

    Attributes:
        codes: the code, none where the telephone alone speaks.
        wanted: whether they are to come.
    """

    codes: tuple[str, ...]
    wanted: bool


def read(text: str) -> Meant | Wish | None:
    """Return what a message says, None where it is not clear, or where it may be two things."""
    plain = unicodedata.normalize("NFKC", text).lower()
    if (withdrawal := _withdrawal(plain)) is not None:
        return withdrawal
    act, wish = _other(plain), _wish(plain)
    return None if act is not None and wish is not None else act or wish


def number_digest(secret: bytes, number: str) -> str:
    """Return what stands for a telephone number: HMAC-SHA256 of `number`, a line feed and its eleven digits, hex.

    The provider makes it with the secret that it shares with the endpoint, so that the number itself never comes here.

    Args:
        secret: the endpoint's.
        number: a mobile number of mainland China, as it is written; +86 in front does not matter.
    """
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", number))
    return hmac.digest(secret, f"number\n{digits[-11:]}".encode(), "sha256").hex()


def _withdrawal(plain: str) -> Meant | None:
    squeezed = _BETWEEN.sub("", plain)
    rests = dict.fromkeys(_around_the_word(squeezed))
    codes = tuple(rest for rest in rests if spelling.read(rest) is not None)
    if codes:
        return Meant(codes, "withdraw")
    return Meant((), "withdraw") if "" in rests else None


def _around_the_word(squeezed: str) -> Iterator[str]:
    """Yield what is left of a message without the word for withdrawing; nothing where it has none."""
    for word in _LATIN_WITHDRAWAL:
        if squeezed.startswith(word):
            yield squeezed.removeprefix(word)
        if squeezed.endswith(word):
            yield squeezed.removesuffix(word)
    if _WITHDRAWING.search(squeezed) and not _NEGATED.search(squeezed):
        yield _CHINESE.sub("", squeezed)


def _wish(plain: str) -> Wish | None:
    """Read a word of `WISHES` alone, or with a code before or behind it; anything beside them makes it unclear."""
    squeezed = _BETWEEN.sub("", plain)
    for word, wanted in WISHES.items():
        for rest in (squeezed.removeprefix(word), squeezed.removesuffix(word)):
            if rest in (squeezed, *_LATIN_WITHDRAWAL):  # "withdraw" could be a code, and is no wish
                continue
            if rest == "" or spelling.read(rest) is not None:
                return Wish((rest,) if rest else (), wanted)
    return None


def _other(plain: str) -> Meant | None:
    found = _CODE_FIRST.match(plain)
    if found is None or spelling.read(found[1]) is None:
        return None
    word = _BETWEEN.sub("", plain[found.end() :])
    if word in INTENTS or word in _SPELLED:
        return Meant((found[1],), "intent", intent=INTENTS.get(word) or _SPELLED[word])
    named = _SCHOOL.fullmatch(word)
    if named is not None and WORDS.get(named[1]) == "sign":
        return Meant((found[1],), "sign", destination=named[2])
    act = WORDS.get(word)
    return None if act is None or act == "sign" else Meant((found[1],), act)


_SPELLED: Final = {_BETWEEN.sub("", word): kind for word, kind in INTENTS.items()}
"""The intents as they are once hyphens and underscores are gone."""
