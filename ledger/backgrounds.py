"""The events behind notices: those that planned them, and those that say what holds by now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select, text

from ledger.among import in_named
from ledger.silences import campaign_of
from ledger.tables import events

_ON_SQLITE: Final = text(
    "SELECT events.stream, events.version, events.body FROM json_each(:named) AS named CROSS JOIN events "
    "WHERE events.stream = json_extract(named.value, '$[0]') AND events.version = json_extract(named.value, '$[1]')"
)
_ON_POSTGRESQL: Final = text(
    "SELECT events.stream, events.version, events.body FROM json_array_elements(CAST(:named AS json)) AS named "
    "JOIN events ON events.stream = named.value ->> 0 AND events.version = CAST(named.value ->> 1 AS integer)"
)
_OF_TYPES: Final = select(events.c.stream, events.c.version, events.c.body).where(
    events.c.campaign == bindparam("of_campaign"),
    in_named(events.c.type, "kinds"),
    in_named(events.c.stream, "streams"),
)


def backgrounds(
    connection: Connection, versions: Mapping[str, Sequence[int]], kinds: Sequence[str]
) -> dict[str, list[str]]:
    """Return the canonical texts of some events and of all of some types, by stream and in its order.

    Args:
        connection: for reading.
        versions: by stream, of the events that are named.
        kinds: types of the others.
    """
    named = json.dumps([(stream, version) for stream, own in versions.items() for version in own])
    query = _ON_POSTGRESQL if connection.dialect.name == "postgresql" else _ON_SQLITE
    bodies = {(stream, version): body for stream, version, body in connection.execute(query, {"named": named})}
    campaigns: dict[str, list[str]] = {}
    for stream in versions:
        campaigns.setdefault(campaign_of(stream), []).append(stream)
    for campaign, streams in campaigns.items() if kinds else ():
        asked = {"of_campaign": campaign, "kinds": list(kinds), "streams": streams}
        for stream, version, body in connection.execute(_OF_TYPES, asked):
            bodies[stream, version] = body
    found: dict[str, list[str]] = {stream: [] for stream in versions}
    for (stream, _), body in sorted(bodies.items()):
        found[stream].append(body)
    return found
