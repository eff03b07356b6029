"""The registry's summaries: what counts as earlier, what is compared with what, and which files are taken (R-19)."""

from __future__ import annotations

import asyncio
import re

import pytest
from registry_samples import CAMPAIGN, SCHOOL
from sqlalchemy import create_engine, text, update

from activities.summaries import SummaryActivities
from domain.refusal import Refusal
from domain.summaries_events import SUMMARY, Comparison
from protocol import CompareRequest
from registry.problems import InputRejected
from registry.store import Registry
from registry.summaries import SummaryChangedError, read_summary, summaries

OTHER = "9900010002"
COUNTY = CAMPAIGN.split("/")[1]
BEFORE = f"campaign/{COUNTY}/2020"
ELSEWHERE = "campaign/elsewhere/2020"
LENGTH = 8
PLACE = {"campaign": CAMPAIGN, "school": SCHOOL, "about": "year"}


def sole(count: int, first: int = 0) -> str:
    """Return a text of so many different characters: so many less seven shingles."""
    return "".join(chr(0x4E00 + first + number) for number in range(count))


@pytest.fixture
async def registry(tmp_path):
    """An open registry that knows nobody."""
    found = await Registry.open(f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}", b"p" * 32)
    yield found
    await found.close()


@pytest.fixture
def desk(registry, references):
    """Return what keeps a text, and has it compared as its stream does."""
    numbers = iter(range(1, 100))

    async def keep(words, school=SCHOOL, campaign=CAMPAIGN, about="year", compare=True):
        kept = await registry.summaries.keep(
            campaign, school, about, words, references, command_id=f"c-{next(numbers)}"
        )
        place = {"campaign": campaign, "school": school, "about": about}
        found = await registry.summaries.compare(kept.ref, kept.digest, LENGTH, **place) if compare else None
        return kept, found

    return keep


async def test_a_text_is_compared_with_the_countys_earlier_years_and_no_other_county(desk):
    """60 of 100 shingles stand in a text of another school six years ago; the same text of another county is unseen."""
    await desk(sole(107), OTHER, ELSEWHERE)
    earlier, _ = await desk(sole(67) + sole(200, 0x2000), OTHER, BEFORE)
    _, found = await desk(sole(107))
    assert (found["shingles"], found["compared"]) == (100, 1)
    place = {"campaign": BEFORE, "school": OTHER, "about": "year"}
    assert found["matches"] == [{"summary": earlier.ref, **place, "shared": 60}]
    Comparison.model_validate(found)


async def test_one_shingle_less_is_one_less(desk):
    """The count is exact just below the line too."""
    await desk(sole(66) + sole(200, 0x2000), OTHER)
    _, found = await desk(sole(107))
    assert found["matches"][0]["shared"] == 59


async def test_the_best_of_others_and_the_best_of_the_own_are_told_apart_the_earliest_of_equals(desk):
    """A school's own text does not hide that another's was copied; of two the same, the first was there first."""
    first, _ = await desk(sole(80), OTHER, BEFORE)
    await desk(sole(80), "9900010003", BEFORE)
    own, _ = await desk(sole(107), SCHOOL, BEFORE)
    _, found = await desk(sole(107))
    assert [(match["summary"], match["shared"]) for match in found["matches"]] == [(first.ref, 73), (own.ref, 100)]
    assert found["compared"] == 3


async def test_a_rewriting_is_not_compared_with_what_was_returned(desk):
    """The same summary's earlier version says nothing; that of another topic of the school does."""
    await desk(sole(107))
    stage, _ = await desk(sole(60), about="retention")
    _, found = await desk(sole(107))
    assert [match["summary"] for match in found["matches"]] == [stage.ref]


async def test_what_no_stream_has_taken_is_compared_with_nobody(desk):
    """A refused try leaves a text that would accuse the next one: it has no number, and is not looked at."""
    await desk(sole(107), OTHER, compare=False)
    _, found = await desk(sole(107))
    assert (found["compared"], found["matches"]) == (0, [])


async def test_the_comparison_again_gives_the_same_whatever_came_since(desk, registry):
    """An activity may run twice: its place among the others was given once."""
    kept, found = await desk(sole(107))
    await desk(sole(107), OTHER)
    assert await registry.summaries.compare(kept.ref, kept.digest, LENGTH, **PLACE) == found


@pytest.mark.parametrize("other", [{"campaign": BEFORE}, {"school": OTHER}, {"about": "retention"}])
async def test_a_text_of_another_place_is_not_compared_in_its_stead(desk, registry, other):
    """A forged command names another school's reference and digest: no comparison, and the text gets no number."""
    kept, _ = await desk(sole(107), compare=False)
    with pytest.raises(SummaryChangedError):
        await registry.summaries.compare(kept.ref, kept.digest, LENGTH, **{**PLACE, **other})
    _, found = await desk(sole(107), "9900010003")
    assert found["compared"] == 0


async def test_only_a_text_that_was_never_compared_is_discarded(desk, registry):
    """What a stream has taken stays for the years to come."""
    taken, _ = await desk(sole(107))
    refused, _ = await desk(sole(107), OTHER, compare=False)
    for kept in (taken, refused):
        await registry.summaries.discard(kept.ref)
    assert await registry.summaries.text(taken.ref) == sole(107)
    assert await registry.summaries.text(refused.ref) is None


def _compared(registry, kept, school):
    return registry.summaries.compare(kept.ref, kept.digest, LENGTH, **{**PLACE, "school": school})


async def test_of_two_at_once_one_is_the_earlier(registry, references):
    """Two schools hand in the same text at the same time: exactly one is told of the other."""
    kept = [
        await registry.summaries.keep(CAMPAIGN, school, "year", sole(107), references, command_id=f"c-{school}")
        for school in (SCHOOL, OTHER)
    ]
    found = await asyncio.gather(
        *(_compared(registry, one, school) for one, school in zip(kept, (SCHOOL, OTHER), strict=True))
    )
    assert sorted(one["compared"] for one in found) == [0, 1]


async def test_the_same_command_keeps_one_text_and_no_other(registry, references):
    """A retry finds its text; another text under the same id is refused."""
    again = [
        await registry.summaries.keep(CAMPAIGN, SCHOOL, "year", sole(107), references, command_id="c-1")
        for _ in range(2)
    ]
    assert again[0].ref == again[1].ref
    assert [one.new for one in again] == [True, False]
    with pytest.raises(Refusal, match="COMMAND_ID_REUSED"):
        await registry.summaries.keep(CAMPAIGN, SCHOOL, "year", sole(108), references, command_id="c-1")


async def test_a_text_that_was_changed_since_is_not_compared(desk, registry, tmp_path):
    """The digest of the record binds the text: whoever touches the registry is noticed, and nothing is told of it."""
    kept, _ = await desk(sole(107), compare=False)
    engine = create_engine(f"sqlite:///{tmp_path / 'registry.db'}")
    with engine.begin() as connection:
        connection.execute(update(summaries).values(text=sole(107, 9)))
    engine.dispose()
    request = CompareRequest(**PLACE, summary=kept.ref, digest=kept.digest, shingle=LENGTH)
    with pytest.raises(Exception, match="not the one handed in") as raised:
        await SummaryActivities(registry).compare(request)
    assert raised.value.type == "SummaryMismatch"


async def test_a_registry_of_the_release_before_gets_the_table(registry, tmp_path):
    """Opening it is enough; nothing of what it holds changes."""
    engine = create_engine(f"sqlite:///{tmp_path / 'registry.db'}")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE summaries"))
    engine.dispose()
    again = await Registry.open(f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}", b"p" * 32)
    assert await again.summaries.text("sum_aaaaaa") is None
    await again.close()


def test_a_reference_has_its_form(references):
    """What the registry draws, the command takes."""
    assert re.fullmatch(SUMMARY, references.summary())


# -- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_text_in_any_usual_encoding_is_read(tmp_path, encoding):
    """What a school's editor writes."""
    path = tmp_path / "summary.txt"
    path.write_bytes(sole(120).encode(encoding))
    assert read_summary(path) == sole(120)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "SUMMARY_FILE_MISSING"),
        (b"PK\x03\x04 a document of a word processor", "SUMMARY_FILE_INVALID"),
        (b"\xd0\xcf\x11\xe0 an old one", "SUMMARY_FILE_INVALID"),
        (b"%PDF-1.7", "SUMMARY_FILE_INVALID"),
        (b"\0" * 500, "SUMMARY_FILE_INVALID"),
        (b"a" * (2 * 1024 * 1024 + 1), "SUMMARY_FILE_INVALID"),
        (sole(99).encode(), "SUMMARY_TOO_SHORT"),
        ((sole(99) + "。 \n" * 50).encode(), "SUMMARY_TOO_SHORT"),
        (b"", "SUMMARY_TOO_SHORT"),
    ],
)
def test_what_is_no_summary_is_refused(tmp_path, content, code):
    """Each with its code; the message has no word of the content."""
    path = tmp_path / "summary.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputRejected) as rejected:
        read_summary(path)
    assert rejected.value.code == code
