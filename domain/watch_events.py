"""What a school's stream knows of its attendance and dropout cases, which run in streams of their own."""

from __future__ import annotations

from pydantic import BaseModel


class Watch(BaseModel):
    """What the school remembers of the streams that watch over attendance.

    Attributes:
        ended: ids of those streams that have ended by themselves; the school keeps their last histories.
    """

    ended: list[str] = []
