"""Summaries on the command line: handed in, compared beside the real registry, looked at and reviewed (R-19)."""

import asyncio
import sys
from pathlib import Path

import pytest
from cli_machine_rooms import CLASSES, desk
from sqlalchemy import create_engine, select

from activities.summaries import SummaryActivities
from protocol import CompareRequest
from registry.database import load_pepper
from registry.references import References
from registry.store import Registry
from registry.summaries import summaries

sys.path.append(str(Path(__file__).parents[1] / "domain"))
from stream_samples import CAMPAIGN, GRADE, HEAD, OFFICER, OTHER_SCHOOL, PRINCIPAL, SCHOOL, Stream, when
from test_school import START

from domain.stream import Message

COPIED = "".join(chr(0x4E00 + number) for number in range(107))
OWN = "".join(chr(0x7000 + number) for number in range(40))
BEFORE = "campaign/qingshan/2025"


@pytest.fixture
def stream():
    """A school of this release."""
    found = Stream("school", {**START, "year": 2026, "release": 3}, when("2025-10-20 08:00"))
    found.give("cohort", {"classes": CLASSES})
    return found


@pytest.fixture
async def office(monkeypatch, capsys, tmp_path, stream):
    """The school's desk; another school's summary of the year before is in the registry."""
    found = await desk(monkeypatch, capsys, tmp_path, stream)
    registry = await opened(tmp_path)
    kept = await registry.summaries.keep(
        BEFORE, OTHER_SCHOOL, "year", COPIED, References.seeded(1), command_id="c-before"
    )
    place = {"campaign": BEFORE, "school": OTHER_SCHOOL, "about": "year"}
    await registry.summaries.compare(kept.ref, kept.digest, 8, **place)
    await registry.close()
    return found


async def opened(folder):
    """Open the desk's registry."""
    return await Registry.open(f"sqlite+aiosqlite:///{folder / 'registry.db'}", load_pepper(folder / "pepper"))


def work(office, stream):
    """Do the job that the stream asks for, as the worker does."""
    job = stream.machine.job()

    async def compare():
        registry = await opened(office.folder)
        found = await SummaryActivities(registry).compare(CompareRequest.model_validate(job.arguments))
        await registry.close()
        return found

    data = asyncio.run(compare())
    stream.machine.receive(Message(id=job.message_id, kind=job.name, data=data, at=stream.now))
    stream.machine.tick(stream.now, [job.message_id])
    stream.flush()


def hand_in(office, text, *options, by=PRINCIPAL):
    """Hand a text in as the summary of the year."""
    path = office.folder / "summary.txt"
    path.write_text(text, encoding="gb18030")
    return office("summary", "submit", "@", "year", path, "--by", by.id, *options)


def test_a_copied_summary_is_flagged_shown_and_returned_and_the_rewriting_is_filed(office, stream):
    """The whole course: every shingle stands in the other school's text; the bureau sees which, and returns it."""
    told = hand_in(office, f"{COPIED}\n")
    assert told.code == 0, told
    assert told.json["summary"].startswith("sum_")
    work(office, stream)
    (line,) = office("summary", "list", CAMPAIGN).json["summaries"]
    assert (line["status"], line["severity"], line["matches"][0]["share"]) == ("REVIEW", "HIGH", "100/100")
    assert (line["matches"][0]["campaign"], line["matches"][0]["school"]) == (BEFORE, OTHER_SCHOOL)
    shown = office("summary", "show", "@", "year", "--by", OFFICER.id).json
    assert shown["matches"][0]["passages"] == [COPIED]
    assert (stream.last("SummaryRead")["actor"]["id"], stream.names()[-1]) == (OFFICER.id, "SummaryRead")
    review = ("summary", "review", "@", "year")
    assert office(*review, "returned", "--by", OFFICER.id).json["refused"]["code"] == "REASON_REQUIRED"
    assert office(*review, "returned", "--reason", "COPIED", "--by", OFFICER.id).code == 0
    assert hand_in(office, OWN * 3).code == 0
    work(office, stream)
    (line,) = office("summary", "list", "@").json["summaries"]
    assert (line["status"], line["revision"], line["matches"]) == ("FILED", 2, [])


def test_the_passages_are_the_bureaus_to_see(office, stream):
    """They are another school's words, and may name people: a school does not read them."""
    assert hand_in(office, COPIED, by=GRADE).code == 0
    told = office("summary", "show", "@", "year", "--by", PRINCIPAL.id)
    assert (told.code, told.json["refused"]["code"]) == (5, "ROLE_NOT_ALLOWED")
    assert office("summary", "show", "@", "retention", "--by", OFFICER.id).code == 4
    assert office("summary", "show", "@", "year", "--by", "stf_nobody").code == 4


def test_refusals_come_with_their_codes(office):
    """A class head hands nothing in; a word processor's file is refused before anything is kept."""
    assert hand_in(office, COPIED, by=HEAD).json["refused"]["code"] == "ROLE_NOT_ALLOWED"
    path = office.folder / "summary.docx"
    path.write_bytes(b"PK\x03\x04")
    told = office("summary", "submit", "@", "year", path, "--by", PRINCIPAL.id)
    assert (told.code, told.json["error"]["code"]) == (3, "SUMMARY_FILE_INVALID")
    told = office("summary", "review", "@", "year", "accepted", "--reason", "OK_SO", "--by", OFFICER.id)
    assert told.code == 4


def kept_texts(folder):
    """Return how many texts this school has in the registry."""
    engine = create_engine(f"sqlite:///{folder / 'registry.db'}")
    with engine.connect() as connection:
        found = connection.execute(select(summaries.c.school)).scalars().all()
    engine.dispose()
    return found.count(SCHOOL)


def test_what_no_stream_took_is_not_kept(office, stream):
    """Too early, by a class head, or a second time: no text stays behind; and none goes that was taken."""
    path = office.folder / "summary.txt"
    path.write_text(OWN * 3, encoding="utf-8")
    told = office("summary", "submit", "@", "identification", path, "--by", PRINCIPAL.id)
    assert told.json["refused"]["code"] == "SUMMARY_STAGE_NOT_COMPLETED"
    assert hand_in(office, COPIED, by=HEAD).json["refused"]["code"] == "ROLE_NOT_ALLOWED"
    assert kept_texts(office.folder) == 0
    assert hand_in(office, COPIED, "--command-id", "hand-in-1").code == 0
    assert hand_in(office, OWN * 3).json["refused"]["code"] == "SUMMARY_EXISTS"
    assert hand_in(office, COPIED, "--command-id", "hand-in-1", by=GRADE).json["refused"]["code"] == "COMMAND_ID_REUSED"
    assert kept_texts(office.folder) == 1
    work(office, stream)
    assert stream.state.summaries["year"].status == "REVIEW"


def test_the_same_command_again_changes_nothing(office, stream):
    """A retry gets the same answer, and another text under the same id is refused."""
    first = hand_in(office, COPIED, "--command-id", "hand-in-1")
    again = hand_in(office, COPIED, "--command-id", "hand-in-1")
    assert first.json == again.json
    other = hand_in(office, OWN * 3, "--command-id", "hand-in-1")
    assert other.json["refused"]["code"] == "COMMAND_ID_REUSED"
    assert stream.names().count("SummarySubmitted") == 1


def test_a_person_reads_the_list_and_the_passages(office, stream):
    """In words, with the exact share; nothing is a bare code."""
    hand_in(office, COPIED + OWN)
    work(office, stream)
    told = office.readable("summary", "list", CAMPAIGN).out
    assert "100/140" in told
    assert "待复核" in told
    assert "REVIEW" not in told
    shown = office.readable("summary", "show", "@", "year", "--by", OFFICER.id).out
    assert COPIED[:50] in shown
    assert SCHOOL in shown
