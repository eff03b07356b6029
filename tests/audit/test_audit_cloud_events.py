"""Events as CloudEvents 1.0: as the specification wants them, and nothing of an event lost."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from audit_log_tools import sealed
from audit_memory import MemoryLedger, of_county
from audit_small_log import FILING, good
from jsonschema import Draft202012Validator

from audit.cloud_events import cloud_event, cloud_event_lines
from audit.exports import Format, events_of, write_export
from domain.events import canonical_text, recomputed_hash

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `stream_samples`, also when run alone
from stream_samples import CAMPAIGN, SCHOOL, running_county

TEXT = {"type": "string", "minLength": 1}
SCHEMA = {
    "$comment": "written after CloudEvents 1.0.2, sections 3.1 to 3.4, and its JSON format, sections 2 and 3",
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "propertyNames": {"pattern": "^[a-z0-9]{1,20}$"},
    "properties": {
        "specversion": {"const": "1.0"},
        "id": TEXT,
        "source": {**TEXT, "pattern": r"^[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+$"},
        "type": TEXT,
        "subject": TEXT,
        "datacontenttype": {"type": "string", "pattern": "^[a-z]+/[a-z+.-]+$"},
        "time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
        "data": True,
    },
    "additionalProperties": {
        "anyOf": [TEXT, {"type": "boolean"}, {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}]
    },
}


@pytest.fixture(scope="module")
def events():
    """Every kind of event that the small log has, and a county's with causes."""
    found = [envelope for stream in sealed(good()).values() for envelope in stream]
    return found + [envelope for stream in of_county(running_county()).values() for envelope in stream]


def test_every_event_is_as_the_specification_says(events):
    """Names of attributes, their types, the required ones; and the schema itself refuses what is none."""
    validator = Draft202012Validator(SCHEMA)
    for line in cloud_event_lines(events):
        validator.validate(json.loads(line))
    assert not validator.is_valid(cloud_event(events[0]) | {"causationid": None})
    assert not validator.is_valid(cloud_event(events[0]) | {"actor_id": "x"})


def test_an_envelope_can_be_put_together_again_and_keeps_its_hash(events):
    """Nothing is lost on the way, so whoever has the lines can verify every hash."""
    assert len({envelope["type"] for envelope in events}) > 60
    for envelope, line in zip(events, cloud_event_lines(events), strict=True):
        told = json.loads(line)
        type_, _, schema = told["type"].removeprefix("diversion.").rpartition(".v")
        again = {
            "stream": told["subject"],
            "version": int(told["sequence"]),
            "type": type_,
            "schema": int(schema),
            "occurred_at": told["time"],
            "recorded_at": told["recordedtime"],
            "actor": {
                "id": told["actorid"],
                "role": told["actorrole"],
                "organisation": told["actororganisation"],
                "on_behalf_of": told.get("actoronbehalfof"),
                "authenticated_by": told["authenticatedby"],
            },
            "command_id": told.get("commandid"),
            "causation": told.get("causationid"),
            "policy": {
                "id": told["policyid"],
                "version": told["policyversion"],
                "parameter_hash": told["policyhash"],
            },
            "data": told["data"],
            "prev_hash": told["prevhash"],
            "hash": told["hash"],
        }
        assert canonical_text(again) == canonical_text(envelope)
        assert recomputed_hash(again) == told["hash"]


def test_an_event_says_where_it_stands_and_what_caused_it():
    """Id, source, subject, cause; a value that is not there has no attribute."""
    event = next(one for one in of_county(running_county())[CAMPAIGN] if one["causation"])
    told = cloud_event(event)
    assert told["id"] == f"{CAMPAIGN}#{event['version']}"
    assert (told["source"], told["subject"]) == (CAMPAIGN, CAMPAIGN)
    below = cloud_event(good()[FILING][0])
    assert (below["source"], below["subject"]) == (CAMPAIGN, FILING)
    assert told["causationid"] == event["causation"]
    assert "actoronbehalfof" not in told
    assert told["type"] == f"diversion.{event['type']}.v1"


async def test_a_campaign_is_written_in_order_causes_first(tmp_path):
    """By recorded time; an effect of the same instant stands behind its cause, and `sequence` counts in its stream."""
    ledger = MemoryLedger(of_county(running_county(2)))
    found = await events_of(ledger, CAMPAIGN)
    written = write_export(tmp_path / "events", found, Format.CLOUDEVENTS, "en")
    lines = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert (written.events, written.size) == (len(lines), (tmp_path / "events").stat().st_size)
    assert [line["recordedtime"] for line in lines] == sorted(line["recordedtime"] for line in lines)
    places = {line["id"]: number for number, line in enumerate(lines)}
    caused = [line for line in lines if line.get("causationid") in places]
    assert caused
    assert all(places[line["causationid"]] < places[line["id"]] for line in caused)


async def test_the_same_ledger_gives_the_same_file(tmp_path):
    """Whatever the format, byte for byte, and whatever the order in which the ledger names its streams."""
    streams = good()
    turned = dict(reversed(streams.items()))
    for form in Format:
        digests = [
            write_export(tmp_path / f"{form}{number}", await events_of(MemoryLedger(one), CAMPAIGN), form, "zh").digest
            for number, one in enumerate((streams, turned))
        ]
        assert digests[0] == digests[1]
        assert (tmp_path / f"{form}0").read_bytes() == (tmp_path / f"{form}1").read_bytes()


async def test_a_live_stream_is_cut_where_the_board_stood():
    """What is written while it is read is left for the next time; one school is that school's streams."""
    streams = good()
    cut = MemoryLedger(streams, **{FILING: 3})
    found = await events_of(cut, CAMPAIGN)
    assert max(one["version"] for one in found if one["stream"] == FILING) == 3
    assert len(found) == sum(map(len, streams.values())) - len(streams[FILING]) + 3
    assert {one["stream"].split("/")[3] for one in await events_of(cut, CAMPAIGN, SCHOOL)} == {SCHOOL}


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    """An event that has no canonical form leaves nothing behind, and a good file can be read by its maker alone."""
    bad = good()[FILING]
    bad[-1]["data"]["forged"] = float("nan")
    with pytest.raises(ValueError, match=r"JSON compliant|nan"):
        write_export(tmp_path / "events", bad, Format.CLOUDEVENTS, "en")
    assert list(tmp_path.iterdir()) == []
    write_export(tmp_path / "events", bad[:-1], Format.CLOUDEVENTS, "en")
    assert [path.name for path in tmp_path.iterdir()] == ["events"]
    assert (tmp_path / "events").stat().st_mode & 0o077 == 0
