"""A stage as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from cli.language import say
from domain.words import WORDS


def word(code: str, lang: str) -> str:
    """Return a code's word."""
    return WORDS.get(code, {}).get(lang, code)


def flags(view: Mapping[str, Any]) -> str:
    """Return overdue, paused and stopped as words."""
    names = {
        "overdue": say("逾期", "overdue"),
        "paused": say("暂停", "paused"),
        "stopped": say("停止", "stopped"),
    }
    return " ".join(name for flag, name in names.items() if view.get(flag))


def progress(view: Mapping[str, Any]) -> str:
    """Return how many of how many pupils the stage's service has reached."""
    classes = view.get("classes", {}).values()
    return f"{sum(part['done'] for part in classes)}/{sum(part['of'] for part in classes)}"


def shown(view: Mapping[str, Any], lang: str) -> RenderableType:
    """Return one stage in full."""
    lines = [
        f"{view['school']} {word(view['stage'], lang)}: {word(view['status'], lang)} {flags(view)}".rstrip(),
        say(f"开放 {view['opens']}，截止 {view['due']}", f"opens {view['opens']}, due {view['due']}"),
    ]
    lines += [f"  {class_id}: {part['done']}/{part['of']}" for class_id, part in view["classes"].items()]
    lines += [f"  - {blocker['message']}" for blocker in view["blockers"]]
    return Text("\n".join(lines))
