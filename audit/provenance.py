"""Who made what of which: a campaign's events as W3C PROV-JSON (PROV-DM, W3C Recommendation; PROV-JSON, Submission).

| PROV | here |
|---|---|
| entity | an event; the stream that it stands in, a collection; the policy that a decision was made under, a plan |
| activity | what wrote events: a command, the taking in of news, or the passing of a due instant |
| agent | who acted: a person by reference, or the software itself |
| wasGeneratedBy | the event came of the activity, at its recorded time |
| wasAssociatedWith | the agent did it, in a role, under the policy |
| actedOnBehalfOf | a stand-in did it for somebody else |
| wasInformedBy | it answered to an event of another stream |

An activity has the id of the first event that it wrote, since a command id is unique within its stream only. An event
whose cause lies outside what is exported (a dispatcher of notices is no stream) names it as an attribute alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from domain.canonical import canonical
from domain.events import Envelope, event_id

NAMESPACE: Final = "urn:diversion:"
PREFIXES: Final = ("activity", "agent", "event", "policy", "relation", "stream", "term")
"""Each kind of name has a namespace of its own: an activity and the event that names it are two things."""

SOFTWARE: Final = ("system", "gateway")
NOBODY_NAMED: Final = "anonymous"

Document = dict[str, Any]


def provenance(envelopes: Iterable[Envelope]) -> Document:
    """Return a PROV-JSON document about events, each stream's in the order of its versions."""
    return _Writer().read(list(envelopes))


def provenance_bytes(envelopes: Iterable[Envelope]) -> bytes:
    """Return the document as canonical JSON (RFC 8785), with a line feed at its end."""
    return canonical(provenance(envelopes)) + b"\n"


class _Writer:
    """Collects the parts of one document."""

    def __init__(self) -> None:
        self._document: Document = {"prefix": {name: f"{NAMESPACE}{name}:" for name in PREFIXES}}
        self._activity_of: dict[str, str] = {}
        self._relations = 0

    def read(self, envelopes: list[Envelope]) -> Document:
        running: dict[str, tuple[tuple[Any, ...], str]] = {}
        for envelope in envelopes:
            stream, own = envelope["stream"], _own(envelope)
            key, activity = running.get(stream, ((), ""))
            if _key(envelope) != key:
                activity = f"activity:{own}"
                running[stream] = (_key(envelope), activity)
                self._begin(activity, envelope)
            self._document["activity"][activity]["prov:endTime"] = envelope["recorded_at"]
            self._activity_of[own] = activity
            self._event(activity, envelope)
        for envelope in envelopes:
            self._cause(envelope)
        return self._document

    def _begin(self, activity: str, envelope: Envelope) -> None:
        """Write what an activity is, who did it in which role and under which policy, and for whom."""
        actor, policy = envelope["actor"], envelope["policy"]
        agent, plan = f"agent:{actor['id']}", f"policy:{policy['id']}/{policy['version']}"
        told = {"prov:startTime": envelope["recorded_at"], "term:command": envelope["command_id"]}
        self._add("activity", activity, {name: value for name, value in told.items() if value is not None})
        self._agent(actor["id"])
        self._add("entity", plan, {"prov:type": _name("prov:Plan"), "term:parameterHash": policy["parameter_hash"]})
        self._relate(
            "wasAssociatedWith",
            {
                "prov:activity": activity,
                "prov:agent": agent,
                "prov:plan": plan,
                "prov:role": actor["role"],
                "term:organisation": actor["organisation"],
                "term:authenticatedBy": actor["authenticated_by"],
            },
        )
        principal = actor["on_behalf_of"]
        if principal is not None:
            self._agent(principal)
            self._relate(
                "actedOnBehalfOf",
                {"prov:delegate": agent, "prov:responsible": f"agent:{principal}", "prov:activity": activity},
            )

    def _event(self, activity: str, envelope: Envelope) -> None:
        own, stream = f"event:{_own(envelope)}", f"stream:{envelope['stream']}"
        told = {
            "prov:type": _name(f"term:{envelope['type']}"),
            "term:occurredAt": {"$": envelope["occurred_at"], "type": "xsd:dateTime"},
            "term:hash": envelope["hash"],
            "term:causation": envelope["causation"],
        }
        self._add("entity", own, {name: value for name, value in told.items() if value is not None})
        self._add("entity", stream, {"prov:type": _name("prov:Collection")})
        self._relate("hadMember", {"prov:collection": stream, "prov:entity": own})
        self._relate(
            "wasGeneratedBy", {"prov:entity": own, "prov:activity": activity, "prov:time": envelope["recorded_at"]}
        )

    def _cause(self, envelope: Envelope) -> None:
        """Write once for each activity whose event it answered to."""
        informed, informant = self._activity_of[_own(envelope)], self._activity_of.get(str(envelope["causation"]))
        if informant is not None and informed == f"activity:{_own(envelope)}":
            self._relate("wasInformedBy", {"prov:informed": informed, "prov:informant": informant})

    def _agent(self, reference: str) -> None:
        kinds = dict.fromkeys(SOFTWARE, "prov:SoftwareAgent")
        kind = kinds.get(reference, "prov:Agent" if reference == NOBODY_NAMED else "prov:Person")
        self._add("agent", f"agent:{reference}", {"prov:type": _name(kind)})

    def _add(self, part: str, name: str, told: dict[str, Any]) -> None:
        self._document.setdefault(part, {}).setdefault(name, told)

    def _relate(self, relation: str, told: dict[str, str]) -> None:
        """Add a relation under a number of its own: relations need names, and these have none."""
        self._relations += 1
        self._document.setdefault(relation, {})[f"relation:{self._relations}"] = told


def _key(envelope: Envelope) -> tuple[Any, ...]:
    """Return what the events of one activity have in common."""
    actor, policy = envelope["actor"], envelope["policy"]
    people = (actor["id"], actor["role"], actor["organisation"], actor["on_behalf_of"], actor["authenticated_by"])
    return (
        envelope["command_id"],
        envelope["causation"],
        envelope["recorded_at"],
        people,
        policy["id"],
        policy["version"],
    )


def _own(envelope: Envelope) -> str:
    return event_id(envelope["stream"], envelope["version"])


def _name(qualified: str) -> dict[str, str]:
    """Return a qualified name as PROV-JSON writes one in the place of a value."""
    return {"$": qualified, "type": "prov:QUALIFIED_NAME"}
