"""A ledger in memory, as the questions of an auditor read one."""

from __future__ import annotations


class MemoryLedger:
    """Streams of envelopes by their ids; `cut` is where the board stands of a stream that goes on."""

    def __init__(self, streams, **cut):
        self.by_id = {stream: list(events) for stream, events in streams.items() if events}
        self.cut = cut

    async def streams(self, campaign):
        """Return the ids of the one campaign, sorted."""
        assert all(stream == campaign or stream.startswith(f"{campaign}/") for stream in self.by_id)
        return sorted(self.by_id)

    async def ends(self, campaign):
        """Return where every stream ends, or is cut."""
        return {stream: line["version"] for stream, line in (await self.board(campaign)).items()}

    async def board(self, campaign):
        """Return where every stream stands."""
        lines = {stream: {"version": self.by_id[stream][-1]["version"]} for stream in await self.streams(campaign)}
        return {stream: line | {"version": self.cut.get(stream, line["version"])} for stream, line in lines.items()}

    async def events(self, stream, after=0):
        """Yield what a stream has written."""
        for envelope in self.by_id.get(stream, [])[after:]:
            yield envelope


def of_county(county):
    """Return the streams of a county under test."""
    return {stream: one.ledger for stream, one in county.streams.items()}
