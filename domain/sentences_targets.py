"""What is said about planning targets and changes of policy: refusals, blockers, words, phrases of events."""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

REFUSALS: Final[dict[str, dict[str, str]]] = {
    "CAMPAIGN_TOO_OLD": {
        "zh": "未受理：本届活动以较早的版本（{release}）开始，没有此项内容。",
        "en": "Not done: this campaign began with an earlier release ({release}), which does not have this.",
    },
}

BLOCKERS: Final[dict[str, dict[str, str]]] = {}

WORDS: Final[dict[str, dict[str, str]]] = {}

PHRASES: Final[dict[str, Phrase]] = {}

VALUES: Final[dict[str, dict[str, tuple[str, str]]]] = {}
"""Field of an event → value → how it is shown (zh, en); `domain.event_values` puts all of them together."""
