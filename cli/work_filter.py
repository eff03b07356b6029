"""Filters of a person's work list: what is overdue, one stage, one kind of work; kept by name in the data directory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cli.failures import NOT_FOUND, Failure, usage
from cli.options import say
from domain.stage_events import StageSlug

FILE: Final = "filters.json"
OVERDUE: Final = "overdue"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
STAGES: Final = tuple(slug.value for slug in StageSlug)


def checked(only: Sequence[str]) -> tuple[str, ...]:
    """Return conditions that each are `overdue`, a stage or a code of work.

    Raises:
        Failure: ONLY_UNKNOWN (2).
    """
    for condition in only:
        if condition != OVERDUE and condition not in STAGES and CODE.fullmatch(condition) is None:
            raise usage(
                "ONLY_UNKNOWN",
                say("--only 只能是 overdue、阶段或事项代码。", "--only takes `overdue`, a stage or a code of work."),
                place="--only",
                remedy=say(f"阶段：{'、'.join(STAGES)}。", f"Stages: {', '.join(STAGES)}."),
            )
    return tuple(dict.fromkeys(only))


def narrowed(data: dict[str, Any], only: Sequence[str]) -> None:
    """Keep the lines of work, and their stages, that meet the conditions: overdue, of any stage and of any code named.

    Args:
        data: what `status --mine` shows, with `schools` and `work`; changed in place.
        only: checked conditions; none keeps everything.
    """
    if not only:
        return
    stages = [condition for condition in only if condition in STAGES]
    codes = [condition for condition in only if CODE.fullmatch(condition)]

    def stays(stage: Mapping[str, Any]) -> bool:
        return (OVERDUE not in only or stage["overdue"]) and (not stages or stage["stage"] in stages)

    shown = {
        (school["school"], stage["stage"]) for school in data["schools"] for stage in school["stages"] if stays(stage)
    }
    data["work"] = [
        item
        for item in data["work"]
        if (item["school"], item["stage"]) in shown and (not codes or item["code"] in codes)
    ]
    if codes:
        shown &= {(item["school"], item["stage"]) for item in data["work"]}
    schools = [
        {**school, "stages": [stage for stage in school["stages"] if (school["school"], stage["stage"]) in shown]}
        for school in data["schools"]
    ]
    data["schools"] = [school for school in schools if school["stages"]]
    data["only"] = list(only)


def save(data: Path, person: str, name: str, only: Iterable[str]) -> None:
    """Keep a filter under a name of one person's; the same name again replaces it.

    Raises:
        Failure: FILTER_NAME_INVALID (2).
    """
    if NAME.fullmatch(name) is None:
        raise usage(
            "FILTER_NAME_INVALID",
            say("筛选名只能用小写字母、数字和连字符，最多 40 个。", "A filter's name is a-z, 0-9 and -, at most 40."),
            place="--save",
        )
    kept = _kept(data)
    kept.setdefault(person, {})[name] = list(only)
    fresh = data / f"{FILE}.new"
    fresh.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(data / FILE)


def load(data: Path, person: str, name: str) -> tuple[str, ...]:
    """Return a person's filter.

    Raises:
        Failure: FILTER_UNKNOWN (4).
    """
    own = _kept(data).get(person, {})
    if name not in own:
        known = ", ".join(sorted(own)) or "—"
        raise Failure(
            NOT_FOUND,
            "FILTER_UNKNOWN",
            say("没有这个已保存的筛选。", "There is no saved filter of this name."),
            place="--filter",
            remedy=say(
                f"已有：{known}。请用 --only 与 --save 保存。", f"There are: {known}. --only with --save keeps one."
            ),
        )
    return checked(own[name])


def _kept(data: Path) -> dict[str, dict[str, list[str]]]:
    """Return all filters by person and name; a file that cannot be read holds none."""
    try:
        kept = json.loads((data / FILE).read_text(encoding="utf-8"))
        return {
            str(person): {str(name): [str(one) for one in only] for name, only in own.items()}
            for person, own in kept.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
