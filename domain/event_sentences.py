"""An event in plain words: who did what is read by auditors who do not read JSON (FEATURES A13).

The words stand in `domain.event_phrases`. Events hold references only, so no sentence can name a person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.event_phrases import PHRASES
from domain.event_values import VALUES, VERBATIM
from domain.events import Envelope
from domain.sentences import blocker_phrase
from domain.words import WORDS

_NOTHING: Final = {"zh": "无", "en": "none"}
_JOINED: Final = {"zh": "、", "en": ", "}
_LISTED: Final = {"zh": "；", "en": "; "}
_INSTANT: Final = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}).*")


class _Fields(dict[str, str]):
    """Shown values; what an event lacks is shown as a dash: an old event must not stop a reader."""

    def __missing__(self, name: str) -> str:
        return "—"


def foldable(event_type: str) -> bool:
    """Tell whether several events of a type may be told in one line."""
    phrase = PHRASES.get(event_type)
    return phrase is not None and phrase.many is not None and not phrase.bookkeeping


def is_bookkeeping(event_type: str) -> bool:
    """Tell whether the event only passes news on between the system's own streams."""
    phrase = PHRASES.get(event_type)
    return phrase is not None and phrase.bookkeeping


def event_sentence(envelope: Envelope, lang: str) -> str:
    """Say one event, with its school and stage before it.

    Args:
        envelope: the event.
        lang: "zh" or "en"; anything else is read as "zh", the county's language.

    Returns:
        The sentence without a full stop; the type's name where no phrase knows it.
    """
    lang = _language(lang)
    return _placed(envelope["stream"], _told_alone(envelope, lang), lang)


def folded_sentence(envelopes: Sequence[Envelope], lang: str) -> str:
    """Say several events in one sentence: how many of each type, and what came of them.

    Args:
        envelopes: at least one event, of one school at most; fields that they do not share are left out.
        lang: as in `event_sentence`, which says a single event.
    """
    lang = _language(lang)
    by_type: dict[str, list[Envelope]] = {}
    for envelope in envelopes:
        by_type.setdefault(envelope["type"], []).append(envelope)
    told = [_told(event_type, group, lang) for event_type, group in by_type.items()]
    streams = list(dict.fromkeys(envelope["stream"] for envelope in envelopes))
    place = streams[0]
    if len(streams) > 1:  # the school that its streams, and the campaign's, are about
        place = max(("/".join(stream.split("/")[:4]) for stream in streams), key=len)
    return _placed(place, _LISTED[lang].join(told), lang)


def _told_alone(envelope: Envelope, lang: str) -> str:
    phrase = PHRASES.get(envelope["type"])
    if phrase is None:
        return str(envelope["type"])
    template = phrase.en if lang == "en" else phrase.zh
    return template.format_map(_fields(envelope, envelope["data"], lang))


def _told(event_type: str, group: Sequence[Envelope], lang: str) -> str:
    if len(group) == 1:
        return _told_alone(group[0], lang)
    phrase = PHRASES.get(event_type)
    if phrase is None or phrase.many is None:
        return f"{event_type} × {len(group)}"
    first = group[0]["data"]
    shared = {name: value for name, value in first.items() if all(one["data"].get(name) == value for one in group)}
    fields = _fields(group[0], {**shared, "count": len(group)}, lang)
    told = phrase.many[lang == "en"].format_map(fields)
    if not phrase.tally:
        return told
    counts = Counter(_shown(phrase.tally, one["data"].get(phrase.tally), lang) for one in group)
    parts = _JOINED[lang].join(f"{value} {count}" for value, count in counts.items())
    return f"{told} ({parts})" if lang == "en" else f"{told}（{parts}）"


def _language(lang: str) -> str:
    return "en" if lang == "en" else "zh"


def _placed(stream: str, told: str, lang: str) -> str:
    """Put the school and the stage of a stream before what is told."""
    place = [WORDS.get(part, {}).get(lang, part) for part in stream.split("/")[3:]]
    if not place:
        return told
    return f"{' '.join(place)}: {told}" if lang == "en" else f"{' '.join(place)}：{told}"


def _fields(envelope: Envelope, data: Mapping[str, Any], lang: str) -> _Fields:
    parts = envelope["stream"].split("/")[3:]
    own = dict(zip(("school", "stage"), parts, strict=False))
    return _Fields({name: _shown(name, value, lang) for name, value in {**own, **data}.items()})


def _shown(name: str, value: Any, lang: str) -> str:
    """Return a value as a person reads it."""
    match value:
        case None if "" in VALUES.get(name, {}):
            return VALUES[name][""][lang == "en"]
        case None:
            return "—"
        case bool():
            return _shown(name, str(value).lower(), lang)
        case {"code": str(code), "count": int(count)}:
            return blocker_phrase(code, count, lang)
        case dict() | list() | tuple():
            mark = _LISTED if any(isinstance(part, dict) for part in value) else _JOINED
            return mark[lang].join(_shown(name, part, lang) for part in value) or _NOTHING[lang]
        case str() if value in VALUES.get(name, {}):
            return VALUES[name][value][lang == "en"]
        case str() if name not in VERBATIM and value in WORDS:
            return WORDS[value][lang]
        case str():
            return _INSTANT.sub(r"\1 \2", value)
        case _:
            return str(value)
