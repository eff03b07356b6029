"""What stands in options of several commands, read as the files read it: classes, times, schools, words."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

from cyclopts import Parameter

from cli import outcome_values as values
from cli.failures import Failure, campaign_unknown, usage
from cli.options import say, within_reach
from registry.classes import canonical_class

Student = Annotated[str, Parameter(help=say("学生编号 stu_…", "the pupil's reference, stu_…"))]
Classes = Annotated[
    list[str],
    Parameter(consume_multiple=True, negative="", help=say("班级，如 2022-01 2022-02", "classes, as 2022-01 2022-02")),
]
Students = Annotated[
    list[str],
    Parameter(consume_multiple=True, negative="", help=say("学生编号 stu_… stu_…", "references, as stu_… stu_…")),
]
EVIDENCE: Final = say("证据等级：", "where it comes from: ") + " | ".join(values.choices("evidence"))

HIGHEST_PORT: Final = 65535

_CAMPAIGN: Final = re.compile(r"campaign/[^/]+/(?P<year>[0-9]{4})")


def year_of(campaign: str) -> int:
    """Return a campaign's year of graduation.

    Raises:
        Failure: CAMPAIGN_UNKNOWN (4), no campaign can have this name.
    """
    found = _CAMPAIGN.fullmatch(campaign)
    if found is None:
        raise campaign_unknown()
    return int(found["year"])


def classes_given(campaign: str, given: list[str]) -> list[str]:
    """Return the classes of an option, each once.

    Raises:
        Failure: CLASS_INVALID (2), CAMPAIGN_UNKNOWN (4).
    """
    year = year_of(campaign)
    found = [canonical_class(part, year) for item in given for part in values.listed(item)]
    if not all(found):
        raise usage(
            "CLASS_INVALID",
            say("班级的写法不对，或不是这一届的班级。", "A class is malformed, or of another year."),
            place="--classes",
            remedy=say("请写成 2022-01，或 九年级（1）班。", "Write it as 2022-01."),
        )
    return list(dict.fromkeys(class_id for class_id in found if class_id))


def require_port(port: int) -> None:
    """Refuse a number that is no port; 0 takes a free one.

    Raises:
        Failure: PORT_INVALID (2).
    """
    if not 0 <= port <= HIGHEST_PORT:
        raise usage(
            "PORT_INVALID",
            say(f"端口须是 0 至 {HIGHEST_PORT} 的数。", f"A port is a number from 0 to {HIGHEST_PORT}."),
            place="--port",
        )


def references_given(given: list[str]) -> list[str]:
    """Return the references of an option, each once; a comma may stand between them."""
    return list(dict.fromkeys(part for item in given for part in values.listed(item)))


def time_given(option: str, text: str) -> str:
    """Return an option's time as events write it; without an offset it is the county's.

    Raises:
        Failure: TIME_INVALID (2).
    """
    found = values.moment(text) if len(text) > len("2025-03-20") else None
    if found is None or not within_reach(datetime.fromisoformat(found)):
        raise usage(
            "TIME_INVALID",
            say("时间的写法不对。", "The time is malformed."),
            place=option,
            remedy=say("请写成 2025-03-20T13:30。", "Write it as 2025-03-20T13:30."),
        )
    return found


def word_given(vocabulary: str, text: str, place: str) -> str:
    """Return the code of what is written on the command line.

    Raises:
        Failure: VALUE_INVALID (2), with the words that there are.
    """
    found = values.word(vocabulary, text)
    if found is None:
        raise value_invalid(place, values.choices(vocabulary))
    return found


def value_invalid(place: str, choices: Any) -> Failure:
    """Return the failure of a value that is none of the words that there are."""
    listed = say("、", ", ").join(choices)
    return usage(
        "VALUE_INVALID",
        say("没有这个选项值。", "There is no such value."),
        place=place,
        remedy=say(f"请填写：{listed}。", f"Write one of: {listed}."),
    )
