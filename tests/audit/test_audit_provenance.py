"""Events as W3C PROV: what came of which activity, who did it, for whom, and in answer to what."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from audit_memory import of_county
from audit_small_log import good

from audit.provenance import provenance, provenance_bytes

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `stream_samples`, also when run alone
from stream_samples import CAMPAIGN, HEAD, SCHOOL, running_county

ENDS = {
    "prov:entity": "entity",
    "prov:collection": "entity",
    "prov:plan": "entity",
    "prov:activity": "activity",
    "prov:informed": "activity",
    "prov:informant": "activity",
    "prov:agent": "agent",
    "prov:delegate": "agent",
    "prov:responsible": "agent",
}
"""What a relation's ends are (PROV-DM, table 4)."""

RELATIONS = ("wasGeneratedBy", "wasAssociatedWith", "actedOnBehalfOf", "wasInformedBy", "hadMember")


@pytest.fixture(scope="module")
def events():
    """A county that has just begun: commands, and news between streams."""
    return [envelope for stream in of_county(running_county(2)).values() for envelope in stream]


def by_entity(document):
    """Return the activity and the time of each event's generation."""
    return {row["prov:entity"]: (row["prov:activity"], row["prov:time"]) for row in document["wasGeneratedBy"].values()}


def test_every_event_came_of_one_activity_of_its_actor(events):
    """An entity for each event, at its recorded time; the agent in its role, and the policy as the plan."""
    document = provenance(events)
    generated = by_entity(document)
    assert len(generated) == len(document["wasGeneratedBy"]) == len(events)
    associations = {row["prov:activity"]: row for row in document["wasAssociatedWith"].values()}
    assert len(associations) == len(document["wasAssociatedWith"]) == len(document["activity"])
    for event in events:
        activity, time = generated[f"event:{event['stream']}#{event['version']}"]
        done = associations[activity]
        assert time == event["recorded_at"]
        assert done["prov:agent"] == f"agent:{event['actor']['id']}"
        assert done["prov:role"] == event["actor"]["role"]
        assert done["prov:plan"] == f"policy:{event['policy']['id']}/{event['policy']['version']}"
        assert document["activity"][activity].get("term:command") == event["command_id"]


def test_what_one_command_wrote_came_of_one_activity(events):
    """The approval and the requests that it led to; the same command id in another stream is another activity."""
    generated = by_entity(provenance(events))
    approved = next(event for event in events if event["type"] == "CampaignApproved")
    written = [event for event in events if event["command_id"] == approved["command_id"]]
    assert len(written) > 2
    assert len({generated[f"event:{one['stream']}#{one['version']}"] for one in written}) == 1
    twin = {**approved, "stream": f"{CAMPAIGN}/{SCHOOL}", "version": 900}
    document = provenance([*events, twin])
    assert by_entity(document)[f"event:{CAMPAIGN}/{SCHOOL}#900"][0] == f"activity:{CAMPAIGN}/{SCHOOL}#900"


def test_an_answer_to_another_streams_event_was_informed_by_it(events):
    """Each pair of activities once; what the causes in the record say, no more and no less."""
    document = provenance(events)
    generated = by_entity(document)
    wanted = {
        (generated[f"event:{event['stream']}#{event['version']}"][0], generated[f"event:{event['causation']}"][0])
        for event in events
        if event["causation"]
    }
    told = [(row["prov:informed"], row["prov:informant"]) for row in document["wasInformedBy"].values()]
    assert wanted
    assert sorted(told) == sorted(wanted)
    caused = next(event for event in events if event["causation"])
    list_of_three = [{**caused, "version": 900 + number} for number in range(3)]
    longer = provenance([*events, *list_of_three])["wasInformedBy"]
    assert len(longer) == len(told) + 1


def test_a_cause_that_is_not_exported_is_named_and_no_relation():
    """A dispatcher of notices is no stream: nothing is claimed of an activity that nobody can look up."""
    [event] = [envelope for envelope in good()[CAMPAIGN] if envelope["version"] == 1]
    told = {**event, "causation": f"{CAMPAIGN}/dispatch/email#4"}
    document = provenance([told])
    assert "wasInformedBy" not in document
    assert document["entity"][f"event:{CAMPAIGN}#1"]["term:causation"] == f"{CAMPAIGN}/dispatch/email#4"


def test_a_stand_in_acted_for_somebody(events):
    """Who did it, for whom, and in what; without a delegation there is no such relation."""
    assert "actedOnBehalfOf" not in provenance(events)
    actor = {**events[0]["actor"], "on_behalf_of": HEAD.id}
    document = provenance([{**events[0], "actor": actor}])
    [row] = document["actedOnBehalfOf"].values()
    assert row == {
        "prov:delegate": f"agent:{actor['id']}",
        "prov:responsible": f"agent:{HEAD.id}",
        "prov:activity": f"activity:{CAMPAIGN}#1",
    }
    assert document["agent"][f"agent:{HEAD.id}"] == {"prov:type": {"$": "prov:Person", "type": "prov:QUALIFIED_NAME"}}


def test_people_and_software_are_told_apart(events):
    """The engine is no person, and who complains without a name is only an agent."""
    agents = provenance(events)["agent"]
    assert agents["agent:system"]["prov:type"]["$"] == "prov:SoftwareAgent"
    assert agents["agent:stf_officer"]["prov:type"]["$"] == "prov:Person"
    unnamed = {**events[0], "actor": {**events[0]["actor"], "id": "anonymous"}}
    assert provenance([unnamed])["agent"]["agent:anonymous"]["prov:type"]["$"] == "prov:Agent"


def test_the_document_is_closed(events):
    """Every end of every relation is declared, every prefix too, and the whole is canonical JSON."""
    log = [envelope for stream in good().values() for envelope in stream]
    for envelopes in (events, log):
        document = json.loads(provenance_bytes(envelopes))
        assert provenance_bytes(envelopes) == provenance_bytes(list(envelopes))
        assert {*document} <= {"prefix", "entity", "activity", "agent", *RELATIONS}
        for relation in RELATIONS:
            for row in document.get(relation, {}).values():
                for end in row.keys() & ENDS.keys():
                    assert row[end] in document[ENDS[end]], (relation, row)
        names = [name for part in document if part != "prefix" for name in document[part]]
        assert {name.partition(":")[0] for name in names} <= {*document["prefix"]}
        assert all(re.fullmatch(r"[a-z]+:[A-Za-z0-9_/#.-]+", name) for name in names)
