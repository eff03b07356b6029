from __future__ import annotations

import contextlib
import copy
from datetime import UTC, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_samples import (
    HEAD,
    OFFICER,
    PRINCIPAL,
    STRANGER,
    A,
    Stream,
    Toy,
    identification,
    policy,
    stage,
    toy,
    when,
)

from domain.events import GENESIS, PolicyAdopted, recomputed_hash
from domain.machine import Machine, signal_label
from domain.refusal import Refusal
from domain.stream import Carry, Message, UnknownEventError, apply, fold

# -- command ids ------------------------------------------------------------------------------------------------


def test_the_same_command_again_gives_the_same_receipt_and_nothing_else():
    """A client that did not hear the answer asks again, also after a new run, and nothing happens twice (INV-27)."""
    stream = toy()
    raw = stream.command("add", HEAD, number=3)
    first = stream.submit(raw)
    stream.do("add", HEAD, number=4)
    stream.machine.carry.outgoing.clear()
    for _ in range(2):
        again = stream.submit(raw)
        assert (again.receipt, again.sent, again.accepted) == (first.receipt, first.sent, True)
        stream.restart()
    assert stream.names() == ["Began", "Added", "Added"]
    assert stream.state.total == 7
    assert stream.machine.carry.outgoing == []


def test_a_receipt_names_the_events_of_the_command():
    """First and last version and the hash of the last: the client waits in the ledger for exactly this."""
    stream = identification()
    answer = stream.do("confirm", HEAD, students=[A, "stu_000002"])
    receipt = answer.receipt
    mine = stream.ledger[receipt.first_version - 1 : receipt.last_version]
    assert [envelope["data"]["student"] for envelope in mine] == [A, "stu_000002"]
    assert mine[-1]["hash"] == receipt.hash
    assert {envelope["command_id"] for envelope in mine} == {"c-1"}


@pytest.mark.parametrize(
    "change",
    [{"number": 4}, {"actor": PRINCIPAL.model_dump(mode="json")}, {"reason": "OTHER"}, {"late_reason": "PAPER"}],
)
def test_another_command_under_a_used_id_is_refused(change):
    """An id names one command for the stream's life, whatever part of it is other."""
    stream = toy()
    raw = stream.command("add", HEAD, number=3)
    stream.submit(raw)
    for way_in in (stream.machine.check, stream.machine.submit):
        with pytest.raises(Refusal, match="COMMAND_ID_REUSED"):
            way_in({**raw, **change}, stream.now)
        with pytest.raises(Refusal, match="COMMAND_ID_REUSED"):
            way_in({**stream.command("fail", HEAD), "command_id": raw["command_id"]}, stream.now)
    assert stream.names() == ["Began", "Added"]


def test_an_id_whose_command_was_refused_without_trace_is_free():
    """Nothing is remembered of it: the corrected command may come under the same id."""
    stream = toy()
    raw = stream.command("add", HEAD, number=-1)
    with pytest.raises(Refusal, match="NOT_COMPLETE"):
        stream.machine.submit(raw, stream.now)
    assert stream.submit({**raw, "number": 1}).accepted


def test_a_recorded_refusal_leaves_its_trace_once():
    """`CommandRefused` names command, code and digest, not the content; the same id again answers the same."""
    stream = toy()
    raw = stream.command("fail", STRANGER, recorded=True)
    first = stream.submit(raw)
    again = stream.submit(raw)
    assert first == again
    assert not first.accepted
    assert first.refused == {"code": "WRONG_SCHOOL", "parameters": {}, "blockers": []}
    assert stream.names() == ["Began", "CommandRefused"]
    kept = stream.ledger[-1]
    assert kept["data"].keys() == {"command", "code", "digest"}
    assert (kept["data"]["command"], kept["data"]["code"]) == ("fail", "WRONG_SCHOOL")
    assert (kept["actor"]["id"], kept["command_id"]) == ("stf_stranger", "c-1")
    assert stream.state.total == 0
    stream.consistent()


# -- the validator ----------------------------------------------------------------------------------------------

NUMBERS = st.integers(-5, 5)
ADDS = st.fixed_dictionaries({"kind": st.just("add"), "number": NUMBERS | st.text(max_size=2)})
FAILS = st.fixed_dictionaries({"kind": st.just("fail")}, optional={"recorded": st.booleans()})
TIMES = st.fixed_dictionaries(
    {},
    optional={
        "occurred_at": st.integers(-20 * 24 * 60, 20).map(
            lambda minutes: (when("2025-11-03 08:00") + timedelta(minutes=minutes)).isoformat()
        ),
        "late_reason": st.sampled_from(["PAPER", "no code"]),
    },
)
COMMANDS = st.builds(lambda content, said: {**content, **said}, ADDS | FAILS | st.just({"kind": "sing"}), TIMES)


@given(st.lists(COMMANDS, max_size=8))
@settings(deadline=None, max_examples=60)
def test_the_validator_and_the_handler_agree(commands):
    """Nothing due: the validator refuses exactly what the handler refuses without trace, and it changes nothing."""
    stream = toy()
    for content in commands:
        raw = stream.command(content["kind"], HEAD, **{key: content[key] for key in content if key != "kind"})
        before = stream.snapshot()
        refusals = []
        for way_in in (stream.machine.check, stream.machine.submit):
            try:
                way_in(copy.deepcopy(raw), stream.now)
            except Refusal as refusal:
                refusals.append((refusal.as_data(), refusal.recorded, stream.snapshot() == before))
        assert len(refusals) != 1
        assert refusals[1:] == refusals[:1]
        assert all(not recorded and unchanged for _, recorded, unchanged in refusals)
        stream.flush()
    stream.consistent()


def test_a_misspelt_field_is_refused_at_the_door_and_named():
    """The validator tells the person which field nobody knows."""
    stream = toy()
    raw = stream.command("add", HEAD, number=1, nubmer=2, raeson="X")
    with pytest.raises(Refusal) as refused:
        stream.machine.check(raw, stream.now)
    assert refused.value.as_data() == {
        "code": "COMMAND_INVALID",
        "parameters": {
            "places": [
                {"place": "nubmer", "problem": "unknown_field"},
                {"place": "raeson", "problem": "unknown_field"},
            ]
        },
        "blockers": [],
    }


def test_a_misspelt_field_inside_a_row_is_refused_too():
    """A sheet whose column nobody knows would lose what it says."""
    stream = stage("parent-meetings").to("2025-11-03 08:00")
    row = {"student": A, "attended": True, "by": "guardian", "bye": "caregiver"}
    raw = stream.command("record_attendance", HEAD, session="s1", rows=[{**row, "student": "stu_000002"}, row])
    raw["rows"][0].pop("bye")
    with pytest.raises(Refusal) as refused:
        stream.machine.check(raw, stream.now)
    assert refused.value.as_data()["parameters"] == {"places": [{"place": "rows.1.bye", "problem": "unknown_field"}]}


@pytest.mark.parametrize("extra", [{"new": 1}, {"actor": {**HEAD.model_dump(mode="json"), "new": 10**400}}])
def test_the_handler_tolerates_what_a_newer_client_adds(extra):
    """An accepted Update is replayed by older and newer code alike; an extra field never breaks it."""
    stream = toy()
    raw = {**stream.command("add", HEAD, number=1), **extra}
    assert stream.machine.submit(raw, stream.now).accepted


def test_nothing_in_an_extra_field_can_break_a_recorded_refusal():
    """The trace is of what the command says; a number that no canonical form has would wedge the workflow."""
    stream = toy()
    raw = stream.command("fail", HEAD, recorded=True)
    answer = stream.machine.submit({**raw, "new": 10**400, "other": float("nan")}, stream.now)
    assert answer.refused["code"] == "WRONG_SCHOOL"


def test_places_are_named_and_values_are_not():
    """What was typed may be personal; the refusal says where and what kind of problem only."""
    stream = toy()
    refusal = stream.refusal("add", HEAD, number="例大川")
    assert refusal.as_data()["parameters"] == {"places": [{"place": "add.number", "problem": "int_parsing"}]}


def test_a_command_that_nobody_knows_is_refused():
    """The tag decides; there is no default."""
    assert toy().refusal("sing", HEAD).code == "COMMAND_INVALID"


@pytest.mark.parametrize("command_id", ["", "-x", "with blank", "x" * 129, "号"])
def test_an_id_is_a_short_ascii_name(command_id):
    """It stands in the record for ever and is an Update's id."""
    stream = toy()
    raw = {**stream.command("add", HEAD, number=1), "command_id": command_id}
    with pytest.raises(Refusal, match="COMMAND_INVALID"):
        stream.machine.check(raw, stream.now)


# -- two clocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "late", "code"),
    [
        ("2025-11-03T08:05:00+08:00", None, None),
        ("2025-11-03T08:05:00.001+08:00", None, "OCCURRED_IN_FUTURE"),
        ("2025-11-03T00:05:00Z", None, None),
        ("2025-10-20T08:00:00+08:00", None, None),
        ("2025-10-20T07:59:59.999+08:00", None, "OCCURRED_TOO_LONG_AGO"),
        ("2025-10-20T07:59:59.999+08:00", "PAPER", None),
        ("2025-11-03T09:00:00+08:00", "PAPER", "OCCURRED_IN_FUTURE"),
    ],
)
def test_how_far_the_said_time_may_lie_off(said, late, code):
    """Five minutes ahead, fourteen days back, later only with a reason code; the bounds themselves go through."""
    stream = toy()
    fields = {"number": 1, "occurred_at": said, **({"late_reason": late} if late else {})}
    if code is not None:
        assert stream.refusal("add", HEAD, **fields).code == code
        return
    stream.do("add", HEAD, **fields)
    kept = stream.ledger[-1]
    assert when("2025-11-03 08:00").isoformat(timespec="milliseconds") == kept["recorded_at"]
    assert kept["occurred_at"] == Toy.commands.validate_python(
        {**stream.command("add", HEAD), **fields}
    ).occurred_at.astimezone(when("2025-11-03 08:00").tzinfo).isoformat(timespec="milliseconds")


def test_a_time_without_an_offset_is_no_time():
    """Nobody guesses a zone (INV-28)."""
    assert toy().refusal("add", HEAD, number=1, occurred_at="2025-11-03T08:00:00").code == "COMMAND_INVALID"


def test_without_a_said_time_it_happened_now():
    """Both clocks show the same."""
    stream = toy()
    stream.do("add", HEAD, number=1)
    assert stream.ledger[-1]["occurred_at"] == stream.ledger[-1]["recorded_at"] == "2025-11-03T08:00:00.000+08:00"


@given(st.lists(st.integers(-1000, 1000), max_size=20))
@settings(deadline=None, max_examples=50)
def test_a_stepped_clock_never_goes_back(minutes):
    """Whatever order a driver steps in, time is the latest that it said, and no event is recorded before another."""
    stream = toy()
    latest = stream.now
    for offset in minutes:
        said = when("2025-11-03 08:00") + timedelta(minutes=offset)
        latest = max(latest, said)
        stream.machine.step(said.astimezone(UTC))
        assert stream.now == latest
        stream.do("add", HEAD, number=1)
    recorded = [envelope["recorded_at"] for envelope in stream.ledger]
    assert recorded == sorted(recorded)


def test_the_engines_clock_cannot_be_stepped():
    """A real campaign's time is nobody's to move; the refusal moves nothing."""
    machine = Machine(Toy(), Carry(stream="toy/1", kind="toy", clock="engine"))
    with pytest.raises(Refusal, match="CLOCK_NOT_STEPPED"):
        machine.step(when("2030-01-01 08:00"))
    assert machine.now(when("2025-11-03 08:00").astimezone(UTC)) == when("2025-11-03 08:00")


def test_a_stepped_clock_ignores_the_engines():
    """And before the first step it has no time at all."""
    stream = toy()
    assert stream.machine.now(when("2031-01-01 08:00")) == when("2025-11-03 08:00")
    stream.machine.carry.time = None
    with pytest.raises(Refusal, match="CLOCK_NOT_STEPPED"):
        stream.machine.now(when("2031-01-01 08:00"))


# -- what is due ------------------------------------------------------------------------------------------------


def test_what_is_due_happens_before_a_decision():
    """A command that comes when a bell is due: the bell rings first, at its own instant, without the new number."""
    bell = when("2025-11-03 09:00")
    stream = toy(bell)
    stream.machine.step(when("2025-11-03 10:00"))
    answer = stream.do("add", HEAD, number=5)
    assert stream.names() == ["Began", "Rang", "Added"]
    rang = stream.ledger[1]
    assert rang["data"] == {"total": 0}
    assert (rang["occurred_at"], rang["recorded_at"]) == (
        "2025-11-03T09:00:00.000+08:00",
        "2025-11-03T10:00:00.000+08:00",
    )
    assert (rang["actor"]["role"], rang["command_id"]) == ("system", None)
    assert (answer.receipt.first_version, answer.receipt.last_version) == (3, 3)


def test_the_validator_leaves_a_decision_to_the_handler_when_something_is_due():
    """What is due may change the answer, so the validator does not guess; the handler may still refuse."""
    stream = toy(when("2025-11-03 09:00"))
    stream.machine.step(when("2025-11-03 09:00"))
    raw = stream.command("add", HEAD, number=-1)
    stream.machine.check(raw, stream.now)
    with pytest.raises(Refusal, match="NOT_COMPLETE"):
        stream.machine.submit(raw, stream.now)
    stream.flush()
    assert stream.names() == ["Began", "Rang"]


def test_a_tick_writes_two_hundred_events_and_the_next_goes_on():
    """No workflow task grows without bound; the answer says that more is due."""
    bells = [when("2025-11-03 09:00") + timedelta(minutes=minute) for minute in range(450)]
    stream = toy(*bells)
    stream.machine.step(when("2025-11-04 09:00"))
    written = []
    for _ in range(4):
        answer = stream.machine.tick(stream.now)
        written.append(len(stream.flush()))
        assert (answer.next_due is None) == (sum(written) == 450)
    assert written == [200, 200, 50, 0]
    assert stream.moments("Rang") == [f"{bell:%Y-%m-%d %H:%M}" for bell in bells]


def test_nothing_happens_before_it_is_due():
    """A minute early: nothing; on the minute: once; again: nothing."""
    stream = toy(when("2025-11-03 09:00"))
    for clock, count in (("08:59", 0), ("09:00", 1), ("09:00", 1)):
        stream.machine.step(when(f"2025-11-03 {clock}"))
        answer = stream.machine.tick(stream.now)
        stream.flush()
        assert stream.names().count("Rang") == count
        assert answer.next_due == (None if count else when("2025-11-03 09:00"))


# -- news -------------------------------------------------------------------------------------------------------


def message(version: int, sender: str = "toy", kind: str = "hello") -> Message:
    """Return news."""
    return Message(id=f"{sender}#{version}", kind=kind, at=when("2025-11-03 08:00"))


def test_news_is_taken_in_once_by_its_senders_version():
    """Delivered twice, before or after it was taken in or after a new run, it counts once (INV-27)."""
    stream = toy()
    assert stream.machine.receive(message(3))
    assert not stream.machine.receive(message(3))
    stream.machine.tick(stream.now, [message(3).id])
    stream.flush()
    assert not stream.machine.receive(message(3))
    assert not stream.machine.receive(message(2)), "a sender's news come in the order of its versions"
    stream.restart()
    assert not stream.machine.receive(message(3))
    assert stream.machine.receive(message(4))
    assert stream.machine.receive(message(1, sender="toy/1/child")), "each sender counts for itself"
    assert stream.names() == ["Began", "Heard"]
    assert stream.last("Heard")["causation"] == "toy#3"


def test_news_taken_in_again_by_name_changes_nothing():
    """A driver that repeats a tick gets the same answer and no event."""
    stream = toy()
    stream.machine.receive(message(3))
    for _ in range(2):
        stream.machine.tick(stream.now, [message(3).id])
    stream.flush()
    assert stream.names() == ["Began", "Heard"]
    assert stream.machine.carry.inbox == []


def test_news_that_is_not_here_cannot_be_taken_in():
    """INBOX_NOT_HERE; `holds` says so beforehand."""
    stream = toy()
    stream.machine.receive(message(3))
    assert stream.machine.holds([message(3).id])
    assert not stream.machine.holds([message(3).id, message(4).id])
    with pytest.raises(Refusal, match="INBOX_NOT_HERE"):
        stream.machine.tick(stream.now, [message(4).id])


def test_news_is_taken_in_in_the_order_named():
    """Not in the order of arrival, so a stepped campaign does not depend on the machine's speed."""
    stream = toy()
    for name in ("b", "a"):
        stream.machine.receive(message(1, f"toy/1/{name}", kind=name))
    stream.machine.tick(stream.now, ["toy/1/a#1", "toy/1/b#1"])
    assert [envelope["data"]["kind"] for envelope in stream.flush()] == ["a", "b"]


@pytest.mark.parametrize("sender", ["toy/2", "toy/1/a/b", "campaign/q/2026", "", "other"])
def test_only_a_parent_or_child_sends_news(sender):
    """A stream next door cannot speak for another; what was refused is not in the inbox."""
    stream = toy()
    with pytest.raises(Refusal, match="SENDER_NOT_RELATED"):
        stream.machine.receive(message(1, sender or "toy/11"))
    assert stream.machine.carry.inbox == []


def test_a_signals_name_that_could_be_a_persons_is_kept_as_a_digest():
    """A code-like name stands in the record as it is; anything else is an outsider's text (design, section 8)."""
    assert signal_label("stage_completed") == "stage_completed"
    for text in ("张三", "Zhang San", "x" * 41, ""):
        assert text == "" or text not in signal_label(text)
        assert signal_label(text).startswith("#")


@pytest.mark.parametrize("data", [{}, {"scope": 7}, {"huge": 10**400}, {"odd": float("nan")}])
def test_news_that_nobody_can_read_leaves_a_trace_and_the_stream_goes_on(data):
    """It is refused by code and digest, never by its content, and taken in for good."""
    stream = stage("identification")
    name = f"{stream.machine.carry.stream.rpartition('/')[0]}#1"
    for kind in ("pause", "unheard-of"):
        stream.machine.receive(Message(id=name, kind=kind, data=data, at=stream.now))
        stream.machine.tick(stream.now, [name])
        name = f"{name.partition('#')[0]}#2"
    stream.flush()
    assert stream.names() == ["StagePlanned", "SignalRefused", "SignalRefused"]
    assert [e["data"]["name"] for e in stream.ledger[1:]] == ["pause", "unheard-of"]
    assert stream.last("SignalRefused")["data"].keys() == {"name", "code", "digest"}
    assert stream.machine.carry.inbox == []
    stream.to("2025-11-03 08:00")
    assert stream.state.status == "open"


def test_a_jobs_result_comes_once():
    """A job's result has a name instead of a version."""
    stream = stage("identification").to("2025-11-03 08:00")
    assert stream.machine.job().message_id == "job:proposals"
    result = Message(id="job:proposals", kind="proposals", data={}, at=stream.now)
    assert stream.machine.receive(result)
    assert stream.machine.job() is None, "its result is here and waits"
    assert not stream.machine.receive(result)


def test_what_leaves_says_where_it_comes_from():
    """The message's id and hash are those of the event that caused it; the answer carries the address label."""
    stream = toy()
    answer = stream.do("add", HEAD, number=5)
    (leaving,) = stream.machine.carry.outgoing
    assert leaving.to == "neighbour"
    assert (leaving.message.id, leaving.message.hash) == ("toy/1#2", stream.ledger[-1]["hash"])
    assert leaving.message.data == {"number": 5}
    assert [(sent.to, sent.id) for sent in answer.sent] == [("neighbour", "toy/1#2")]


# -- signals that are refused -----------------------------------------------------------------------------------


def test_refused_signals_are_written_a_hundred_times_a_day_and_then_counted():
    """A flood cannot fill the record; the next civil day counts anew, also across a new run."""
    stream = toy()
    for _ in range(150):
        stream.machine.refuse_signal("stage_completed", "SIGNAL_UNREADABLE", "ab", stream.now)
    stream.flush()
    assert stream.names().count("SignalRefused") == 100
    assert stream.machine.carry.signals_refused == 150
    stream.restart()
    stream.machine.refuse_signal("x", "SIGNAL_UNKNOWN", "ab", when("2025-11-03 23:59"))
    stream.machine.refuse_signal("x", "SIGNAL_UNKNOWN", "ab", when("2025-11-04 00:00").astimezone(UTC))
    stream.flush()
    assert stream.names().count("SignalRefused") == 101
    assert stream.last("SignalRefused")["data"] == {"name": "x", "code": "SIGNAL_UNKNOWN", "digest": "ab"}
    stream.consistent()


# -- halted -----------------------------------------------------------------------------------------------------


def test_a_halted_stream_refuses_everything_but_reads():
    """The ledger disagrees: no command, no tick, no job, nothing due, no trace; the state can still be read."""
    stream = toy(when("2025-11-03 09:00"))
    raw = stream.command("add", HEAD, number=1)
    stream.submit(raw)
    stream.machine.halt(2, "a" * 64, "b" * 64)
    assert stream.refusal("add", HEAD, number=2).as_data()["parameters"] == {"version": 2}
    with pytest.raises(Refusal, match="HALTED"):
        stream.machine.tick(when("2025-11-03 10:00"))
    stream.machine.refuse_signal("x", "Y", "z", stream.now)
    assert stream.machine.queue == []
    assert (stream.machine.due(), stream.machine.job()) == (None, None)
    assert stream.machine.view() == {"total": 1}
    assert stream.machine.submit(raw, stream.now).receipt.last_version == 2, "what was said before stays said"
    stream.restart()
    assert stream.refusal("add", HEAD, number=2).code == "HALTED"


def test_a_halted_stream_asks_for_no_job():
    """A job's result could not be taken in."""
    stream = stage("identification").to("2025-11-03 08:00")
    stream.machine.halt(1, "a", "b")
    assert stream.machine.job() is None


# -- runs, folding, the chain -----------------------------------------------------------------------------------


def test_a_run_ends_only_when_its_queue_is_written():
    """Else an event would be in the state and never in the ledger."""
    stream = toy()
    stream.machine.submit(stream.command("add", HEAD, number=1), stream.now)
    with pytest.raises(RuntimeError, match="flushed"):
        stream.machine.carry_over()


MOVES = st.lists(
    st.tuples(st.just("add"), NUMBERS)
    | st.tuples(st.just("fail"), st.booleans())
    | st.tuples(st.just("wait"), st.integers(0, 400))
    | st.tuples(st.just("news"), st.integers(1, 6))
    | st.tuples(st.just("signal"), st.integers(0, 3)),
    max_size=14,
)


def play(stream: Stream, moves, cuts=()):
    """Play moves, beginning a new run before those whose number is among the cuts."""
    for number, (move, value) in enumerate(moves):
        if number in cuts:
            stream.restart()
        match move:
            case "wait":
                stream.to(stream.now + timedelta(minutes=value))
            case "news" if stream.machine.receive(message(value)):
                stream.machine.tick(stream.now, [message(value).id])
            case "signal":
                stream.machine.refuse_signal("x", "Y", str(value), stream.now)
            case "add" | "fail":
                fields = {"number": value} if move == "add" else {"recorded": value}
                with contextlib.suppress(Refusal):
                    stream.machine.submit(stream.command(move, HEAD, **fields), stream.now)
        stream.flush()
    return stream


BELLS = [when("2025-11-03 08:30") + timedelta(hours=hour) for hour in range(12)]


@given(MOVES, st.sets(st.integers(0, 13)))
@settings(deadline=None, max_examples=60)
def test_where_runs_begin_and_end_makes_no_difference(moves, cuts):
    """Continue-as-new at any points gives the same events, state and letters as one long run (A1)."""
    whole, cut = play(toy(*BELLS), moves), play(toy(*BELLS), moves, cuts)
    assert cut.ledger == whole.ledger
    assert cut.state == whole.state
    assert cut.machine.carry_over() == whole.machine.carry_over()
    whole.consistent()


@given(MOVES)
@settings(deadline=None, max_examples=40)
def test_the_chain_holds(moves):
    """Each event carries the hash of the one before; the first has 64 zeros; every hash is right (INV-26)."""
    previous = GENESIS
    for version, envelope in enumerate(play(toy(*BELLS), moves).ledger, start=1):
        assert (envelope["version"], envelope["prev_hash"]) == (version, previous)
        previous = recomputed_hash(envelope)
        assert envelope["hash"] == previous


def test_a_stream_begins_once():
    """A second `begin` writes nothing, also when the engine starts the child again."""
    stream = toy()
    stream.machine.begin(stream.now)
    stream.machine.carry.start = {"policy": policy().model_dump(mode="json")}
    stream.machine.begin(stream.now)
    assert stream.machine.queue == []
    assert stream.machine.carry.version == 1


def test_an_event_that_nobody_knows_stops_the_fold():
    """Skipping it would lose a fact silently."""
    stream = toy()
    stream.do("add", HEAD, number=1)
    with pytest.raises(UnknownEventError, match="toy/1#2: Multiplied"):
        fold(Toy(), [stream.ledger[0], {**stream.ledger[1], "type": "Multiplied"}])


@pytest.mark.parametrize("event_type", ["CommandRefused", "SignalRefused", "PolicyAdopted"])
def test_a_stream_cannot_begin_with_an_event_that_all_share(event_type):
    """Its first event is its decider's own."""
    stream = toy()
    stream.submit(stream.command("fail", HEAD, recorded=True))
    data = {"command": "x", "code": "X", "digest": "x", "name": "x", "profile": policy().model_dump(mode="json")}
    with pytest.raises(UnknownEventError, match="begins with"):
        fold(Toy(), [{**stream.ledger[1], "type": event_type, "data": data}])


@pytest.mark.parametrize("kind", ["identification", "parent-meetings", "school-visits"])
def test_a_stage_cannot_begin_in_the_middle(kind):
    """A ledger whose head is missing is not folded into something."""
    stream = stage(kind)
    stream.do("extend", OFFICER, due="2025-12-05", reason="SNOW")
    with pytest.raises(UnknownEventError, match="begins with StageExtended"):
        fold(stream.decider, stream.ledger[1:])


def test_events_after_a_new_policy_name_it():
    """Old events keep the reference of their day (INV-29)."""
    stream = toy()
    stream.do("add", HEAD, number=1)
    before = stream.ledger[-1]["policy"]
    changed = policy(backdate_days=3).model_copy(update={"version": 2})
    event = PolicyAdopted(profile=changed.model_dump(mode="json"))
    apply(stream.decider, stream.state, event, {"stream": "toy/1", "version": 3, "type": "PolicyAdopted"})
    stream.do("add", HEAD, number=1)
    assert stream.ledger[-1]["policy"] == {"id": "compliant", "version": 2, "parameter_hash": changed.parameter_hash}
    assert stream.ledger[1]["policy"] == before
    assert stream.refusal("add", HEAD, number=1, occurred_at="2025-10-30T08:00:00+08:00").code == (
        "OCCURRED_TOO_LONG_AGO"
    )
