"""Options that many commands share, and the one way to print (CLI contract, "Everywhere")."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter

from cli.failures import usage
from cli.language import LANG, say

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from settings import Settings

WIDTH: Final = 120
"""Of tables that go into a file or a pipe."""

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2200
"""Between these years a time can belong to a campaign; any other is a slip of the hand."""

COMMAND_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#@-]{0,127}")
CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,63}")

CampaignName = Annotated[str, Parameter(help=say("活动：campaign/县/届", "campaign/{county}/{year}"))]
SchoolCode = Annotated[str, Parameter(help=say("学校标识码", "the school's code"))]
By = Annotated[str, Parameter(help=say("办理人的 staff_ref", "staff_ref of the person who acts"))]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Face:
    """What every command takes: language, form of the output, data directory."""

    json: Annotated[
        bool, Parameter(negative="", help=say("标准输出只打印一个 JSON 对象", "print one JSON object on stdout"))
    ] = False
    lang: Annotated[Literal["zh", "en"] | None, Parameter(help=say("语言", "language"))] = None
    data: Annotated[
        Path | None, Parameter(help=say("数据目录（默认 var/）", "data directory (default var/)"), env_var=())
    ] = None

    def settings(self) -> Settings:
        """Read the settings of this process.

        Raises:
            SettingsError: a value cannot be used.
        """
        from settings import Settings  # noqa: PLC0415 - pydantic: `sample --help` need not pay for it

        return Settings.from_environment(os.environ, data=self.data, lang=self.lang)

    def show(self, data: dict[str, Any], readable: Callable[[], RenderableType]) -> None:
        """Print a result: the JSON object, or what a person reads."""
        if self.json:
            print_json(data)
        else:
            console().print(readable())


def print_json(data: dict[str, Any]) -> None:
    """Print one JSON object on stdout; escaped where the terminal's encoding is not Unicode."""
    unicode = "utf" in (sys.stdout.encoding or "").lower()
    sys.stdout.write(json.dumps(data, ensure_ascii=not unicode, default=str) + "\n")
    sys.stdout.flush()


def console(*, stderr: bool = False) -> Console:
    """Return a console that shows text as it is; it respects NO_COLOR and the terminal's width."""
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second

    stream = sys.stderr if stderr else sys.stdout
    wide = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=wide)


def note(zh: str, en: str) -> None:
    """Write a line of progress to stderr."""
    sys.stderr.write(f"{say(zh, en)}\n")
    sys.stderr.flush()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Change:
    """What every command takes that changes something."""

    by: By
    command_id: Annotated[
        str | None,
        Parameter(help=say("操作编号；同号重试不会重复办理", "the same id again changes nothing (default: a new one)")),
    ] = None
    reason: Annotated[str | None, Parameter(help=say("理由代码，如 EXAM_WEEK", "reason code, as EXAM_WEEK"))] = None
    note: Annotated[
        str | None,
        Parameter(help=say("说明文字，只存入人员库", "free text, kept in the registry only")),
    ] = None
    occurred_at: Annotated[
        str | None,
        Parameter(help=say("实际发生时间（RFC 3339）", "when it happened (RFC 3339; default: now)")),
    ] = None
    late_reason: Annotated[str | None, Parameter(help=say("补录理由代码", "reason code for recording it late"))] = None
    for_: Annotated[
        str | None,
        Parameter(
            name="--for",
            help=say(
                "受谁委托代办（staff_ref），须有已接受的委托", "whom you stand in for; needs an accepted delegation"
            ),
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse malformed ids, codes and times as wrong usage.

        Raises:
            Failure: COMMAND_ID_INVALID, REASON_INVALID, TIME_INVALID (2).
        """
        if self.command_id is not None and not COMMAND_ID.fullmatch(self.command_id):
            raise usage(
                "COMMAND_ID_INVALID",
                say("操作编号的写法不对。", "The command id is malformed."),
                place="--command-id",
                remedy=say(
                    "请用字母、数字和 ._:/#@-，至多 128 个字符。", "Use letters, digits and ._:/#@-, at most 128."
                ),
            )
        for option, value in (("--reason", self.reason), ("--late-reason", self.late_reason)):
            if value is not None and not CODE.fullmatch(value):
                raise usage(
                    "REASON_INVALID",
                    say("理由应为代码。", "The reason must be a code."),
                    place=option,
                    remedy=say(
                        "请用 2 至 64 个大写字母、数字和下划线，以字母开头，如 EXAM_WEEK；文字说明请写在 --note。",
                        "Use capitals, digits and underscores, as EXAM_WEEK; free text belongs to --note.",
                    ),
                )
        if self.occurred_at is not None and _instant(self.occurred_at) is None:
            raise usage(
                "TIME_INVALID",
                say("时间的写法不对。", "The time is malformed."),
                place="--occurred-at",
                remedy=say("请写成 2025-01-13T18:30:00+08:00。", "Write it as 2025-01-13T18:30:00+08:00."),
            )


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None and within_reach(found) else None


def within_reach(when: datetime) -> bool:
    """Tell whether a time's year is one that a campaign can have to do with."""
    return FIRST_YEAR <= when.year <= LAST_YEAR


__all__ = [
    "LANG",
    "By",
    "CampaignName",
    "Change",
    "Face",
    "SchoolCode",
    "console",
    "note",
    "print_json",
    "say",
    "within_reach",
]
