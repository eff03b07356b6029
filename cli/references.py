"""A pupil's reference as an option: what is none is refused unrepeated, for it may be a name."""

from __future__ import annotations

import re

from cli.failures import NOT_FOUND, Failure, usage
from cli.options import say
from domain.stream import STUDENT


def require_reference(student: str | None) -> None:
    """Refuse what is no reference, without repeating it: it may be a name.

    Raises:
        Failure: STUDENT_INVALID (2).
    """
    if student is not None and not re.fullmatch(STUDENT, student):
        raise usage(
            "STUDENT_INVALID",
            say("这不是学生编号。", "This is no pupil's reference."),
            place="--student",
            remedy=say(
                "请填写 stu_ 开头的编号，不要填写姓名。", "Give the reference that begins with stu_, never a name."
            ),
        )


def student_unknown() -> Failure:
    """Return the failure of a reference that no event mentions (4)."""
    return Failure(
        NOT_FOUND,
        "STUDENT_UNKNOWN",
        say("本次活动的事件中没有这名学生。", "No event of the campaign mentions this pupil."),
        place="--student",
        remedy=say("请核对编号；可用 record template 查看。", "Check the reference; `record template` shows them."),
    )
