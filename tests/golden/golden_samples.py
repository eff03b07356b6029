"""A plugin for pytest: keeps one event of each type, as the rules wrote it in their own tests, the one that says most.

    PYTHONPATH=tests/golden python -m pytest -p golden_samples --golden-samples 0.4.0 -k "not stateful" tests/domain

Rehearsed years have half of all types. The file is a release's own and is never written again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from golden_streams import LOGS, packed, write_new

from domain import events
from domain.deciders import decider_of
from domain.events import Envelope, Event, canonical_text
from domain.stream import UnknownEventError, envelope_event

LONGEST = 6_000
"""Characters; a settlement's lines need more and stand in the logs."""

_best: dict[str, tuple[int, str]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the release."""
    parser.addoption("--golden-samples", metavar="RELEASE", help="write a sample of each event type for a release")


def pytest_configure(config: pytest.Config) -> None:
    """Look at every event that is sealed.

    Raises:
        UsageError: the release has its samples.
    """
    release = config.getoption("--golden-samples")
    if release is None:
        return
    if _place(release).exists():
        raise pytest.UsageError(f"{release} has its samples, and they are never written again (README.md).")
    seal = events.seal

    def watched(event: Event, **circumstances: Any) -> Envelope:
        envelope = seal(event, **circumstances)
        _consider(envelope)
        return envelope

    pytest.MonkeyPatch().setattr("domain.machine.seal", watched)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the samples."""
    release = session.config.getoption("--golden-samples")
    if release is not None and _best:
        text = "".join(_best[name][1] + "\n" for name in sorted(_best))
        write_new(_place(release), packed(text))


def _place(release: str) -> Path:
    return LOGS / release / "samples.jsonl.xz"


def _consider(envelope: Envelope) -> None:
    try:
        envelope_event(decider_of(envelope["stream"]), envelope)
    except UnknownEventError:
        return  # a test's own stream
    weight, text = _said(envelope["data"]), canonical_text(envelope)
    if len(text) <= LONGEST and weight > _best.get(envelope["type"], (-1, ""))[0]:
        _best[envelope["type"]] = (weight, text)


def _said(value: Any) -> int:
    """Return how much a value says: an empty one nothing, of a list the first few."""
    if isinstance(value, dict):
        return len(value) + sum(_said(one) for one in value.values())
    if isinstance(value, list | tuple):
        return 1 + sum(_said(one) for one in value[:3])
    return 0 if value in (None, "", 0, False) else 2
