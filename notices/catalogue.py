"""The templates: versioned data files, read and checked as a whole before the first notice goes out.

A file `templates/{purpose}/{version}.toml` has the wording in both languages and declares its variables with their
types. A text that changes is a new version beside the old one, so that what was sent can be rendered again.
"""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Final, Literal, Self

from jinja2 import StrictUndefined, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.exam_right import asks_for_waiver

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")

Audience = Literal["household", "pupil", "caregiver", "staff"]
Kind = Literal["text", "word", "count", "instant", "day", "flag", "blockers"]
"""A `flag` is for conditions: nothing where it is false."""
Method = Literal["REQUEST", "CANCEL"]

DIRECTORY: Final = Path(__file__).parent / "templates"

COMPLAINT: Final = "complaint_line"
"""Every notice to a family says where to complain (DOMAIN §5.5)."""

NEVER_TO_FAMILIES: Final = ("分流", "diversion")
"""A family chooses; it is not diverted (DOMAIN §5.5)."""

ENVIRONMENT: Final = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
"""No escaping: the notices are plain text."""


class TemplateError(Exception):
    """A template that cannot be used, or values that do not fit it; never repeats a value.

    Attributes:
        place: which file, or which template.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place


class Wording(BaseModel):
    """One language's subject and text, as Jinja source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str = Field(min_length=1, pattern=r"^[^\r\n]*$")
    text: str = Field(min_length=1)

    def used(self) -> dict[str, None]:
        """Return the variables that subject and text name."""
        names = meta.find_undeclared_variables(ENVIRONMENT.parse(f"{self.subject}\n{self.text}"))
        return dict.fromkeys(sorted(names))


class Template(BaseModel):
    """One version of one purpose.

    Attributes:
        purpose: as in the outbox.
        version: 1, 2, 3 …
        audience: who reads it.
        variables: name → type; exactly those that both languages use.
        calendar: what the calendar entry says, None without one.
        minutes: how long the entry shows; the record knows the beginning only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: str = Field(pattern=r"^[a-z][a-z_]{2,39}$")
    version: int = Field(ge=1)
    audience: Audience
    variables: dict[str, Kind]
    zh: Wording
    en: Wording
    calendar: Method | None = None
    minutes: int | None = Field(default=None, ge=1)

    @property
    def label(self) -> str:
        """Return `purpose/version`, as the outbox keeps it."""
        return f"{self.purpose}/{self.version}"

    def wording(self, lang: Language) -> Wording:
        """Return one language's wording."""
        return self.zh if lang == "zh" else self.en

    @model_validator(mode="after")
    def _check(self) -> Self:
        declared = dict.fromkeys(sorted(self.variables))
        for lang in LANGUAGES:
            wording = self.wording(lang)
            used = wording.used()
            if used != declared:
                differing = sorted(name for name in {**used, **declared} if (name in used) != (name in declared))
                raise ValueError(f"{lang}: declared and used variables differ: {', '.join(differing)}")
            if asks_for_waiver(f"{wording.subject}\n{wording.text}"):
                raise ValueError(f"{lang}: no notice asks anybody to give up the examination")
            if self.audience != "staff":
                words = f"{wording.subject}\n{wording.text}".lower()
                if COMPLAINT not in used:
                    raise ValueError(f"{lang}: a notice to a family needs {COMPLAINT}")
                if found := [word for word in NEVER_TO_FAMILIES if word in words]:
                    raise ValueError(f"{lang}: not in a notice to a family: {', '.join(found)}")
        if (self.calendar is None) != (self.minutes is None):
            raise ValueError("calendar and minutes go together")
        if self.calendar is not None and list(self.variables.values()).count("instant") != 1:
            raise ValueError("a calendar entry needs exactly one instant")
        return self


class Catalogue:
    """All templates of a directory."""

    def __init__(self, templates: list[Template]) -> None:
        self._versions: dict[str, dict[int, Template]] = {}
        for template in templates:
            self._versions.setdefault(template.purpose, {})[template.version] = template

    @property
    def purposes(self) -> tuple[str, ...]:
        """Return the purposes, sorted."""
        return tuple(sorted(self._versions))

    def find(self, purpose: str, version: int | None = None) -> Template:
        """Return a purpose's newest version, or the one that is named.

        Raises:
            TemplateError: there is none.
        """
        versions = self._versions.get(purpose, {})
        found = versions.get(max(versions, default=0) if version is None else version)
        if found is None:
            raise TemplateError(purpose if version is None else f"{purpose}/{version}", "there is no such template")
        return found


def load(directory: Path = DIRECTORY) -> Catalogue:
    """Read and check every template.

    Raises:
        TemplateError: a file is no template, lacks a language, or uses other variables than it declares.
    """
    templates = []
    for file in sorted(directory.glob("*/*.toml")):
        place = f"{file.parent.name}/{file.name}"
        try:
            template = Template.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'template'}: {problem['msg']}" for problem in error.errors()
            )
            raise TemplateError(place, problems) from None
        except (TemplateSyntaxError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise TemplateError(place, str(error)) from None
        if (template.purpose, str(template.version)) != (file.parent.name, file.stem):
            raise TemplateError(place, f"holds {template.label}")
        templates.append(template)
    if not templates:
        raise TemplateError(directory.name, "there are no templates")
    return Catalogue(templates)


@functools.cache
def catalogue() -> Catalogue:
    """Return the templates that ship with the program, read once."""
    return load()
