"""A campaign's events as CloudEvents 1.0 in the JSON event format, one a line (CNCF CloudEvents 1.0.2).

Nothing of an event is lost: what CloudEvents has no attribute for stands in extension attributes, so that whoever has
the lines can put each envelope together again and hash it. Where the CloudEvents project describes an extension
(`recordedtime`, `sequence`, `causationid`), its name is used in its meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from domain.canonical import canonical
from domain.events import Envelope, event_id

SPEC_VERSION: Final = "1.0"
TYPE_PREFIX: Final = "diversion."
SEQUENCE_DIGITS: Final = 10
"""A sequence is compared as text: a stream has fewer than ten thousand million events."""


def cloud_event(envelope: Envelope) -> dict[str, Any]:
    """Return an event as a CloudEvent.

    Returns:
        `id` is the event's id; `source` the campaign and `subject` the stream, which together name where it stands;
        `type` the event's type with the number of its schema; `time` when it happened, `recordedtime` when it was
        recorded. An attribute without a value is left out, as the format wants it.
    """
    stream, actor, policy = envelope["stream"], envelope["actor"], envelope["policy"]
    attributes = {
        "specversion": SPEC_VERSION,
        "id": event_id(stream, envelope["version"]),
        "source": "/".join(stream.split("/")[:3]),
        "type": f"{TYPE_PREFIX}{envelope['type']}.v{envelope['schema']}",
        "subject": stream,
        "time": envelope["occurred_at"],
        "datacontenttype": "application/json",
        "recordedtime": envelope["recorded_at"],
        "sequence": f"{envelope['version']:0{SEQUENCE_DIGITS}d}",
        "causationid": envelope["causation"],
        "commandid": envelope["command_id"],
        "actorid": actor["id"],
        "actorrole": actor["role"],
        "actororganisation": actor["organisation"],
        "actoronbehalfof": actor["on_behalf_of"],
        "authenticatedby": actor["authenticated_by"],
        "policyid": policy["id"],
        "policyversion": policy["version"],
        "policyhash": policy["parameter_hash"],
        "prevhash": envelope["prev_hash"],
        "hash": envelope["hash"],
    }
    return {name: value for name, value in attributes.items() if value is not None} | {"data": envelope["data"]}


def cloud_event_lines(envelopes: Iterable[Envelope]) -> Iterator[bytes]:
    """Yield one line of canonical JSON (RFC 8785) for each event, in the order given."""
    for envelope in envelopes:
        yield canonical(cloud_event(envelope)) + b"\n"
