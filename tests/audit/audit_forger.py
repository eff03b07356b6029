"""Somebody who tampers with a ledger's file: ways that the ledger's own tables give away, each with its place."""

import json
import sqlite3

from domain.deciders import decider_of
from domain.events import canonical_text, recomputed_hash
from domain.notices import NoticePlan, copy_for
from domain.stream import fold

SCHOOL = "campaign/qingshan/2025/9900010001"
STAGE = f"{SCHOOL}/identification"
OTHER = "campaign/qingshan/2025/9900010002/identification"
COLUMNS = ("type", "student", "occurred_at", "recorded_at", "prev_hash", "hash", "body")


class Forger:
    """Somebody with write access to the ledger's file."""

    def __init__(self, path):
        self.path = path
        self.sql = sqlite3.connect(path)

    def envelope(self, stream, version):
        """One event."""
        row = self.sql.execute("SELECT body FROM events WHERE stream=? AND version=?", (stream, version)).fetchone()
        return json.loads(row[0])

    def head(self, stream):
        """The last version."""
        return self.sql.execute("SELECT max(version) FROM events WHERE stream=?", (stream,)).fetchone()[0]

    def write(self, stream, version, envelope):
        """Put an event's text with all its columns into a row that is there."""
        values = (
            envelope["type"], envelope["data"].get("student"), envelope["occurred_at"], envelope["recorded_at"],
            envelope["prev_hash"], envelope["hash"], canonical_text(envelope),
        )  # fmt: skip
        columns = ", ".join(f"{name}=?" for name in COLUMNS)
        self.sql.execute(f"UPDATE events SET {columns} WHERE stream=? AND version=?", (*values, stream, version))

    def insert(self, stream, version, envelope):
        """Put an event into a row of its own."""
        self.sql.execute(
            "INSERT INTO events (stream, version, campaign, type, occurred_at, recorded_at, prev_hash, hash, body) "
            "VALUES (?, ?, 'campaign/qingshan/2025', '', '', '', '', ?, '{}')",
            (stream, version, envelope["hash"]),
        )
        self.write(stream, version, envelope)

    def rehash(self, stream, first):
        """Close the chain again from a version on, and let the board follow."""
        before = self.envelope(stream, first - 1)["hash"]
        for version in range(first, self.head(stream) + 1):
            envelope = self.envelope(stream, version)
            envelope["prev_hash"] = before
            before = envelope["hash"] = recomputed_hash(envelope)
            self.write(stream, version, envelope)
        self.rebuild_board(stream)

    def rebuild_board(self, stream):
        """Make the board what the events now say."""
        head = self.head(stream)
        envelopes = [self.envelope(stream, version) for version in range(1, head + 1)]
        decider = decider_of(stream)
        view = json.dumps(decider.view(fold(decider, envelopes)))
        self.sql.execute(
            "UPDATE boards SET version=?, hash=?, body=? WHERE stream=?", (head, envelopes[-1]["hash"], view, stream)
        )

    def find(self, stream, type_):
        """The version of a stream's first event of a type."""
        row = self.sql.execute("SELECT min(version) FROM events WHERE stream=? AND type=?", (stream, type_)).fetchone()
        return row[0]

    def close(self):
        """Write it down."""
        self.sql.commit()
        self.sql.close()


def flip_a_field(forger):
    """A count in a frozen cohort, the hash left alone."""
    version = forger.find(STAGE, "CohortFrozen")
    envelope = forger.envelope(STAGE, version)
    envelope["data"]["with_help"] += 1
    body = canonical_text(envelope)
    forger.sql.execute("UPDATE events SET body=? WHERE stream=? AND version=?", (body, STAGE, version))
    return ("ledger", STAGE, version, "hash")


def flip_a_field_and_rehash_the_event(forger):
    """The same with its own hash made right: the next event does not join."""
    version = forger.find(STAGE, "CohortFrozen")
    envelope = forger.envelope(STAGE, version)
    envelope["data"]["with_help"] += 1
    envelope["hash"] = recomputed_hash(envelope)
    forger.write(STAGE, version, envelope)
    return ("ledger", STAGE, version + 1, "prev_hash")


def write_it_in_another_form(forger):
    """The same JSON value with a space in it: the text is not canonical."""
    forger.sql.execute("UPDATE events SET body = body || ' ' WHERE stream=? AND version=3", (STAGE,))
    return ("ledger", STAGE, 3, "body")


def no_json_at_all(forger):
    """A text that cannot be read."""
    forger.sql.execute("UPDATE events SET body='gone' WHERE stream=? AND version=3", (STAGE,))
    return ("ledger", STAGE, 3, "body")


def drop_an_event(forger):
    """One from the middle."""
    forger.sql.execute("DELETE FROM events WHERE stream=? AND version=5", (STAGE,))
    return ("ledger", STAGE, 5, "version")


def drop_the_first_event(forger):
    """The draft itself."""
    forger.sql.execute("DELETE FROM events WHERE stream='campaign/qingshan/2025' AND version=1")
    return ("ledger", "campaign/qingshan/2025", 1, "version")


def insert_an_event(forger):
    """A copy of an earlier event at the end, with a hash of its own."""
    last = forger.head(STAGE)
    envelope = {**forger.envelope(STAGE, 3), "version": last + 1}
    envelope["hash"] = recomputed_hash(envelope)
    forger.insert(STAGE, last + 1, envelope)
    return ("ledger", STAGE, last + 1, "prev_hash")


def swap_two_events(forger):
    """Two events change their rows."""
    one, two = forger.envelope(STAGE, 4), forger.envelope(STAGE, 5)
    forger.sql.execute("UPDATE events SET hash='free' WHERE stream=? AND version=4", (STAGE,))
    forger.write(STAGE, 5, one)
    forger.write(STAGE, 4, two)
    return ("ledger", STAGE, 4, "version")


def hide_a_pupil(forger):
    """The column that reads go by no longer says whom the event is about."""
    version = forger.find(STAGE, "HelpConfirmed")
    forger.sql.execute("UPDATE events SET student=NULL WHERE stream=? AND version=?", (STAGE, version))
    return ("ledger", STAGE, version, "student")


def move_an_event_to_another_campaign(forger):
    """The column that counts go by."""
    forger.sql.execute("UPDATE events SET campaign='campaign/elsewhere/2025' WHERE stream=? AND version=2", (STAGE,))
    return ("ledger", STAGE, 2, "campaign")


def wipe_out_a_stream(forger):
    """A whole stage with its board and notices: what others noted of it has lost its cause."""
    for table in ("events", "boards", "outbox"):
        forger.sql.execute(f"DELETE FROM {table} WHERE stream=?", (STAGE,))
    return ("causation", SCHOOL, forger.find(SCHOOL, "StageChangeNoted"), "causation")


def point_to_another_cause(forger):
    """A school's note blames an event that tells nobody anything."""
    version = forger.find(SCHOOL, "StageChangeNoted")
    envelope = {**forger.envelope(SCHOOL, version), "causation": f"{STAGE}#1"}
    forger.write(SCHOOL, version, envelope)
    forger.rehash(SCHOOL, version)
    return ("causation", SCHOOL, version, "causation.target")


def edit_the_board(forger):
    """A stage that looks better than it was."""
    forger.sql.execute("UPDATE boards SET body=json_set(body, '$.on_time', json('true')) WHERE stream=?", (STAGE,))
    return ("board", STAGE, forger.head(STAGE), "on_time")


def rewind_the_board(forger):
    """The board's version."""
    forger.sql.execute("UPDATE boards SET version=version-1 WHERE stream=?", (STAGE,))
    return ("board", STAGE, forger.head(STAGE), "version")


def delete_the_board(forger):
    """A stream that no list shows."""
    forger.sql.execute("DELETE FROM boards WHERE stream=?", (STAGE,))
    return ("board", STAGE, forger.head(STAGE), "missing")


def invent_a_board(forger):
    """A stage that has no event."""
    forger.sql.execute("INSERT INTO boards SELECT stream || '9', campaign, version, hash, body FROM boards LIMIT 1")
    return ("board", "campaign/qingshan/20259", None, "unexpected")


def delete_a_notice(forger):
    """A reminder that was never planned."""
    stream, cause = forger.sql.execute("SELECT stream, cause FROM outbox LIMIT 1").fetchone()
    forger.sql.execute("DELETE FROM outbox WHERE cause=?", (cause,))
    return ("outbox", stream, int(cause.rpartition("#")[2]), "missing")


def invent_a_notice(forger):
    """A notice that no event asks for."""
    forger.sql.execute(
        "INSERT INTO outbox (notice_id, campaign, stream, cause, purpose, recipient, optional, state, planned_at) "
        "SELECT 'ntc_0', campaign, stream, cause, purpose, recipient, optional, state, planned_at FROM outbox LIMIT 1"
    )
    stream = forger.sql.execute("SELECT stream FROM outbox WHERE notice_id='ntc_0'").fetchone()[0]
    return ("outbox", stream, None, "unexpected")


def share_a_notice(forger, **changes):
    """No forgery: a second guardian's notice as the sender makes one, beside the one that an event planned."""
    row = forger.sql.execute(f"SELECT {', '.join(NoticePlan.model_fields)} FROM outbox LIMIT 1").fetchone()
    plan = NoticePlan(**dict(zip(NoticePlan.model_fields, row, strict=True)))
    values = {**copy_for(plan, "gdn_second", plan.purpose).model_dump(), "copy_of": plan.notice_id}
    values |= {"state": "planned", "person": "gdn_second", **changes}
    forger.sql.execute(
        f"INSERT INTO outbox ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", tuple(values.values())
    )
    return ("outbox", plan.stream, None, "unexpected")


def share_it_with_another(forger):
    """A copy that is kept for somebody else than its id was made for."""
    return share_a_notice(forger, person="gdn_third")


def share_what_nobody_planned(forger):
    """A copy of a notice that does not exist."""
    return share_a_notice(forger, copy_of="ntc_0")


def share_it_with_another_household(forger):
    """A copy for another pupil's family."""
    return share_a_notice(forger, recipient="stu_another1")


def send_a_notice_elsewhere(forger):
    """Another recipient."""
    notice, stream, cause = forger.sql.execute("SELECT notice_id, stream, cause FROM outbox LIMIT 1").fetchone()
    forger.sql.execute("UPDATE outbox SET recipient='class_head@0' WHERE notice_id=?", (notice,))
    return ("outbox", stream, int(cause.rpartition("#")[2]), f"{notice}.recipient")


def forget_a_hold(forger):
    """A pause that held nothing."""
    forger.sql.execute("DELETE FROM holds")
    return ("holds", "campaign/qingshan/2025", None, "missing")


def keep_a_hold(forger):
    """A pause that was never ended."""
    cause = forger.sql.execute("SELECT cause FROM holds").fetchone()[0]
    forger.sql.execute("UPDATE holds SET released_by=NULL, released_at=NULL")
    return ("holds", "campaign/qingshan/2025", int(cause.rpartition("#")[2]), "released_at")


def note_a_conflict(forger):
    """A stream that met another event."""
    forger.sql.execute("INSERT INTO conflicts VALUES (?, 7, 'a', 'b')", (STAGE,))
    return ("conflict", STAGE, 7, "hash")


LEDGER_ALONE = (
    flip_a_field,
    flip_a_field_and_rehash_the_event,
    write_it_in_another_form,
    no_json_at_all,
    drop_an_event,
    drop_the_first_event,
    insert_an_event,
    swap_two_events,
    hide_a_pupil,
    move_an_event_to_another_campaign,
    wipe_out_a_stream,
    point_to_another_cause,
    edit_the_board,
    rewind_the_board,
    delete_the_board,
    invent_a_board,
    delete_a_notice,
    invent_a_notice,
    share_it_with_another,
    share_what_nobody_planned,
    share_it_with_another_household,
    send_a_notice_elsewhere,
    forget_a_hold,
    keep_a_hold,
    note_a_conflict,
)
