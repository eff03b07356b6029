"""What is said about complaints, holds and violations: refusals, blockers, words, and the phrases of its events."""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

REFUSALS: Final[dict[str, dict[str, str]]] = {}

BLOCKERS: Final[dict[str, dict[str, str]]] = {}

WORDS: Final[dict[str, dict[str, str]]] = {}

PHRASES: Final[dict[str, Phrase]] = {}

VALUES: Final[dict[str, dict[str, tuple[str, str]]]] = {}
"""Field of an event → value → how it is shown (zh, en); `domain.event_values` puts all of them together."""
