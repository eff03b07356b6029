"""Heads that sign themselves: when one is due, that what is new is enough for it, and that each goes outside once."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, RETENTION, VISITS, Book, good
from bundle_maker import KEY, NOW, THIEF
from sqlalchemy import text

import domain.campaign_events as campaign
from audit import heads, next_head
from audit import keeper as keeping
from audit.anchors import DirectoryAnchor, file_name
from audit.heads import HeadError, change_key, make_head
from audit.keeper import HeadKeeper
from audit.next_head import due
from audit.note_errors import NoteError
from audit.signing_keys import create_key
from cli.heads_outside import keeper_of
from domain.stage_events import StageSkipped
from domain.time import instant
from ledger.anchors import read_anchored, read_troubles
from ledger.heads import last_head, read_heads, read_keys, read_snapshot
from ledger.store import Ledger
from notices.sink import Mood, Sink
from protocol import HeadsRequest
from settings import Settings

LATER = NOW + timedelta(days=1)
ASKED = HeadsRequest(campaign=CAMPAIGN)


@pytest.fixture(scope="module")
def written():
    """The streams of a whole log."""
    return sealed(good())


@pytest.fixture
def streams(written):
    """They may be written on."""
    return {stream: list(events) for stream, events in written.items()}


@pytest.fixture(scope="module")
async def files(tmp_path_factory, written):
    """Ledgers as files: an empty one, one with a head over seven tenths, one that went on from there to the end."""
    folder = tmp_path_factory.mktemp("ledgers")
    for name, before, parts in (("empty", None, ()), ("seven", "empty", (0, 7)), ("ten", "seven", (7, 10))):
        if before:
            shutil.copy(folder / before, folder / name)
        ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / name}")
        if parts:
            await grown(ledger, written, *parts)
        if name == "seven":
            await small(ledger)
        await ledger.close()
    return folder


@pytest.fixture
def opened(tmp_path, files):
    """Open a copy of one of these ledgers."""

    @contextlib.asynccontextmanager
    async def open_copy(like="empty", name="ledger.db"):
        if not (tmp_path / name).exists():
            shutil.copy(files / like, tmp_path / name)
        ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / name}")
        try:
            yield ledger
        finally:
            await ledger.close()

    return open_copy


async def grown(ledger, streams, first, last):
    """Append a part of each stream, from one share of it to another (tenths)."""
    for events in streams.values():
        if part := events[len(events) * first // 10 : len(events) * last // 10]:
            await ledger.append(part, [], {})


async def changed(ledger, statement):
    """Change the ledger behind its back."""
    async with ledger._writing.begin() as connection:
        await connection.execute(text(statement))


def small(ledger, key=KEY, **more):
    """Sign a head over what is new."""
    return next_head.next_head(ledger, CAMPAIGN, key, NOW, **more)


async def test_a_head_over_what_is_new_is_the_one_over_everything(tmp_path, opened, streams, monkeypatch):
    """Size, root, note and marks, five times; and after the first one nothing is read that a head covers."""
    looked = []
    check = next_head.check_chains
    monkeypatch.setattr(next_head, "check_chains", lambda *given: looked.append(len(given[0])) or check(*given))
    async with opened() as one, opened(name="other.db") as other:
        for tenth in range(0, 10, 2):
            for ledger in (one, other):
                await grown(ledger, streams, tenth, tenth + 2)
            found = await small(one)
            assert found.note == (await make_head(other, CAMPAIGN, KEY, "engine", NOW)).head.note
            assert (await small(one)).note == found.note
        assert (await read_snapshot(one, CAMPAIGN)).heads == (await read_snapshot(other, CAMPAIGN)).heads
        total = sum(map(len, streams.values()))
        assert found.size == total
        assert len(looked) == 4
        assert sum(looked) < total + len(looked) * len(streams)  # each new event once, and the one before it


BEHIND = {
    "a lost tail": f"DELETE FROM events WHERE stream='{CAMPAIGN}' AND version>4",
    "a lost stream": f"DELETE FROM events WHERE stream='{RETENTION}'",
    "a gap": f"DELETE FROM events WHERE stream='{CAMPAIGN}' AND version=(SELECT max(version)-1 FROM events "
    f"WHERE stream='{CAMPAIGN}')",
    "another event of now": "UPDATE events SET body=replace(body, '\"occurred_at\"', '\"0ccurred_at\"') "
    f"WHERE stream='{CAMPAIGN}' AND version=(SELECT max(version) FROM events WHERE stream='{CAMPAIGN}')",
    "another last event before": "UPDATE events SET body=replace(body, '\"occurred_at\"', '\"0ccurred_at\"') "
    f"WHERE stream='{CAMPAIGN}' AND version=(SELECT max(version) FROM marks WHERE stream='{CAMPAIGN}')",
    "an event of another place": f"UPDATE events SET body=(SELECT body FROM events WHERE stream='{RETENTION}' AND "
    f"version=1) WHERE stream='{CAMPAIGN}' AND version=(SELECT max(version) FROM events WHERE stream='{CAMPAIGN}')",
    "a head's note": "UPDATE heads SET note=replace(note, '/campaign/', '/campaing/')",
    "a head's root": "UPDATE heads SET root='" + "0" * 64 + "'",
    "marks further back": f"UPDATE marks SET version=1 WHERE stream='{CAMPAIGN}'",
}


@pytest.mark.parametrize("name", BEHIND)
async def test_nothing_is_signed_over_what_does_not_join(tmp_path, opened, streams, name):
    """Whatever was done to the record since the last head: the place is named and no head is kept."""
    async with opened("ten") as ledger:
        await changed(ledger, BEHIND[name])
        with pytest.raises(HeadError) as error:
            await small(ledger)
        assert error.value.place.startswith(CAMPAIGN)
        assert len(await read_heads(ledger, CAMPAIGN)) == 1


async def test_a_change_below_a_head_is_not_signed_away(tmp_path, opened, streams):
    """The next head is of the tree as it was; the full look names the event."""
    async with opened("seven") as ledger, opened("ten", "other.db") as honest:
        await changed(ledger, "UPDATE events SET body=replace(body, 'engine', 'enging') WHERE version=1")
        await grown(ledger, streams, 7, 10)
        with contextlib.suppress(HeadError):  # a stream whose first event is also its last one before
            await small(ledger)
        await small(honest)
        newest = await last_head(ledger, CAMPAIGN)
        assert newest.root in {head.root for head in await read_heads(honest, CAMPAIGN)}
        with pytest.raises(HeadError, match="LEDGER_BROKEN"):
            await small(ledger, full=True)


@pytest.mark.parametrize("edge", ["", "00", "ab" * 32, "no hex"])
async def test_an_edge_that_is_not_the_heads_own_is_not_gone_on_from(tmp_path, opened, streams, edge):
    """Everything is looked at then, and the head is the same."""
    async with opened("ten") as ledger, opened("ten", "other.db") as honest:
        await changed(ledger, f"UPDATE heads SET edge='{edge}'")
        assert (await small(ledger)).note == (await small(honest)).note


async def test_two_at_the_same_time_make_one_head(tmp_path, opened, streams, monkeypatch):
    """Whoever comes second takes what is there; who always comes second says so."""
    async with opened("ten") as ledger:
        kept, keep = [], next_head.keep_head

        async def raced(*given, **more):
            if not kept:
                kept.append(await keep(*given, **more))
            return await keep(*given, **more)

        monkeypatch.setattr(next_head, "keep_head", raced)
        await small(ledger)
        assert len(await read_heads(ledger, CAMPAIGN)) == 2

        async def always(*_given, **_more):
            return False

        monkeypatch.setattr(next_head, "keep_head", always)
        book = Book(streams)
        await ledger.append(
            [book.write(CAMPAIGN, campaign.CampaignClosed(reason="YEAR_OVER"), "2026-07-01 08:00")], [], {}
        )
        with pytest.raises(HeadError, match="HEAD_RACED"):
            await small(ledger)


async def test_a_head_is_due_for_a_stage_a_day_and_the_close(tmp_path, opened, streams):
    """One head serves all that happened; then nothing is due until something happens again."""
    book = Book(streams)
    async with opened() as ledger:
        await grown(ledger, book.streams, 0, 10)
        assert await due(ledger, CAMPAIGN, NOW) == "day"
        await small(ledger)
        assert await due(ledger, CAMPAIGN, LATER) is None

        async def happens(stream, event, at):
            await ledger.append([book.write(stream, event, at)], [], {})

        await happens(CAMPAIGN, campaign.CampaignPaused(school=None, reason="EXAM"), "2027-01-05 09:00")
        assert await due(ledger, CAMPAIGN, instant("2027-01-05T23:59:59.999+08:00")) is None
        assert await due(ledger, CAMPAIGN, instant("2027-01-06T00:00:00+08:00")) == "day"
        await happens(VISITS, StageSkipped(reason="TRIAL_RUN"), "2027-01-05 10:00")
        assert await due(ledger, CAMPAIGN, instant("2027-01-05T10:00:01+08:00")) == "stage"
        await small(ledger)
        assert await due(ledger, CAMPAIGN, instant("2027-01-09T00:00:00+08:00")) is None
        await happens(CAMPAIGN, campaign.CampaignClosed(reason="YEAR_OVER"), "2027-01-09 08:00")
        assert await due(ledger, CAMPAIGN, instant("2027-01-09T08:00:01+08:00")) == "close"
        await happens(CAMPAIGN, campaign.CampaignArchived(), "2027-01-09 08:01")
        assert await due(ledger, CAMPAIGN, instant("2027-01-09T08:01:01+08:00")) == "end"
        kept = await HeadKeeper(ledger, create_file(tmp_path), clock=lambda: LATER).look(ASKED)
        assert (kept.problem, kept.ended) == ("KEY_OUT_OF_TERM", False)


def create_file(folder):
    """A key's file."""
    create_key(folder / "key", "audit.example")
    return folder / "key"


async def test_the_last_head_looks_at_everything_again_and_once(tmp_path, opened, streams, monkeypatch):
    """The end is reported when the record was looked through; a change below an earlier head is found there."""
    book = Book(streams)
    book.write(CAMPAIGN, campaign.CampaignArchived(), "2027-01-09 08:01")
    async with opened() as ledger:
        await grown(ledger, book.streams, 0, 8)
        keeper = HeadKeeper(ledger, create_file(tmp_path), clock=lambda: LATER)
        assert (await keeper.look(ASKED)).reason == "day"
        await grown(ledger, book.streams, 8, 10)
        await changed(ledger, f"UPDATE events SET body=replace(body, 'engine', 'enging') WHERE stream='{CAMPAIGN}'")
        told = await keeper.look(ASKED)
        assert (told.problem, told.place, told.ended) == ("LEDGER_BROKEN", f"{CAMPAIGN}#1", False)
        await changed(ledger, f"UPDATE events SET body=replace(body, 'enging', 'engine') WHERE stream='{CAMPAIGN}'")
        told = await keeper.look(ASKED)
        assert (told.reason, told.problem, told.ended) == ("end", None, True)
        assert told.size == sum(map(len, book.streams.values()))
        monkeypatch.setattr(next_head, "make_head", None)
        again = await keeper.look(ASKED)
        assert (again.reason, again.size, again.ended) == (None, told.size, True)


async def test_what_is_in_the_way_is_written_down_and_logged_once(tmp_path, opened, streams, caplog):
    """No key, a key that others can read, one that was replaced, a broken record; and it ends when it is mended."""
    file = create_file(tmp_path)
    async with opened() as ledger:
        await grown(ledger, streams, 0, 5)

        async def looked(key=file):
            told = await HeadKeeper(ledger, key, clock=lambda: LATER).look(ASKED)
            return told.problem, [(one.code, one.place) for one in await read_troubles(ledger)]

        with caplog.at_level(logging.ERROR, "heads"):
            for _ in range(2):
                assert await looked(None) == ("HEADS_KEY_NOT_SET", [("HEADS_KEY_NOT_SET", "")])
            assert [record.message for record in caplog.records] == ["HEADS_KEY_NOT_SET"]
            assert await looked(tmp_path / "none") == ("KEY_FILE_MISSING", [("KEY_FILE_MISSING", "")])
            file.chmod(0o644)
            assert await looked() == ("KEY_FILE_OPEN", [("KEY_FILE_OPEN", "")])
            file.chmod(0o600)
            assert await looked() == (None, [])
            await changed(ledger, "UPDATE heads SET root='" + "0" * 64 + "'")
            await grown(ledger, streams, 5, 10)
            place = f"{CAMPAIGN} ({(await last_head(ledger, CAMPAIGN)).size})"
            assert await looked() == ("HEAD_BROKEN", [("HEAD_BROKEN", place)])
        assert len(caplog.records) == 4
        assert "PRIVATE" not in caplog.text


async def test_a_new_key_goes_on_by_itself_and_the_old_one_does_not(tmp_path, opened, streams):
    """As by hand."""
    old = create_key(tmp_path / "old", "audit.example")
    async with opened() as ledger:
        await grown(ledger, streams, 0, 5)
        await small(ledger, old)
        new = await change_key(ledger, old, tmp_path / "new")
        await grown(ledger, streams, 5, 10)
        for key in (old, THIEF):
            with pytest.raises(NoteError, match="KEY_OUT_OF_TERM"):
                await small(ledger, key)
        assert str(new.public.key_id.hex()) not in (await small(ledger, new)).note
        assert len((await make_head(ledger, CAMPAIGN, new, "engine", NOW)).heads) == 2


@pytest.mark.parametrize("by_hand", [False, True], ids=["new alone", "everything"])
async def test_no_head_of_a_key_is_kept_after_the_statement_that_replaced_it(
    tmp_path, opened, streams, monkeypatch, by_hand
):
    """The key changes between the signature and the ledger: the statement could not name that head."""
    old, where = create_key(tmp_path / "old", "audit.example"), heads if by_hand else next_head
    async with opened() as ledger:
        await grown(ledger, streams, 0, 5)
        await small(ledger, old)
        await grown(ledger, streams, 5, 10)
        keep, changes = where.keep_head, []

        async def late(*given, **more):
            if not changes:
                changes.append(await change_key(ledger, old, tmp_path / "new"))
            return await keep(*given, **more)

        monkeypatch.setattr(where, "keep_head", late)
        with pytest.raises(NoteError, match="KEY_OUT_OF_TERM"):
            await (make_head(ledger, CAMPAIGN, old, "engine", NOW) if by_hand else small(ledger, old))
        assert len(changes) == len(await read_heads(ledger, CAMPAIGN)) == 1
        headed = await make_head(ledger, CAMPAIGN, changes[0], "engine", NOW)
        assert [head.size for head in headed.heads] == [head.size for head in await read_heads(ledger, CAMPAIGN)]


async def test_no_statement_is_kept_that_misses_a_head_of_its_key(tmp_path, opened, streams, monkeypatch):
    """A head is kept between the statement and the ledger: the change is told, and made again it names that head."""
    old = create_key(tmp_path / "old", "audit.example")
    async with opened() as ledger:
        await grown(ledger, streams, 0, 5)
        await small(ledger, old)
        await grown(ledger, streams, 5, 10)
        keep, kept = heads.keep_key, []

        async def late(*given, **more):
            if not kept:
                kept.append(await small(ledger, old))
            return await keep(*given, **more)

        monkeypatch.setattr(heads, "keep_key", late)
        with pytest.raises(HeadError, match="HEAD_RACED"):
            await change_key(ledger, old, tmp_path / "new")
        assert [key.public for key in await read_keys(ledger)] == [str(old.public)]
        new = await change_key(ledger, old, tmp_path / "new")
        assert (await make_head(ledger, CAMPAIGN, new, "engine", NOW)).head.note == kept[0].note
        assert (await small(ledger, new)).note == kept[0].note


OWN = f"WHERE stream='{CAMPAIGN}' AND version="
UNREADABLE = {
    "no first event": f"DELETE FROM events {OWN}1",
    "a first event that is no JSON": f"UPDATE events SET body='x' {OWN}1",
    "a first event without data": f"UPDATE events SET body='{{}}' {OWN}1",
    "a first event in bytes": f"UPDATE events SET body=CAST(body AS BLOB) {OWN}1",
    "a last event in bytes": f"UPDATE events SET body=CAST(body AS BLOB) {OWN}(SELECT max(version) FROM events "
    f"WHERE stream='{CAMPAIGN}')",
    "a version that is a word": f"UPDATE events SET version='abc' {OWN}(SELECT max(version) FROM events "
    f"WHERE stream='{CAMPAIGN}')",
}


@pytest.mark.parametrize("like", ["first", "later"])
@pytest.mark.parametrize("name", UNREADABLE)
async def test_rows_that_cannot_be_read_are_written_down_and_no_failure(opened, streams, monkeypatch, name, like):
    """No program of ours wrote them: the look answers, `head_troubles` has a row and no head is kept."""
    async with opened("ten" if like == "later" else "empty") as ledger:
        if like == "first":
            await grown(ledger, streams, 0, 10)
        before = len(await read_heads(ledger, CAMPAIGN))
        await changed(ledger, UNREADABLE[name])
        monkeypatch.setattr(keeping, "load_key", lambda _file: KEY)
        told = await HeadKeeper(ledger, Path("any"), clock=lambda: LATER).look(ASKED)
        assert (told.problem, told.reason) == ("LEDGER_BROKEN", None)
        [trouble] = await read_troubles(ledger)
        assert (trouble.campaign, trouble.code, trouble.place) == (CAMPAIGN, "LEDGER_BROKEN", told.place)
        assert len(await read_heads(ledger, CAMPAIGN)) == before


async def test_a_head_whose_note_is_none_is_said_and_put_nowhere(tmp_path, opened, streams):
    """Nothing is new, so nothing is signed; the place outside gets no file that is no head."""
    (tmp_path / "share").mkdir()
    async with opened() as ledger:
        await grown(ledger, streams, 0, 10)
        file = create_file(tmp_path)
        assert (await HeadKeeper(ledger, file, clock=lambda: LATER).look(ASKED)).reason == "day"
        await changed(ledger, "UPDATE heads SET note='x'")
        told = await HeadKeeper(ledger, file, [DirectoryAnchor(tmp_path / "share")], clock=lambda: LATER).look(ASKED)
        assert (told.problem, told.outside, told.place) == (None, "HEAD_BROKEN", "directory")
        assert [(one.code, one.place) for one in await read_troubles(ledger)] == [("HEAD_BROKEN", "directory")]
        assert list((tmp_path / "share").iterdir()) == []


# -- outside ------------------------------------------------------------------------------------------------------


async def test_each_head_lies_in_the_directory_whole_and_is_never_written_over(tmp_path, opened, streams, monkeypatch):
    """A directory that is away is said, and filled when it is back; another text under a head's name stays."""
    outside, file = tmp_path / "share", create_file(tmp_path)
    async with opened() as ledger:
        keeper = HeadKeeper(ledger, file, [DirectoryAnchor(outside)], clock=lambda: LATER)
        await grown(ledger, streams, 0, 4)
        told = await keeper.look(ASKED)
        assert (told.reason, told.problem, told.outside, told.place) == (
            "day",
            None,
            "HEADS_DIR_UNWRITABLE",
            "directory",
        )
        await grown(ledger, streams, 4, 7)
        assert (await keeper.look(ASKED)).outside == "HEADS_DIR_UNWRITABLE"
        assert [one.code for one in await read_troubles(ledger)] == ["HEADS_DIR_UNWRITABLE"]
        outside.mkdir()
        assert (await keeper.look(ASKED)).outside is None
        assert await read_troubles(ledger) == []
        made = await read_heads(ledger, CAMPAIGN)
        assert {path.name: path.read_text() for path in outside.iterdir()} == {
            file_name(head.note): head.note for head in made
        }
        assert file_name(made[0].note) == f"audit.example_campaign_qingshan_2026-{made[0].size:012d}.note"
        assert [(one.size, one.by) for one in await read_anchored(ledger, CAMPAIGN)] == [(h.size, h.size) for h in made]
        first = outside / file_name(made[0].note)
        first.unlink()
        assert (await keeper.look(ASKED)).outside is None
        assert not first.exists()  # it was put there once

        await grown(ledger, streams, 7, 10)
        size = sum(map(len, streams.values()))
        taken = outside / f"audit.example_campaign_qingshan_2026-{size:012d}.note"
        taken.write_text("another")
        assert (await keeper.look(ASKED)).outside == "HEADS_FILE_DIFFERS"
        assert taken.read_text() == "another"
        assert not [path for path in outside.iterdir() if path.name.startswith(".")]
        newest = await last_head(ledger, CAMPAIGN)
        assert await DirectoryAnchor(outside).put(replace(newest, note=made[1].note)) is None  # the same again

        def no_links(*_given):
            raise PermissionError

        monkeypatch.setattr(os, "link", no_links)  # as on many network shares
        assert await DirectoryAnchor(outside).put(newest) == "HEADS_FILE_DIFFERS"
        taken.unlink()
        assert await DirectoryAnchor(outside).put(newest) is None
        assert taken.read_text() == newest.note
        assert not [path for path in outside.iterdir() if path.name.startswith(".")]


async def test_the_newest_head_is_mailed_to_the_superior_bureau_until_the_server_takes_it(tmp_path, opened, streams):
    """Over a real SMTP conversation: the body is the note, once; what nobody knows of goes again as it was."""
    moods = [Mood.GREYLIST, Mood.HANG_UP_STORED]
    async with opened() as ledger, Sink(lambda _to, before: [*moods, Mood.ACCEPT][min(before, 2)]) as sink:
        environ = {
            "DIVERSION_AUDIT_KEY": str(create_file(tmp_path)),
            "DIVERSION_HEADS_MAIL_TO": "records@superior.example",
            "DIVERSION_SMTP_URL": sink.url,
            "DIVERSION_SMTP_FROM": "bureau@county.example",
        }
        keeper = keeper_of(Settings.from_environment(environ, data=tmp_path), ledger)
        await grown(ledger, streams, 0, 4)
        assert (await keeper.look(HeadsRequest(campaign=CAMPAIGN, at=NOW))).outside == "SMTP_451"
        assert (await keeper.look(HeadsRequest(campaign=CAMPAIGN, at=NOW))).outside == "SMTP_NO_ANSWER"
        first, newest = await last_head(ledger, CAMPAIGN), None
        assert (await keeper.look(HeadsRequest(campaign=CAMPAIGN, at=NOW))).outside is None
        assert (await keeper.look(HeadsRequest(campaign=CAMPAIGN, at=NOW))).outside is None
        stored, sent = sink.mails
        assert stored.message_id == sent.message_id
        assert (sent.recipient, sent.text.replace("\r\n", "\n")) == ("records@superior.example", first.note)
        assert CAMPAIGN in sent.subject
        for tenth in (4, 7):
            await grown(ledger, streams, tenth, tenth + 3)
            newest = await next_head.next_head(ledger, CAMPAIGN, heads_key(tmp_path), NOW)
        await keeper.look(HeadsRequest(campaign=CAMPAIGN, at=NOW))
        assert [mail.text.replace("\r\n", "\n") for mail in sink.mails[2:]] == [newest.note]
        put = [(one.place, one.by) for one in await read_anchored(ledger, CAMPAIGN)]
        assert put == [("mail", first.size), ("mail", newest.size), ("mail", newest.size)]
    async with opened() as ledger:
        book = Book(streams)
        await ledger.append(
            [book.write(CAMPAIGN, campaign.CampaignClosed(reason="YEAR_OVER"), "2026-07-01 08:00")], [], {}
        )
        told = await keeper_of(Settings.from_environment(environ, data=tmp_path), ledger).look(
            HeadsRequest(campaign=CAMPAIGN, at=NOW)
        )
        assert (told.outside, told.place) == ("SMTP_UNREACHABLE", "mail")


def heads_key(folder):
    """The key in its file."""
    return heads.load_key(folder / "key")
