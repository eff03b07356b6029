import pytest

from cli.year import _seeded_gateway
from cli.year_topics import TOPICS, readable, topics
from domain.deciders import DECIDERS
from domain.events import Event, PolicyAdopted


def test_a_rehearsed_years_secret_repeats_and_is_its_owners_alone(tmp_path):
    """The same seed signs alike; nobody else may read the file, as `doctor` demands."""
    first, second = (_seeded_gateway(tmp_path / name, 7) for name in ("a.key", "b.key"))
    assert first.key == second.key
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600


class Record:
    """A ledger of two streams, as far as the topics read one."""

    def __init__(self, *events):
        self.found = list(events)

    async def streams(self, _campaign):
        """Name the streams."""
        return sorted({event["stream"] for event in self.found})

    async def events(self, stream):
        """Yield a stream's events."""
        for event in self.found:
            if event["stream"] == stream:
                yield event


def event(kind, stream="campaign/x/2025", **data):
    """Return what a figure looks at of an event."""
    return {"type": kind, "stream": stream, "data": data}


async def test_topics_count_events_and_not_the_news_of_them():
    """A hold stands in the case and in the campaign: it is one; a withdrawal counts by when it was made."""
    case = "campaign/x/2025/compliance/c-1"
    found = await topics(
        Record(
            event("HoldPlaced", case),
            event("HoldPlaced"),
            event("ConsentWithdrawn", late=True),
            event("ConsentWithdrawn", late=False),
            event("ConsentWithdrawn", late=False),
            event("ConsentSuspended", reason="COURT_ORDER"),
            event("ConsentSuspended", reason="GUARDIANS_DISAGREE"),
        ),
        "campaign/x/2025",
    )
    assert found["compliance"]["holds"] == 1
    assert (found["families"]["withdrawn_early"], found["families"]["withdrawn_late"]) == (2, 1)
    assert found["families"]["disagreements"] == 1
    assert set(found) == {topic.name for topic in TOPICS}
    labels = dict(readable(found))
    assert len(labels) == len(TOPICS)


@pytest.mark.parametrize("figure", [figure for topic in TOPICS for figure in topic.figures], ids=lambda one: one.name)
def test_every_figure_counts_events_that_exist(figure):
    """A renamed event would leave a figure at nought for ever."""
    kinds = {kind.__name__: kind for decider in DECIDERS.values() for kind in (*decider.event_types, PolicyAdopted)}
    for name in figure.events:
        assert issubclass(kinds[name], Event)
        assert set(figure.data) <= set(kinds[name].model_fields)
    assert (figure.zh, figure.en) != ("", "")
