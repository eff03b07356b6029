"""A campaign's events for other people's programs: CloudEvents, W3C PROV, CSV, XES, OCEL 2.0 (FEATURES A14, A19).

The same ledger gives the same file, byte for byte: events stand in the order of their recording, causes first, and no
clock, host or version of a program is written. A live campaign is cut where its streams stood at one moment, so that no
event is there without its cause. Personal data are none of an event's; references of pupils are, so the file is made
readable for its maker alone.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from audit.cloud_events import cloud_event_lines
from audit.ocel import ocel_pieces
from audit.provenance import provenance_bytes
from audit.tables_csv import csv_lines
from audit.timeline import in_order
from audit.xes import Case, xes_pieces
from domain.events import Envelope
from ledger.store import Ledger


class Format(StrEnum):
    """What an export is written as."""

    CLOUDEVENTS = "cloudevents"
    PROV = "prov"
    CSV = "csv"
    XES = "xes"
    OCEL = "ocel"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        events, streams: how many.
        size: bytes.
        digest: lower-case hex SHA-256 of the file.
    """

    events: int
    streams: int
    size: int
    digest: str


async def events_of(ledger: Ledger, campaign: str, school: str | None = None) -> list[Envelope]:
    """Return a campaign's events as they are at one moment, in the order of recording, causes first.

    Which streams there are, and how far they go, is what the events themselves say: a line of the board that somebody
    removed takes nothing out of an export.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        school: only this school's streams.
    """
    found: list[Envelope] = []
    for stream, last in (await ledger.ends(campaign)).items():
        if school is not None and stream.split("/")[3:4] != [school]:
            continue
        async for envelope in ledger.events(stream):
            if envelope["version"] > last:
                break
            found.append(envelope)
    return in_order(found)


def exported(envelopes: list[Envelope], form: Format, lang: str, case: Case = Case.STREAM) -> Iterable[bytes]:
    """Return the pieces of a file about events.

    Args:
        envelopes: the events in order.
        form: what the file is.
        lang: language of what people read: the header and the sentences of a CSV.
        case: what a trace of XES is about; the other forms have none.
    """
    match form:
        case Format.CLOUDEVENTS:
            return cloud_event_lines(envelopes)
        case Format.PROV:
            return (provenance_bytes(envelopes),)
        case Format.CSV:
            return csv_lines(envelopes, lang)
        case Format.XES:
            campaign = "/".join(envelopes[0]["stream"].split("/")[:3]) if envelopes else ""
            return xes_pieces(envelopes, campaign, case)
        case Format.OCEL:
            return ocel_pieces(envelopes)


def write_export(path: Path, envelopes: list[Envelope], form: Format, lang: str, case: Case = Case.STREAM) -> Exported:
    """Write events into a new file, whole or not at all.

    Raises:
        OSError: the folder does not exist, or cannot be written to.
    """
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        fresh = Path(file.name)
        try:
            for piece in exported(envelopes, form, lang, case):
                file.write(piece)
                digest.update(piece)
                size += len(piece)
            file.close()
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
    streams = len({envelope["stream"] for envelope in envelopes})
    return Exported(len(envelopes), streams, size, digest.hexdigest())
