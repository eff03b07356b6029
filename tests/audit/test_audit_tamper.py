import contextlib
import dataclasses
import gzip
import hashlib
import json

import pytest
from audit_forger import LEDGER_ALONE, OTHER, SCHOOL, STAGE, Forger, share_a_notice

from audit.replay import replay
from audit.report import Findings
from audit.rows import read_record
from audit.verify import expected_streams, verify
from domain.events import recomputed_hash
from ledger.store import Ledger


@contextlib.asynccontextmanager
async def opened(path):
    """The ledger in a file, closed afterwards."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{path}")
    try:
        yield ledger
    finally:
        await ledger.close()


def places(differences):
    """The places of differences, as tampering names them."""
    return {(found.kind, found.workflow, found.version, found.field) for found in differences}


@pytest.mark.parametrize("tamper", LEDGER_ALONE, ids=lambda tamper: tamper.__name__)
async def test_the_ledger_alone_names_the_place(year, tmp_path, tamper):
    """What was touched in one table shows against the others, without any engine, at the place that was touched."""
    forger = Forger(year.copy_to(tmp_path / "ledger.db"))
    expected = tamper(forger)
    forger.close()
    findings = Findings()
    async with opened(forger.path) as ledger:
        verify(await read_record(ledger, year.campaign), findings)
    assert expected in places(findings.differences)


async def test_an_untouched_ledger_is_in_order(year):
    """The same check finds nothing where nothing was touched."""
    findings = Findings()
    async with opened(year.ledger) as ledger:
        verify(await read_record(ledger, year.campaign), findings)
    assert findings.differences == []


async def test_a_second_guardians_notice_is_in_order(year, tmp_path):
    """What the sender makes beside a planned notice, for one more person of the household, is no forgery."""
    forger = Forger(year.copy_to(tmp_path / "ledger.db"))
    share_a_notice(forger)
    forger.close()
    findings = Findings()
    async with opened(forger.path) as ledger:
        verify(await read_record(ledger, year.campaign), findings)
    assert findings.differences == []


def forge_a_whole_chain(forger):
    """A field flipped, every hash after it made right, the board rebuilt."""
    version = forger.find(STAGE, "CohortFrozen")
    envelope = forger.envelope(STAGE, version)
    envelope["data"]["with_help"] += 1
    forger.write(STAGE, version, envelope)
    forger.rehash(STAGE, version)
    return {("history", STAGE, version, "data.with_help"), ("decision", STAGE, version, "data.with_help")}


def cut_the_tail(forger):
    """The last event never happened, and the board agrees."""
    stream = f"{SCHOOL}/retention"
    last = forger.head(stream)
    forger.sql.execute("DELETE FROM events WHERE stream=? AND version=?", (stream, last))
    forger.rebuild_board(stream)
    return {("history", stream, last, "missing")}


def add_to_the_end(forger):
    """One more event, properly chained, and the board agrees."""
    stream = f"{SCHOOL}/school-visits"
    last = forger.head(stream)
    envelope = {**forger.envelope(stream, last), "version": last + 1, "causation": None}
    envelope["prev_hash"] = envelope["hash"]
    envelope["hash"] = recomputed_hash(envelope)
    forger.insert(stream, last + 1, envelope)
    forger.rebuild_board(stream)
    return {("history", stream, last + 1, "unexpected")}


def history(forger, stream):
    """A stream's last archived run: its id and its history's text."""
    run, packed = forger.sql.execute(
        "SELECT run_id, history FROM archive WHERE workflow_id=? ORDER BY last_version DESC", (stream,)
    ).fetchone()
    return run, gzip.decompress(packed).decode()


def keep_history(forger, stream, run, packed, digest=None):
    """Put bytes into the archive, with a digest where it is to be made right."""
    forger.sql.execute("UPDATE archive SET history=? WHERE workflow_id=? AND run_id=?", (packed, stream, run))
    if digest is not None:
        forger.sql.execute("UPDATE archive SET digest=? WHERE workflow_id=? AND run_id=?", (digest, stream, run))


def edit_a_history(forger):
    """An archived history's bytes, the digest left alone."""
    stream = f"{SCHOOL}/application-filing"
    run, text = history(forger, stream)
    keep_history(forger, stream, run, gzip.compress(text.replace('"eventId"', ' "eventId"', 1).encode()))
    return {("archive", stream, None, "digest")}


def drop_from_a_history(forger):
    """A command's event taken out of a history, the digest made right: it does not replay."""
    stream = OTHER.replace("identification", "retention")
    run, text = history(forger, stream)
    content = json.loads(text)
    kept = [
        event for event in content["events"] if not event["eventType"].endswith("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES")
    ]
    assert len(kept) < len(content["events"])
    text = json.dumps({"events": kept})
    keep_history(forger, stream, run, gzip.compress(text.encode()), hashlib.sha256(text.encode()).hexdigest())
    return {("replay", stream, None, "commands"), ("archive", stream, None, "history_events")}


def garble_a_history(forger):
    """Bytes that are no history any more."""
    stream = OTHER.replace("identification", "school-visits")
    run, _ = history(forger, stream)
    keep_history(forger, stream, run, b"\x1f\x8bgone")
    return {("archive", stream, None, "history")}


def lose_a_first_run(forger):
    """The first run of a stream that has several."""
    first = forger.sql.execute(
        "SELECT run_id, last_version FROM archive WHERE workflow_id=? ORDER BY last_version", (OTHER,)
    ).fetchall()
    assert len(first) > 1
    forger.sql.execute("DELETE FROM archive WHERE workflow_id=? AND run_id=?", (OTHER, first[0][0]))
    return {("segment", OTHER, first[0][1], "predecessor"), ("history", OTHER, 1, "unexpected")}


FORGERIES = (
    forge_a_whole_chain,
    cut_the_tail,
    add_to_the_end,
    edit_a_history,
    drop_from_a_history,
    garble_a_history,
    lose_a_first_run,
)


async def test_the_histories_convict_what_the_ledger_alone_cannot_see(year, tmp_path):
    """Chains hashed anew, a tail cut off, a history touched: each is named at its place, and nothing else is."""
    forger = Forger(year.copy_to(tmp_path / "ledger.db"))
    expected = {forgery.__name__: forgery(forger) for forgery in FORGERIES}
    forger.close()
    async with opened(forger.path) as ledger:
        report = await replay(ledger, year.campaign)
    found = places(report.differences)
    for forgery, wanted in expected.items():
        assert wanted <= found, (forgery, sorted(map(str, found)))
    touched = {place[1] for wanted in expected.values() for place in wanted}
    blamed = {difference.workflow for difference in report.differences}
    assert touched <= blamed <= touched | {SCHOOL, "campaign/qingshan/2025/9900010002"}
    assert not report.replay_ok
    assert report.live_unreached == 1


async def test_an_edited_event_is_found_three_times_and_its_value_never_shown(year, tmp_path):
    """The ledger's own hash, the history and today's decision name the same event; the report holds no values."""
    forger = Forger(year.copy_to(tmp_path / "ledger.db"))
    version = forger.find(STAGE, "HelpConfirmed")
    envelope = forger.envelope(STAGE, version)
    envelope["data"]["reason"] = "CANARY_OF_A_VALUE"
    forger.write(STAGE, version, envelope)
    forger.sql.execute("UPDATE boards SET body=json_set(body, '$.status', 'CANARY_OF_A_VALUE')")
    forger.close()
    async with opened(forger.path) as ledger:
        report = await replay(ledger, year.campaign)
    assert not report.ledger_ok
    assert not report.replay_ok
    event = f"{STAGE}#{version}"
    assert {(found.kind, found.field) for found in report.differences if found.event == event} == {
        ("ledger", "hash"),
        ("history", "data.reason"),
        ("decision", "data.reason"),
    }
    assert any(found.kind == "board" for found in report.differences)
    assert "CANARY" not in report.model_dump_json()


def unconstrained(path):
    """Take the constraints off a ledger's tables, as whoever has the file can."""
    forger = Forger(path)
    forger.sql.execute("PRAGMA writable_schema=ON")
    forger.sql.execute("UPDATE sqlite_master SET sql=replace(sql, ' NOT NULL', '') WHERE type='table'")
    forger.close()
    return Forger(path)


KEPT = ("'abc'", "NULL", "x'ff00'", "CAST(x'ff' AS TEXT)", "1.5", "9223372036854775807")
"""What SQLite keeps in any column: a text, nothing, bytes, bytes that call themselves a text, a fraction, a number
beyond JSON's."""


@pytest.mark.parametrize("table", ["events", "boards"])
async def test_a_row_of_which_a_column_cannot_be_read_is_named_and_breaks_nothing_off(year, tmp_path, table):
    """Every column, with whatever can stand there: a finding at the event, or at the stream's line of the board."""
    forger = unconstrained(year.copy_to(tmp_path / "ledger.db"))
    place = {"events": (STAGE, 3), "boards": (STAGE,)}[table]
    where = "stream=? AND version=?" if table == "events" else "stream=?"
    (row,) = forger.sql.execute(f"SELECT rowid FROM {table} WHERE {where}", place).fetchone()
    unnamed = []
    columns = [name for _, name, *_ in forger.sql.execute(f"PRAGMA table_info({table})")]
    for number, column in enumerate(columns):
        (was,) = forger.sql.execute(f"SELECT {column} FROM {table} WHERE rowid=?", (row,)).fetchone()
        for value in KEPT if column == "version" else (KEPT[number % 3], KEPT[3 + number % 3]):
            if value == "NULL" and was is None:
                continue
            forger.sql.execute(f"UPDATE {table} SET {column}={value} WHERE rowid=?", (row,))
            forger.sql.commit()
            findings = Findings()
            async with opened(forger.path) as ledger:
                verify(await read_record(ledger, year.campaign), findings)
            kind = "ledger" if table == "events" else "board"
            if not any(found.kind == kind for found in findings.differences):
                unnamed.append((column, value))
        forger.sql.execute(f"UPDATE {table} SET {column}=? WHERE rowid=?", (was, row))
    forger.close()
    assert unnamed == []


async def test_an_event_whose_version_is_no_number_is_named_by_its_text(year, tmp_path):
    """`audit replay` goes to its end: the event's place, though its column says nothing."""
    forger = unconstrained(year.copy_to(tmp_path / "ledger.db"))
    forger.sql.execute("UPDATE events SET version='abc' WHERE stream=? AND version=3", (STAGE,))
    forger.sql.execute("UPDATE archive SET first_version='x' WHERE workflow_id=?", (OTHER,))
    forger.sql.execute("UPDATE archive SET history=CAST(x'ff' AS TEXT) WHERE workflow_id=?", (STAGE,))
    forger.close()
    async with opened(forger.path) as ledger:
        report = await replay(ledger, year.campaign)
    found = places(report.differences)
    assert {("ledger", STAGE, 3, "version"), ("archive", STAGE, None, "history")} <= found
    assert ("archive", OTHER, None, "first_version") in found
    assert not report.ledger_ok
    assert not report.replay_ok


WRONG = (None, "abc", [], 5, "\ud800")


async def test_a_text_that_is_no_event_of_ours_is_named_and_breaks_nothing_off(year, tmp_path):
    """Every field that the audit itself reads, missing or of another kind, in each type of the campaign's events."""
    async with opened(year.copy_to(tmp_path / "ledger.db")) as ledger:
        record = await read_record(ledger, year.campaign)
    rows = record.events[year.campaign]
    firsts = {row["type"]: number for number, row in reversed(list(enumerate(rows)))}
    for number in firsts.values():
        row = rows[number]
        envelope = json.loads(row["body"])
        for turn, field in enumerate((*envelope, "data.school", "data.stages", "data.channel")):
            name = field.removeprefix("data.")
            for value in (WRONG[(number + turn) % len(WRONG)], ...):
                changed = json.loads(row["body"])
                inside = changed["data"] if field.startswith("data.") else changed
                inside[name] = value
                if value is ...:
                    inside.pop(name)
                if changed == envelope:
                    continue
                body = {**row, "body": json.dumps(changed)}
                findings = Findings()
                small = {year.campaign: [*rows[:number], body, *rows[number + 1 :]]}
                forged = dataclasses.replace(record, events=small, boards={}, outbox={})
                expected_streams(forged)
                verify(forged, findings)
                assert any(
                    (one.workflow, one.version) == (year.campaign, row["version"]) for one in findings.differences
                )
