"""A summary through the engine: the stream asks for the comparison, the worker does it, twice in one life (R-19)."""

from __future__ import annotations

from workflows_house import OFFICER, PRINCIPAL, SCHOOL, Campaign, act, eventually

from registry.references import References

OTHER = "9900010002"
COPIED = "".join(chr(0x4E00 + number) for number in range(107))
OWN = "".join(chr(0x7000 + number) for number in range(150))


async def test_a_copy_is_flagged_and_its_rewriting_is_filed(campaign: Campaign) -> None:
    """Each version is a job of its own; the exact numbers are in the record, and no text is in any event."""
    house, stream = campaign.house, campaign.stream("school")
    summaries = house.registry.summaries
    earlier = await summaries.keep(campaign.id, OTHER, "year", COPIED, References(), command_id="earlier")
    await summaries.compare(earlier.ref, earlier.digest, 8, campaign=campaign.id, school=OTHER, about="year")
    lost = {"summary": "sum_lost01", "digest": "0" * 64, "characters": 150}
    await house.client.submit(stream, act("submit_summary", "version-0", PRINCIPAL, about="year", **lost))
    given_up = {"about": "year", "summary": "sum_lost01", "outcome": "RETURNED", "reason": "TEXT_LOST"}
    await house.client.submit(stream, act("review_summary", "given-up", OFFICER, **given_up))
    refs = []
    for number, text in enumerate((COPIED, OWN), 1):
        kept = await summaries.keep(campaign.id, SCHOOL, "year", text, References(), command_id=f"version-{number}")
        refs.append(kept.ref)
        said = {"summary": kept.ref, "digest": kept.digest, "characters": kept.characters}
        await house.client.submit(stream, act("submit_summary", f"version-{number}", PRINCIPAL, about="year", **said))

        async def compared(count: int = number) -> bool:
            return [event["type"] for event in await house.events(stream)].count("SummaryCompared") == count

        await eventually(compared)
        if number == 1:
            decided = {"about": "year", "summary": kept.ref, "outcome": "RETURNED", "reason": "COPIED"}
            await house.client.submit(stream, act("review_summary", "review", OFFICER, **decided))
    events = await house.events(stream)
    (flag,) = [event["data"] for event in events if event["type"] == "SummarySimilarityFlagged"]
    assert (flag["severity"], flag["other"], flag["shared"], flag["shingles"]) == ("HIGH", earlier.ref, 100, 100)
    state = (await house.state(stream))["state"]
    assert state["summaries"]["year"]["status"] == "FILED"
    assert state["summaries"]["year"]["summary"] == refs[-1]
    assert COPIED[:8] not in str(events)
