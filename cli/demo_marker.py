"""What a demo leaves in its directory, so that nobody takes its invented year for a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cli.failures import usage
from cli.options import say

MARKER: Final = ".demo"


def refuse_demo(data: Path) -> None:
    """Refuse a demo's data directory: the next demo replaces it, and a campaign of real people with it.

    Raises:
        Failure: DATA_IS_A_DEMO (2).
    """
    if not (data / MARKER).exists():
        return
    raise usage(
        "DATA_IS_A_DEMO",
        say(
            "该数据目录属于演示，下一次演示会将其替换。", "This data directory is a demo's: the next demo replaces it."
        ),
        place=str(data),
        remedy=say("请用 --data 指定另一个目录。", "Name another directory with --data."),
    )
