"""`campaign.toml`: what a bureau states about one campaign (CLI contract, Files)."""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal, Self

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from domain.instants import Day
from domain.policy import load_parameters
from domain.references import not_personal
from domain.refusal import Refusal
from domain.sending import PARAMETERS
from registry.classes import canonical_class
from registry.problems import InputRejected

FILE_NAME: Final = "campaign.toml"
DEFAULT_FULL_MARK: Final = 700
COMPLAINT_LINE: Final = "12345"
"""The government service hotline: the complaint line of a county that names none of its own."""
ANSWER_LINE: Final = r"^(\+?[0-9][0-9-]{2,19}|https://[A-Za-z0-9.-]{1,100}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,80})?)$"
"""A telephone number, or the https address of a page: nothing else can be a place to send a code to."""


StageSlug = Literal["identification", "parent-meetings", "school-visits", "application-filing", "retention"]

STAGES: Final[tuple[StageSlug, ...]] = (
    "identification",
    "parent-meetings",
    "school-visits",
    "application-filing",
    "retention",
)
DEFAULT_AFTER: Final[dict[StageSlug, tuple[StageSlug, ...]]] = {
    "parent-meetings": ("identification",),
    "school-visits": ("parent-meetings",),
    "application-filing": ("parent-meetings",),
    "retention": ("application-filing",),
}
"""Stages that come before a stage where the file does not say otherwise (`after`)."""

_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "missing": ("缺少此项。", "This key is missing."),
    "extra_forbidden": ("没有这一项，请检查拼写。", "There is no such key: check its spelling."),
    "string_pattern_mismatch": ("格式不对。", "The form is wrong."),
    "STAGE_WINDOW_INVALID": ("截止日期早于开始日期。", "The due date lies before the opening date."),
    "DAYS_REVERSED": ("最后一天早于第一天。", "The last day lies before the first."),
    "STAGE_MISSING": ("五个阶段必须都写明。", "All five stages must be given."),
    "STAGE_ORDER_INVALID": (
        "前置阶段不能是自身，也不能循环。",
        "A stage cannot come after itself, directly or in a circle.",
    ),
    "SCHOOL_DUPLICATE": ("学校标识码重复。", "The school's code occurs twice."),
    "ROSTER_SHARED": ("两所学校不能使用同一份名册。", "Two schools cannot share one roster."),
    "QUOTA_CLASS_UNKNOWN": (
        "计划数中的班级不是本届九年级的班级。",
        "A class of the quotas is no class of this grade 9.",
    ),
    "QUOTA_CLASS_TWICE": ("同一班级的计划数写了两次。", "A class has two quotas."),
    "QUOTAS_DO_NOT_ADD_UP": (
        "各校各班计划数相加为 {sum}，文件总数为 {total}。",
        "The quotas sum to {sum}, the paper's total is {total}.",
    ),
    "ROSTER_PATH_OUTSIDE": (
        "路径必须是本目录之内的相对路径。",
        "The path must be relative and stay inside the directory.",
    ),
    "ROSTER_FILE_MISSING": ("找不到名册文件。", "The roster file does not exist."),
    "CALENDAR_PATH_OUTSIDE": (
        "路径必须是本目录之内的相对路径。",
        "The path must be relative and stay inside the directory.",
    ),
    "SENDING_UNKNOWN": ("[sending] 中没有这一项，请检查拼写。", "[sending] has no such key: check its spelling."),
    "SENDING_INVALID": (
        "值不对，见 docs/notices.md 的发送规则。",
        "The value cannot be; docs/notices.md has the rules of sending.",
    ),
    "CALENDAR_FILE_MISSING": ("找不到校历文件。", "The school calendar does not exist."),
}
_OTHER: Final = ("值的类型或范围不对。", "The value's kind or range is wrong.")
_FORMS: Final[dict[str, tuple[str, str]]] = {
    "county": ("小写字母、数字和连字符，至多 40 个", "lower-case letters, digits and hyphens, at most 40"),
    "year": ("毕业年份，2000 至 2100 的整数", "the year of graduation, a whole number from 2000 to 2100"),
    "code": ("10 位学校标识码，加引号", "the school's code of 10 digits, in quotation marks"),
    "qualified_schools": ("加引号的学校标识码列表", "a list of school codes in quotation marks"),
    "opens": ("日期，如 2024-11-18", "a date such as 2024-11-18"),
    "due": ("日期，如 2024-11-29", "a date such as 2024-11-29"),
    **dict.fromkeys(("first", "last"), ("日期，如 2025-06-25", "a date such as 2025-06-25")),
    "after": ("阶段名称列表", "a list of stage names"),
    "schema": ("1", "1"),
    "complaint_line": (
        "教育局以外可拨打的投诉电话，至多 20 个数字和连字符",
        "a telephone number for complaints, at most 20 digits and hyphens",
    ),
    "answer_line": (
        "接收答复短信的号码（至多 20 个数字和连字符），或以 https:// 开头的网址",
        "the number that takes answers by text message, at most 20 digits and hyphens, or an address with https://",
    ),
    **dict.fromkeys(
        ("quotas", "spring_quotas"),
        ('班级 = 人数，如 { "九年级1班" = 10 }', 'a class and a number, as { "九年级1班" = 10 }'),
    ),
}


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)


Heads = Annotated[int, Field(ge=0, le=10_000, strict=True)]


def _about_sending(given: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is no parameter of sending, or has no value that it can have."""
    for name in given:
        if name not in PARAMETERS:
            raise PydanticCustomError("SENDING_UNKNOWN", "unknown", {"place": f"sending.{name}"})
    try:
        load_parameters(given)
    except Refusal as refusal:
        place = f"sending.{refusal.parameters['parameter']}"
        raise PydanticCustomError("SENDING_INVALID", "invalid", {"place": place}) from None
    return given


class StageWindow(_Model):
    """When a stage opens and is due (civil dates, both inclusive), and which stages come before it."""

    opens: date
    due: date
    after: tuple[StageSlug, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.due < self.opens:
            raise PydanticCustomError("STAGE_WINDOW_INVALID", "due before opens")
        return self


class SchoolEntry(_Model):
    """A junior high school.

    Attributes:
        code: its 学校标识码, 10 digits.
        name: its name.
        roster: its roster's path relative to the file.
        quotas: planning figures of the autumn by class, as the school writes the class (九年级1班).
        spring_quotas: of the spring; only under a profile that allows delivery before graduation (R-16).
    """

    code: str = Field(pattern=r"^[0-9]{10}$")
    name: str = Field(min_length=1, max_length=100)
    roster: str = Field(min_length=1)
    quotas: dict[str, Heads] = {}
    spring_quotas: dict[str, Heads] = {}


class CalendarEntry(_Model):
    """The school calendar's path relative to the file."""

    school: str = Field(default="calendar.csv", min_length=1)


class IdentificationEntry(_Model):
    """Settings of the mid-term identification: the full mark of the examination, in whole marks."""

    full_mark: int = Field(default=DEFAULT_FULL_MARK, ge=1, le=10_000, strict=True)


class DayRangeEntry(_Model):
    """Civil days from one to another, both included."""

    first: Day
    last: Day

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.last < self.first:
            raise PydanticCustomError("DAYS_REVERSED", "last before first")
        return self


class TargetsEntry(_Model):
    """The paper on which the schools' quotas rest: its number, and the day from which they hold.

    Attributes:
        total, spring_total: the county's numbers on the paper; where given, the quotas must sum to them (INV-08).
    """

    document: str = Field(min_length=1, max_length=60)
    effective: date
    total: Annotated[int, Field(ge=0, strict=True)] | None = None
    spring_total: Annotated[int, Field(ge=0, strict=True)] | None = None


class CampaignFile(_Model):
    """The content of `campaign.toml`; paths are checked by `load_campaign`.

    Attributes:
        schema_version: `schema` in the file; 1.
        county: slug of the county.
        year: year of graduation (届).
        profile: id of the policy profile.
        qualified_schools: codes of the vocational schools on the published list.
        calendar: the school calendar, None where the file names none.
        identification: settings of the identification.
        stages: window of each of the five stages, in their order.
        schools: the junior high schools, in the file's order.
        attendance: the days on which the schools report who is there; without it they do so from the first stage's
            opening until the identification's results expire.
        application_window: when the official system takes applications; a consent's cooling-off is cut where it locks.
        targets: the paper of the schools' quotas.
        complaint_line: the number in every notice to a family; nobody of the school answers it.
        answer_line: where a family sends its answer code, a number for text messages or an address; it stands in the
            letters with a code, which name the complaint line to ask where the file has none.
        sending: parameters of the policy about sending that the county sets for itself (`domain.sending.PARAMETERS`).
    """

    schema_version: Literal[1] = Field(alias="schema")
    county: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    year: int = Field(ge=2000, le=2100, strict=True)
    profile: str = Field(default="compliant", pattern=r"^[a-z0-9-]{1,40}$")
    qualified_schools: tuple[str, ...] = ()
    calendar: CalendarEntry | None = None
    identification: IdentificationEntry = IdentificationEntry()
    stages: dict[StageSlug, StageWindow]
    schools: tuple[SchoolEntry, ...] = Field(min_length=1)
    attendance: DayRangeEntry | None = None
    application_window: DayRangeEntry | None = None
    targets: TargetsEntry | None = None
    complaint_line: str = Field(default=COMPLAINT_LINE, pattern=r"^[0-9][0-9-]{2,19}$")
    answer_line: Annotated[str, Field(pattern=ANSWER_LINE), AfterValidator(not_personal)] | None = None
    sending: Annotated[dict[str, Any], AfterValidator(_about_sending)] = {}

    @model_validator(mode="before")
    @classmethod
    def _prerequisites(cls, data: Any) -> Any:
        """Write the default `after` into the stages that do not state it."""
        stages = data.get("stages") if isinstance(data, dict) else None
        if not isinstance(stages, dict):
            return data
        filled = {
            slug: {"after": DEFAULT_AFTER.get(slug, ()), **window} if isinstance(window, dict) else window
            for slug, window in stages.items()
        }
        return {**data, "stages": filled}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for slug in STAGES:
            if slug not in self.stages:
                raise PydanticCustomError("STAGE_MISSING", "stage missing", {"place": f"stages.{slug}"})
        open_ended: set[StageSlug] = set(STAGES)
        while ready := {slug for slug in open_ended if not open_ended.intersection(self.stages[slug].after)}:
            open_ended -= ready
        for slug in STAGES:
            if slug in open_ended:
                raise PydanticCustomError("STAGE_ORDER_INVALID", "circle", {"place": f"stages.{slug}.after"})
        for index, school in enumerate(self.schools):
            earlier = self.schools[:index]
            if school.code in {other.code for other in earlier}:
                raise PydanticCustomError("SCHOOL_DUPLICATE", "twice", {"place": f"schools[{index}].code"})
            for key, quotas in (("quotas", school.quotas), ("spring_quotas", school.spring_quotas)):
                self._check_classes(f"schools[{index}].{key}", quotas)
            if PurePosixPath(school.roster) in {PurePosixPath(other.roster) for other in earlier}:
                raise PydanticCustomError("ROSTER_SHARED", "twice", {"place": f"schools[{index}].roster"})
        self._check_totals()
        return self

    def _check_classes(self, place: str, quotas: dict[str, int]) -> None:
        classes = [canonical_class(name, self.year) for name in quotas]
        if None in classes:
            raise PydanticCustomError("QUOTA_CLASS_UNKNOWN", "class", {"place": place})
        if len(dict.fromkeys(classes)) != len(classes):
            raise PydanticCustomError("QUOTA_CLASS_TWICE", "twice", {"place": place})

    def _check_totals(self) -> None:
        """Compare the quotas with the county's numbers on the paper, where the file gives them (INV-08)."""
        if self.targets is None:
            return
        autumn = sum(sum(school.quotas.values()) for school in self.schools)
        spring = sum(sum(school.spring_quotas.values()) for school in self.schools)
        for key, total, quotas in (
            ("total", self.targets.total, autumn),
            ("spring_total", self.targets.spring_total, spring),
        ):
            if total is not None and total != quotas:
                context = {"place": f"targets.{key}", "sum": quotas, "total": total}
                raise PydanticCustomError("QUOTAS_DO_NOT_ADD_UP", "sum", context)

    @property
    def campaign(self) -> str:
        """The campaign's name, `campaign/{county}/{year}`."""
        return f"campaign/{self.county}/{self.year}"

    @property
    def full_mark(self) -> int:
        """The full mark of the mid-term examination, in whole marks."""
        return self.identification.full_mark

    def digest(self) -> str:
        """Return the SHA-256 of the content (not of the rosters): equal for equal content, however it is laid out."""
        content = self.model_dump(mode="json", by_alias=True)
        return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def load_campaign(directory: Path) -> CampaignFile:
    """Read and check `campaign.toml` in a directory, with the paths that it names.

    Raises:
        InputRejected: `CAMPAIGN_FILE_MISSING`, `CAMPAIGN_FILE_INVALID`, `SCHOOL_DUPLICATE`, `STAGE_MISSING`,
            `STAGE_WINDOW_INVALID`, `STAGE_ORDER_INVALID`, `QUOTA_CLASS_UNKNOWN`, `QUOTA_CLASS_TWICE`,
            `QUOTAS_DO_NOT_ADD_UP`, `DAYS_REVERSED`, `ROSTER_SHARED`, `ROSTER_PATH_OUTSIDE`,
            `ROSTER_FILE_MISSING`, `CALENDAR_PATH_OUTSIDE`, `CALENDAR_FILE_MISSING`; with the place and a remedy.
    """
    path = directory / FILE_NAME
    if not path.is_file():
        raise InputRejected(
            "CAMPAIGN_FILE_MISSING",
            message_zh=f"目录中没有 {FILE_NAME}。",
            message_en=f"The directory has no {FILE_NAME}.",
            place=FILE_NAME,
            remedy_zh="请指定含有该文件的目录，或用 sample 命令生成样例。",
            remedy_en="Name the directory that holds it, or make an example with the command sample.",
        )
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputRejected(
            "CAMPAIGN_FILE_INVALID",
            message_zh="文件不是 UTF-8 编码。",
            message_en="The file is not encoded in UTF-8.",
            place=FILE_NAME,
            remedy_zh="请另存为 UTF-8 编码。",
            remedy_en="Save it as UTF-8.",
        ) from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line (\d+), column (\d+)", str(error))
        raise InputRejected(
            "CAMPAIGN_FILE_INVALID",
            message_zh="文件不是有效的 TOML。",
            message_en="The file is no valid TOML.",
            place=f"{FILE_NAME}: line {where[1]} column {where[2]}" if where else f"{FILE_NAME}: end of file",
            remedy_zh="请改正该处的写法；文字要加引号，日期不加。",
            remedy_en="Correct the notation there; texts need quotation marks, dates do not.",
        ) from None
    try:
        campaign = CampaignFile.model_validate(content)
    except ValidationError as error:
        raise _rejected(error) from None
    for index, school in enumerate(campaign.schools):
        _check_path(directory, school.roster, f"schools[{index}].roster", "ROSTER")
    if campaign.calendar is not None:
        _check_path(directory, campaign.calendar.school, "calendar.school", "CALENDAR")
    return campaign


def _check_path(directory: Path, relative: str, place: str, kind: str) -> None:
    root = directory.resolve()
    target = (root / relative).resolve()
    if Path(relative).is_absolute() or not target.is_relative_to(root):
        raise _problem(f"{kind}_PATH_OUTSIDE", place)
    if not target.is_file():
        raise _problem(f"{kind}_FILE_MISSING", place)


def _problem(code: str, place: str, **numbers: int) -> InputRejected:
    message_zh, message_en = _SENTENCES[code]
    return InputRejected(
        code,
        message_zh=message_zh.format(**numbers),
        message_en=message_en.format(**numbers),
        place=f"{FILE_NAME}: {place}",
        remedy_zh=f"请修改 {FILE_NAME} 中的 {place}。",
        remedy_en=f"Correct {place} in {FILE_NAME}.",
    )


def _rejected(error: ValidationError) -> InputRejected:
    """Turn pydantic's first finding into ours: its place and kind, never the value."""
    first = error.errors(include_url=False, include_input=False)[0]
    kind = first["type"]
    place = first.get("ctx", {}).get("place") or _place(first["loc"])
    if kind in _SENTENCES and kind.isupper():
        context = first.get("ctx", {})
        return _problem(kind, place, **{name: context[name] for name in ("sum", "total") if name in context})
    message_zh, message_en = _SENTENCES.get(kind, _OTHER)
    return _invalid(place, message_zh, message_en)


def _invalid(place: str, message_zh: str, message_en: str) -> InputRejected:
    key = re.sub(r"\[\d+\]$", "", place).rpartition(".")[2]
    form_zh, form_en = _FORMS.get(key, ("", ""))
    return InputRejected(
        "CAMPAIGN_FILE_INVALID",
        message_zh=message_zh,
        message_en=message_en,
        place=f"{FILE_NAME}: {place}",
        remedy_zh=f"请修改 {place}" + (f"，应为：{form_zh}。" if form_zh else "。"),
        remedy_en=f"Correct {place}" + (f"; it must be: {form_en}." if form_en else "."),
    )


def _place(location: tuple[int | str, ...]) -> str:
    """Write a location as the file's reader knows it: `schools[2].code`."""
    text = ""
    for part in location:
        if part == "[key]":
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "(file)"
