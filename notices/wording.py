"""One language's wording of a notice, and what must not stand in one (DOMAIN §5.5; FEATURES G2, G18)."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Final, Literal, Self

from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from domain.exam_right import asks_for_waiver
from notices.segments import LONGEST_SIGNATURE, segments, signed

ENVIRONMENT: Final = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
"""No escaping: the notices are plain text."""

CLAIM: Final = "claim"
"""The one name that no template declares: `{{ claim.aid_rate }}` takes a statement over from the claims library."""

NEVER_TO_FAMILIES: Final = ("分流", "diversion")
"""A family chooses; it is not diverted (DOMAIN §5.5)."""

_PRESSING: Final = re.compile(
    r"必须[^，。；！？\n]{0,8}(?:签|选|报|读|填|交|办)|必须在|必须于|务必|否则|不发[^，。；！？\n]{0,4}证"
    r"|(?:取消|失去)[^，。；！？\n]{0,6}(?:资格|学籍|名额)"
    r"|\bmust (?:now |still |all )?(?:sign|choose|enrol|register|decide|apply|agree to|answer|send)\b"
    r"|\bor else\b|\botherwise (?:you|your|the)\b|\bno (?:graduation )?certificate\b"
    r"|\bloses? (?:the|his|her|its|your|their) (?:place|right|certificate)\b",
    re.IGNORECASE,
)
"""What presses a family to choose, or to choose in haste; no claim can approve it."""

_SYNTAX: Final = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.If, nodes.Not)
_CODE: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
LINK: Final = re.compile(r"(?:https?://|www\.)\S*", re.IGNORECASE)
_PART: Final = "\x00"
"""Stands for a variable while a wording is searched."""

_CHINESE_NUMBER: Final = "0-9０-９零〇一二两三四五六七八九十百千万亿半"
_NUMBER_WORDS: Final = (
    "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|half)"
)
_CHINESE_UNITS: Final = "元|块钱|角钱|%|％|成|折|倍|个?工作日|个?月|天|日|周岁|岁|周|年|小时|分钟|学期|学年"
_UNITS: Final = (
    r"yuan|rmb|cny|%|per ?cent"
    r"|(?:(?:working|school|calendar|civil)[ -])?(?:days?|weeks?|months?|years?|hours?|minutes?|terms?)"
)
_FIGURES: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"[{_CHINESE_NUMBER}]+多?(?:{_CHINESE_UNITS})",
        r"百分之",
        rf"\b(?:[0-9][0-9,.]*|{_NUMBER_WORDS})[ -]?(?:{_UNITS})(?![a-z])",
        rf"\b(?:under|over|aged?) (?:[0-9]+|{_NUMBER_WORDS})\b",
        r"[¥￥$] ?[0-9]",
        r"(?<![0-9])[0-9]{4,}(?![0-9])",
    )
)
"""Amounts, shares, terms, ages, years and numbers to call: a notice takes them over from a claim or from the record."""

_AID: Final = re.compile(
    r"免(?:除|收|交|缴)?学(?:杂)?费|学费减免|全免|资助|助学金|奖学金|奖金|补助|补贴|免费就读"
    r"|(?:不用|不必|不须|无须|无需|不需要?|不收|不交|没有)[^，。；！？\n]{0,6}学(?:杂)?费"
    r"|学(?:杂)?费[^，。；！？\n]{0,6}(?:承担|负担|减|免|退还|返还)"
    r"|\bfree (?:of )?tuition|\btuition[ -]free|\bno (?:tuition|school fees?)\b|\bbonus(?:es)?\b"
    r"|\b(?:tuition|schooling|study|studying|learning)\b[^.,;!?\n]{0,20} costs? nothing\b"
    r"|\b(?:state|financial) (?:aid|support)\b|\bstate pays\b"
    r"|\bgrants?\b|\bscholarships?\b|\bsubsid(?:y|ies)\b",
    re.IGNORECASE,
)
"""Words about money that a family may get: what they promise is for the claims library to say."""

_PROSPECTS: Final = re.compile(
    r"[包保即]就业|包分配|(?:就业|录取|升学)率|百分百|百分之百"
    r"|\bguaranteed? (?:job|work|place|employment)s?\b|\b(?:employment|admission|placement) rates?\b",
    re.IGNORECASE,
)
"""What a school is said to lead to: so far as it is true, a claim says it with its source."""


def never_to_families(text: str) -> tuple[str, ...]:
    """Return the words that no text to a family may hold, and this one does: of diverting, and of pressing it."""
    lower = text.lower()
    pressing = dict.fromkeys(hit.group().strip() for hit in _PRESSING.finditer(text))
    return (*(word for word in NEVER_TO_FAMILIES if word in lower), *pressing)


class Wording(BaseModel):
    """One language's subject, text and text message, as Jinja source.

    Attributes:
        subject: one line.
        text: the whole notice.
        short: for a text message, without the signature; None where the notice has none.
        segments: as how many it is charged at most, signature included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str = Field(min_length=1, pattern=r"^[^\r\n]*$")
    text: str = Field(min_length=1)
    short: str | None = Field(default=None, min_length=1, pattern=r"^[^\r\n]*$")
    segments: Literal[1, 2] | None = None

    @property
    def parts(self) -> dict[str, str]:
        """Return the sources by the names of their fields."""
        found = {"subject": self.subject, "text": self.text}
        return found if self.short is None else found | {"short": self.short}

    def used(self) -> dict[str, None]:
        """Return the variables that the wording names, sorted."""
        names = (name for source in self.parts.values() for name in variables_of(source))
        return dict.fromkeys(sorted(names))

    def claims(self) -> tuple[str, ...]:
        """Return the claims that the wording makes, sorted."""
        return tuple(sorted({name for source in self.parts.values() for name in claims_of(source)}))

    @field_validator("subject", "text", "short")
    @classmethod
    def _plain(cls, source: str | None, info: ValidationInfo) -> str | None:
        """Let a wording name variables, claims and conditions, and do nothing else; its links are whole and fixed."""
        if source is None:
            return None
        try:
            parsed = ENVIRONMENT.parse(source)
        except TemplateSyntaxError as error:
            raise ValueError(str(error)) from None
        taken = {id(node.node) for node in parsed.find_all(nodes.Getattr)}
        for node in parsed.find_all(nodes.Node):
            if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == CLAIM:
                continue
            if not isinstance(node, _SYNTAX):
                found = type(node).__name__
                raise ValueError(f"only variables, claims and conditions may stand in a wording, not {found}")  # noqa: TRY004 - pydantic takes a ValueError as the field's own problem
            if isinstance(node, nodes.Name) and node.name == CLAIM and id(node) not in taken:
                raise ValueError("a claim is taken over by its name, as claim.aid_rate")
        if any(_PART in link for link in LINK.findall(_CODE.sub(_PART, source))):
            raise ValueError("a link is a fixed address: no variable may stand in it")
        if info.field_name == "short" and LINK.search(source):
            raise ValueError("a text message holds no link")
        if asks_for_waiver(source):
            raise ValueError("no notice asks anybody to give up the examination")
        return source

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.short is None) != (self.segments is None):
            raise ValueError("short and segments go together")
        return self

    def unbacked(self) -> tuple[str, ...]:
        """Return what a family would read as a promise that nobody has approved: figures, aid, prospects."""
        found = []
        for name, source in self.parts.items():
            bare = _CODE.sub(_PART, source)
            hits = (hit.group().strip() for pattern in (*_FIGURES, _AID, _PROSPECTS) for hit in pattern.finditer(bare))
            found += [f"{name}: {hit}" for hit in dict.fromkeys(hits)]
        return tuple(found)

    def for_nobody(self) -> tuple[str, ...]:
        """Return the words that no notice to a family may hold, and this one does."""
        return never_to_families("\n".join(self.parts.values()))

    def longest(self, longest: Mapping[str, tuple[str, ...]], claims: Callable[[str], str]) -> int:
        """Return as how many segments the text message is charged at most; 0 without one.

        Args:
            longest: variable → the longest that it may look like, each way that counts.
            claims: what a claim says in this language.
        """
        if self.short is None:
            return 0
        names = variables_of(self.short)
        said = SimpleNamespace(**{name: claims(name) for name in claims_of(self.short)})
        template = ENVIRONMENT.from_string(self.short)
        return max(
            segments(
                signed(template.render(**dict(zip(names, values, strict=True)), **{CLAIM: said}), LONGEST_SIGNATURE)
            )
            for values in itertools.product(*(longest[name] for name in names))
        )


@functools.cache
def variables_of(source: str) -> tuple[str, ...]:
    """Return the variables that a source names, sorted, claims apart."""
    return tuple(sorted(meta.find_undeclared_variables(ENVIRONMENT.parse(source)) - {CLAIM}))


@functools.cache
def claims_of(source: str) -> tuple[str, ...]:
    """Return the claims that a source makes, sorted."""
    return tuple(sorted({node.attr for node in ENVIRONMENT.parse(source).find_all(nodes.Getattr)}))
