"""The templates: versioned data files, read and checked as a whole before the first notice goes out.

A file `templates/{purpose}/{version}.toml` has the wording in both languages and declares its variables with their
types. A text that changes is a new version beside the old one, so that what was sent can be rendered again. Only the
newest version of a purpose is sent to somebody new: it alone has to keep today's rules (docs/notices-templates.md).
"""

from __future__ import annotations

import functools
import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from notices.claims import Claim, ClaimError, Library, library
from notices.values import LANGUAGES, LONG_KINDS, Kind, Language, longest_short
from notices.wording import LINK, Wording, claims_of, variables_of

__all__ = [
    "COMPLAINT",
    "DIRECTORY",
    "LANGUAGES",
    "Audience",
    "Catalogue",
    "Kind",
    "Language",
    "Method",
    "Template",
    "TemplateError",
    "Unpublishable",
    "Wording",
    "catalogue",
    "digests",
    "load",
]

Audience = Literal["household", "pupil", "caregiver", "staff"]
Method = Literal["REQUEST", "CANCEL"]

DIRECTORY: Final = Path(__file__).parent / "templates"

COMPLAINT: Final = "complaint_line"
"""Every notice to a family says where to complain (DOMAIN §5.5)."""

_PERSONAL: Final = re.compile(
    r"(?:^|_)(?:name|phone|telephone|email|mail|address|wecom|birth|birthday|gender|marks?|scores?|rank|code)(?:_|$)"
)
"""Variables that no notice to staff may have: it names schools, counts and references only (design, section 8)."""


class TemplateError(Exception):
    """A template that cannot be used, or values that do not fit it; never repeats a value.

    Attributes:
        place: which file, or which template.
        code: TEMPLATE_MISSING, TEMPLATE_UNFIT, or why a claim may not be made (CLAIM_EXPIRED …).
    """

    def __init__(self, place: str, problem: str, code: str = "TEMPLATE_UNFIT") -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.code = code


@dataclass(frozen=True)
class Unpublishable:
    """Why a template must not be sent on a day.

    Attributes:
        template: `purpose/version`.
        claim: the claim that it makes.
        code: why the claim may not be made.
    """

    template: str
    claim: str
    code: str


class Template(BaseModel):
    """One version of one purpose.

    Attributes:
        purpose: as in the outbox.
        version: 1, 2, 3 …
        audience: who reads it.
        variables: name → type; exactly those that both languages use.
        limits: text that a text message uses → characters that it has at most, as far as anybody plans for.
        calendar: what the calendar entry says, None without one.
        minutes: how long the entry shows; the record knows the beginning only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: str = Field(pattern=r"^[a-z][a-z_]{2,39}$")
    version: int = Field(ge=1)
    audience: Audience
    variables: dict[str, Kind]
    limits: dict[str, Annotated[int, Field(ge=1)]] = {}
    zh: Wording
    en: Wording
    calendar: Method | None = None
    minutes: int | None = Field(default=None, ge=1)

    @property
    def label(self) -> str:
        """Return `purpose/version`, as the outbox keeps it."""
        return f"{self.purpose}/{self.version}"

    @functools.cached_property
    def claims(self) -> tuple[str, ...]:
        """The claims that it makes in either language, sorted."""
        return tuple(sorted({*self.zh.claims(), *self.en.claims()}))

    def wording(self, lang: Language) -> Wording:
        """Return one language's wording."""
        return self.zh if lang == "zh" else self.en

    def segments(self, lang: Language) -> int | None:
        """Return as how many segments its text message is charged at most, None without one."""
        return self.wording(lang).segments

    @model_validator(mode="after")
    def _check(self) -> Self:
        declared = dict.fromkeys(sorted(self.variables))
        for lang in LANGUAGES:
            wording = self.wording(lang)
            used = wording.used()
            if used != declared:
                differing = sorted(name for name in {**used, **declared} if (name in used) != (name in declared))
                raise ValueError(f"{lang}: declared and used variables differ: {', '.join(differing)}")
            if self.audience != "staff":
                if COMPLAINT not in used:
                    raise ValueError(f"{lang}: a notice to a family needs {COMPLAINT}")
                if found := wording.for_nobody():
                    raise ValueError(f"{lang}: not in a notice to a family: {', '.join(found)}")
        if self.audience == "staff" and (personal := sorted(filter(_PERSONAL.search, declared))):
            raise ValueError(f"variables: not in a notice to staff: {', '.join(personal)}")
        self._check_short()
        if (self.calendar is None) != (self.minutes is None):
            raise ValueError("calendar and minutes go together")
        if self.calendar is not None and list(self.variables.values()).count("instant") != 1:
            raise ValueError("a calendar entry needs exactly one instant")
        return self

    def _check_short(self) -> None:
        if (self.zh.short is None) != (self.en.short is None):
            raise ValueError("short: one language has none")
        names = {name for lang in LANGUAGES for name in variables_of(self.wording(lang).short or "")}
        if long := sorted(name for name in names if self.variables[name] in LONG_KINDS):
            raise ValueError(f"short: a text message has no room for {', '.join(long)}")
        texts = {name for name in names if self.variables[name] == "text"}
        if differing := sorted(texts ^ set(self.limits)):
            raise ValueError(f"limits: exactly the texts of `short` need one, see {', '.join(differing)}")
        if "answer_code" in names:
            raise ValueError("short: an answer code does not go by text message")


class Catalogue:
    """All templates of a directory, with the claims that they may make.

    Attributes:
        digests: label → SHA-256 of the file that was read, hex.
    """

    def __init__(
        self, templates: Sequence[Template], claims: Library | None = None, digests: Mapping[str, str] | None = None
    ) -> None:
        self.claims = Library() if claims is None else claims
        self.digests = dict(digests or {})
        self._versions: dict[str, dict[int, Template]] = {}
        for template in templates:
            self._versions.setdefault(template.purpose, {})[template.version] = template

    @property
    def purposes(self) -> tuple[str, ...]:
        """Return the purposes, sorted."""
        return tuple(sorted(self._versions))

    @property
    def newest(self) -> tuple[Template, ...]:
        """Return the newest version of every purpose: what goes to somebody new."""
        return tuple(self.find(purpose) for purpose in self.purposes)

    def find(self, purpose: str, version: int | None = None) -> Template:
        """Return a purpose's newest version, or the one that is named.

        Raises:
            TemplateError: there is none.
        """
        versions = self._versions.get(purpose, {})
        found = versions.get(max(versions, default=0) if version is None else version)
        if found is None:
            place = purpose if version is None else f"{purpose}/{version}"
            raise TemplateError(place, "there is no such template", "TEMPLATE_MISSING")
        return found

    def unpublishable(self, on: date) -> tuple[Unpublishable, ...]:
        """Return what must not be sent on a civil day: claims of newest versions that are not approved or do not hold.

        Raises nothing: whoever publishes is shown everything at once.
        """
        found = []
        for template in self.newest:
            for claim in template.claims:
                try:
                    self.claims.find(claim, on)
                except ClaimError as error:
                    found.append(Unpublishable(template.label, claim, error.code))
        return tuple(found)

    def sample_claims(self, on: date) -> tuple[str, ...]:
        """Return the claims made up for the sample county that newest versions make on a day, sorted."""
        made = {claim for template in self.newest for claim in template.claims}
        return tuple(sorted(name for name in made if any(one.sample for one in self._in_force(name, on))))

    def check(self) -> None:
        """Hold the newest versions to the rules of today.

        Raises:
            TemplateError: a claim that the library does not have, a notice to a family without a text message, one
                that is charged as more segments than it declares, or a figure that no claim backs.
        """
        for versions in self._versions.values():
            for template in versions.values():
                if unknown := [claim for claim in template.claims if claim not in self.claims.names]:
                    raise TemplateError(_file(template), f"there is no claim {', '.join(unknown)}")
        for template in self.newest:
            if template.audience != "staff":
                for lang in LANGUAGES:
                    self._check_family(template, lang)

    def _check_family(self, template: Template, lang: Language) -> None:
        wording = template.wording(lang)
        if wording.short is None or wording.segments is None:
            raise TemplateError(_file(template), f"{lang}.short: a notice to a family needs a text message")
        if unbacked := wording.unbacked():
            raise TemplateError(_file(template), f"{lang}.{'; '.join(unbacked)}: only a claim may say this")
        said = {name: self._longest_claim(name, lang) for name in claims_of(wording.short)}
        if any(LINK.search(text) for text in said.values()):
            raise TemplateError(_file(template), f"{lang}.short: a text message holds no link")
        longest = {
            name: longest_short(template.variables[name], template.limits.get(name, 0), lang)
            for name in variables_of(wording.short)
        }
        charged = wording.longest(longest, said.__getitem__)
        if charged > wording.segments:
            raise TemplateError(_file(template), f"{lang}.short: charged as up to {charged}, not {wording.segments}")

    def _longest_claim(self, name: str, lang: Language) -> str:
        return max((claim.said(lang) for claim in self.claims.versions(name)), key=len)

    def _in_force(self, name: str, on: date) -> tuple[Claim, ...]:
        try:
            return (self.claims.find(name, on),)
        except ClaimError:
            return ()


def load(directory: Path = DIRECTORY, claims: Library | None = None) -> Catalogue:
    """Read and check every template.

    Args:
        directory: with a folder for each purpose.
        claims: what the templates may claim; the library that ships where None.

    Raises:
        TemplateError: a file is no template, lacks a language, uses other variables than it declares, or a newest
            version breaks a rule of today.
    """
    templates, read = [], {}
    for file in sorted(directory.glob("*/*.toml")):
        place, content = f"{file.parent.name}/{file.name}", file.read_bytes()
        try:
            template = Template.model_validate(tomllib.loads(content.decode()))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'template'}: {problem['msg']}" for problem in error.errors()
            )
            raise TemplateError(place, problems) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise TemplateError(place, str(error)) from None
        if (template.purpose, str(template.version)) != (file.parent.name, file.stem):
            raise TemplateError(place, f"holds {template.label}")
        templates.append(template)
        read[template.label] = hashlib.sha256(content).hexdigest()
    if not templates:
        raise TemplateError(directory.name, "there are no templates")
    found = Catalogue(templates, library() if claims is None else claims, read)
    found.check()
    return found


_VERSION: Final = re.compile(r"[a-z][a-z0-9_]*/[1-9][0-9]*")
"""How a version is called; whatever else lies there, a copy that an editor or a stick left, is none."""


def digests(directory: Path = DIRECTORY) -> dict[str, str]:
    """Return label → SHA-256 of each version's file, hex, whatever is in it: nobody hides a change by breaking a file.

    Args:
        directory: with a folder for each purpose.
    """
    files = sorted(file for file in directory.glob("*/*.toml") if _VERSION.fullmatch(f"{file.parent.name}/{file.stem}"))
    return {f"{file.parent.name}/{file.stem}": hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@functools.cache
def catalogue() -> Catalogue:
    """Return the templates that ship with the program, read once."""
    return load()


def _file(template: Template) -> str:
    return f"{template.label}.toml"
