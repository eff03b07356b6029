"""What a demo leaves in its directory, so that nobody takes its invented year for a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cli.failures import usage
from cli.options import say

MARKER: Final = ".demo"


def is_demo(data: Path) -> bool:
    """Tell whether a data directory is a demo's."""
    return (data / MARKER).exists()


def refuse_demo(data: Path) -> None:
    """Refuse to work in a demo's data directory: the next demo replaces it, and a campaign of real people with it.

    Its streams live on a clock that only the demo sets, so a command to them would wait for nothing.

    Raises:
        Failure: DATA_IS_A_DEMO (2).
    """
    if not is_demo(data):
        return
    raise usage(
        "DATA_IS_A_DEMO",
        say(
            "该数据目录属于演示：时钟由演示拨动，活动不再往下办理，下一次演示会将其替换。",
            "This data directory is a demo's: nobody sets its clock any more, and the next demo replaces it.",
        ),
        place=str(data),
        remedy=say(
            "请用 --data 指定另一个目录。查看演示的记录（status、audit、notices list）不需要引擎。",
            "Name another directory with --data. To read a demo's record (`status`, `audit`, `notices list`) no engine "
            "is needed.",
        ),
    )
