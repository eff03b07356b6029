from __future__ import annotations

import importlib
import pkgutil
import string
from typing import Any

import pytest
from stream_samples import CAMPAIGN, HEAD, OFFICER, SCHOOL, A, decide_all, identification, running_county, stage

import domain
from domain import event_phrases
from domain.deciders import DECIDERS
from domain.event_phrases import PHRASES
from domain.event_sentences import event_sentence, foldable, folded_sentence, is_bookkeeping
from domain.events import CommandRefused, Event, PolicyAdopted, SignalRefused

STAGE = f"{CAMPAIGN}/{SCHOOL}/parent-meetings"
for module in pkgutil.iter_modules(domain.__path__):
    importlib.import_module(f"domain.{module.name}")


def kinds_of(base: type[Event]) -> list[type[Event]]:
    """Return the types of events that the rules define, without those that only others are made from."""
    own = [kind for kind in base.__subclasses__() if kind.__module__.startswith("domain.")]
    return [leaf for kind in own for leaf in kinds_of(kind) or [kind]]


RECORDED = [event_type for decider in DECIDERS.values() for event_type in decider.event_types]
TYPES = {
    event_type.__name__: event_type
    for event_type in (*kinds_of(Event), *RECORDED, CommandRefused, SignalRefused, PolicyAdopted)
}
TABLES = [
    *(
        table
        for name, table in vars(event_phrases).items()
        if name != "PHRASES" and isinstance(table, dict) and not name.startswith("_")
    ),
    *(topic.PHRASES for topic in vars(event_phrases).values() if hasattr(topic, "PHRASES")),
]


def envelope(event_type: str, stream: str = STAGE, version: int = 1, **data: Any) -> dict[str, Any]:
    """Return the part of an envelope that a sentence needs."""
    return {"stream": stream, "version": version, "type": event_type, "data": data}


def fields(template: str) -> set[str]:
    """Return the names between braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_type_of_event_has_a_sentence(name):
    """A13: whatever a stream can record, a reader of the timeline reads in words; a new type must bring its phrase."""
    assert name in PHRASES


@pytest.mark.parametrize("name", sorted(PHRASES))
def test_a_phrase_names_only_what_the_event_has(name):
    """Both languages name the same fields, and each field exists, or a reader would see a dash for ever."""
    phrase = PHRASES[name]
    known = {*TYPES[name].model_fields, "school", "stage"}
    assert fields(phrase.zh) == fields(phrase.en) <= known
    if phrase.many is not None:
        assert fields(phrase.many[0]) == fields(phrase.many[1]) <= {*known, "count"}
        assert "count" in fields(phrase.many[0])
    assert not phrase.tally or phrase.tally in known


def test_no_type_stands_in_two_tables():
    """The tables are merged; a name that stands twice would silently lose its first phrase."""
    assert sum(len(table) for table in TABLES) == len(PHRASES)


def test_what_passes_news_on_can_be_folded():
    """Bookkeeping is told in one line, so each of its types needs its words for many."""
    without = [name for name, phrase in PHRASES.items() if phrase.bookkeeping and phrase.many is None]
    assert without == []
    assert is_bookkeeping("StagePaused")
    assert not foldable("StagePaused")
    assert foldable("HouseholdInvited")
    assert not foldable("StageCompleted")


def test_one_event_is_said_with_its_place_and_its_words():
    """School and stage come first; codes become words, instants are civil time, a session's label stays as it is."""
    at = "2025-12-05T19:00:00.000+08:00"
    scheduled = envelope("SessionScheduled", session="open", classes=["2023-01", "2023-02"], at=at)
    assert event_sentence(scheduled, "zh") == f"{SCHOOL} 家长会：安排家长会 open：2023-01、2023-02，2025-12-05 19:00"
    assert event_sentence(scheduled, "en").endswith("scheduled the meeting open: 2023-01, 2023-02, 2025-12-05 19:00")
    recorded = envelope("AttendanceRecorded", session="s1", student=A, attended=False, by=None)
    assert event_sentence(recorded, "en").endswith(f"the household of {A} at s1: absent, who came: —")
    paused = envelope("CampaignPaused", CAMPAIGN, school=None, reason="SNOW")
    assert event_sentence(paused, "zh") == "暂停整个活动，理由 SNOW"


def test_blockers_are_said_as_phrases():
    """A reminder says what is missing in the words of the board."""
    reminded = envelope("StageReminded", working_days_left=3, missing=[{"code": "SESSIONS_NOT_HELD", "count": 2}])
    assert "meetings not yet held: 2" in event_sentence(reminded, "en")
    nothing = envelope("StageOverdue", missing=[])
    assert event_sentence(nothing, "zh").endswith("尚缺：无")


def test_many_events_are_one_sentence_with_their_outcomes():
    """120 invitations are one line with their number; attendance says how many came; a single event stays itself."""
    invited = [envelope("HouseholdInvited", version=n, session="s1", student=f"stu_{n:06d}") for n in range(120)]
    assert folded_sentence(invited, "zh") == f"{SCHOOL} 家长会：邀请 120 户家庭参加 s1"
    came = [
        envelope("AttendanceRecorded", session="s1", student=f"stu_{n:06d}", attended=n < 3, by=None) for n in range(5)
    ]
    assert folded_sentence(came, "en").endswith("recorded for households: 5 (came 3, absent 2)")
    assert folded_sentence(came[:1], "en") == event_sentence(came[0], "en")


def test_bookkeeping_of_a_school_is_one_sentence():
    """The school's own stream and its stages are told together, under the school."""
    paused = [envelope("SchoolPaused", f"{CAMPAIGN}/{SCHOOL}", scope="campaign", reason="SNOW")]
    paused += [envelope("StagePaused", f"{CAMPAIGN}/{SCHOOL}/{slug}") for slug in ("identification", "retention")]
    told = "passes a pause (the campaign) on to its stages, reason SNOW; stages paused: 2"
    assert folded_sentence(paused, "en") == f"{SCHOOL}: {told}"


def test_an_unknown_type_is_said_by_its_name():
    """A ledger of a later release can still be read."""
    assert event_sentence(envelope("ComplaintFiled"), "en").endswith(": ComplaintFiled")
    assert folded_sentence([envelope("ComplaintFiled")] * 2, "zh").endswith("ComplaintFiled × 2")


def test_another_language_is_read_as_chinese():
    """The county's language is the default."""
    assert event_sentence(envelope("StageOpened"), "fr") == event_sentence(envelope("StageOpened"), "zh")


def test_a_real_stream_leaves_no_dash_and_no_brace():
    """Sentences of events as the rules write them: every field of a phrase is really there."""
    own = identification()
    decide_all(own)
    own.do("contest", OFFICER, student=A, raised_by="PUPIL", reason="WRONG")
    meetings = stage("parent-meetings").to("2025-11-04 08:00")
    meetings.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at="2025-11-05T19:00:00+08:00")
    meetings.do("invite", HEAD, session="s1")
    county = running_county()
    county.do("", "pause", OFFICER, reason="SNOW")
    ledgers = [own.ledger, meetings.ledger, *(stream.ledger for stream in county.streams.values())]
    for event in (event for ledger in ledgers for event in ledger):
        for lang in ("zh", "en"):
            said = event_sentence(event, lang)
            assert event["type"] not in said
            assert not {"—", "{"} & set(said), said
