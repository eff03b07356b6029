"""What a new policy changes of a stage's own days, and what it leaves."""

import pytest
from stream_samples import policy, stage, stage_start

CONTENT = stage_start("identification")["content"]


def identification(release, due="2025-11-28"):
    """Return an open stage of a release, due on Friday 28 November, on the Monday of that week."""
    return stage("identification", due=due, content={**CONTENT, "release": release}).to("2025-11-24 09:00")


def adopt(stream, **parameters):
    """Give the stage the campaign's next policy."""
    profile = policy(**parameters).model_copy(update={"version": 9})
    stream.hear("policy", profile=profile.model_dump(mode="json"))


def test_a_reminder_whose_day_has_passed_is_not_made_up_for():
    """Ten working days before is the 14th, and has passed when the policy says so; two days before is still to come."""
    stream = identification(3)
    assert stream.moments("StageReminded") == ["2025-11-19 08:00"]
    adopt(stream, reminder_working_days=(10, 2))
    stream.to("2025-11-25 23:59")
    assert stream.moments("StageReminded") == ["2025-11-19 08:00"]
    stream.to("2025-11-26 08:00")
    assert stream.moments("StageReminded") == ["2025-11-19 08:00", "2025-11-26 08:00"]
    stream.consistent()


def test_the_end_of_the_stage_is_as_it_was():
    """A policy moves no due day."""
    stream = identification(3)
    adopt(stream, reminder_working_days=(10,))
    assert stream.to("2025-11-29 08:00").moments("StageOverdue") == ["2025-11-29 00:00"]


@pytest.mark.parametrize("release", [1, 2])
def test_a_stage_of_an_earlier_release_takes_no_policy(release):
    """Its campaign never sent one; the news is refused, and nothing of its state changes."""
    stream = identification(release)
    awake = stream.state.awake_at
    adopt(stream, reminder_working_days=(10, 2))
    assert stream.state.awake_at == awake
    assert "PolicyAdopted" not in stream.names()
