"""Families under test: they sign as the gateway signs for them; and a stage of application filing on its clock."""

from __future__ import annotations

import hashlib
import itertools
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from stream_samples import CAMPAIGN, DIGEST, HEAD, RULE, SCHOOL, Stream, person, policy, stage_start, when

from domain.actors import GATEWAY, Role
from domain.application_filing import ApplicationFilingDecider
from domain.events import Envelope
from domain.family_act import FamilyAct, Party, act_bytes
from domain.filing_overview import Overview
from domain.time import stamp

RECEIVING = "9900020001"
OTHER_RECEIVING = "9900020002"
UNLISTED = "9900020009"
NOTICE = "notice-1"

COOLED = timedelta(days=9)
"""So long after a signature the cooling-off has passed and the consent is confirmed."""

REGISTER = person("register", Role.REGISTER_OFFICER, "bureau")
SECOND_REGISTER = person("second", Role.REGISTER_OFFICER, "bureau")
RECEIVER = person("receiver", Role.RECEIVING_SCHOOL, RECEIVING)
OTHER_RECEIVER = person("rival", Role.RECEIVING_SCHOOL, OTHER_RECEIVING)


class Families:
    """The families of a school, with the key that the gateway signs with; the same seed gives the same key."""

    def __init__(self, seed: bytes = b"\x01" * 32) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        raw = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public_key = raw.hex()
        self.key_id = hashlib.sha256(raw).hexdigest()[:16]
        self._numbers = itertools.count(1)

    @property
    def gateway(self) -> dict[str, str]:
        """The key as the campaign's first event names it."""
        return {"key_id": self.key_id, "public_key": self.public_key}

    def act(self, student: str, party: str, act: str, at: datetime, **changes: Any) -> dict[str, Any]:
        """Return a signed act as it travels; `signature` may be given to forge one."""
        guardian = student.replace("stu_", "gdn_")
        signature = changes.pop("signature", None)
        fields: dict[str, Any] = {
            "act_id": f"act_{next(self._numbers):010d}",
            "act": act,
            "campaign": CAMPAIGN,
            "school": SCHOOL,
            "student": student,
            "party": Party(party),
            "person": student if party == "pupil" else guardian,
            "document": NOTICE,
            "intent": None,
            "destination": None,
            "at": at,
            "key_id": self.key_id,
            **changes,
        }
        fields["signature"] = signature or self._key.sign(act_bytes(fields)).hex()
        return FamilyAct.model_validate(fields).model_dump(mode="json")


class Filing(Stream):
    """A stage of application filing whose families act for themselves."""

    def __init__(self, families: Families | None = None, now: str = "2026-05-01 08:00", **changes: Any) -> None:
        self.families = families or Families()
        content = {
            "release": 3,
            "year": 2026,
            "snapshot": "snp_000001",
            "snapshot_digest": DIGEST,
            "rule": RULE,
            "qualified_schools": [RECEIVING, OTHER_RECEIVING],
            "gateway": self.families.gateway,
            **changes.pop("content", {}),
        }
        start = stage_start(
            "application-filing", **{"opens": "2026-05-11", "due": "2026-11-20", "content": content, **changes}
        )
        super().__init__("application-filing", start, when(now), decider=ApplicationFilingDecider())

    def flush(self) -> list[Envelope]:
        """Move the queue to the ledger; what the overview has kept is what the cases say."""
        anew = self.state.model_copy()
        vars(anew).pop("_overview", None)
        assert told(self.state.overview) == told(anew.overview)
        return super().flush()

    def act(self, student: str, party: str, act: str, **changes: Any) -> dict[str, Any]:
        """Return a signed act of this moment."""
        return self.families.act(student, party, act, changes.pop("at", self.now), **changes)

    def deliver(self, *acts: dict[str, Any]) -> Any:
        """Hand acts on, as the gateway does."""
        return self.submit(self.command("deliver_family_acts", GATEWAY, acts=list(acts)))

    def does(self, student: str, party: str, act: str, **changes: Any) -> None:
        """Let a family do something that is taken."""
        answer = self.deliver(self.act(student, party, act, **changes))
        assert answer.accepted, answer.refused

    def refused(self, student: str, party: str, act: str, **changes: Any) -> str:
        """Let a family do something that is not taken; return the code, which stands in the record too."""
        answer = self.deliver(self.act(student, party, act, **changes))
        assert not answer.accepted
        kept = self.ledger[-1]
        assert (kept["type"], kept["data"]["code"]) == ("CommandRefused", answer.refused["code"])
        return answer.refused["code"]

    def rows(self, kind: str, who: Any, *rows: dict[str, Any], **fields: Any) -> None:
        """Record a list that goes through."""
        self.do(kind, who, rows=list(rows), **fields)

    def bad_rows(self, kind: str, who: Any, *rows: dict[str, Any]) -> list[str]:
        """Return the codes of the rows of a list that is refused whole."""
        return self.bad_rows_of(kind, who, rows=list(rows))

    def bad_rows_of(self, kind: str, who: Any, **fields: Any) -> list[str]:
        """Return the codes of the rows of a command that is refused whole."""
        refusal = self.refusal(kind, who, **fields)
        assert refusal.code == "ROWS_REFUSED", refusal.as_data()
        return [row["code"] for row in refusal.parameters["rows"]]

    # -- a pupil's way --------------------------------------------------------------------------------------------

    def informed(self, *students: str) -> Filing:
        """Let families get the notice, want a vocational school and acknowledge."""
        self.do("offer_notice", HEAD, document=NOTICE, students=list(students))
        for student in students:
            self.does(student, "pupil", "intent", intent="VOCATIONAL")
            self.does(student, "guardian", "acknowledge")
        return self

    def signed(self, *students: str, school: str = RECEIVING, **ticked: Any) -> Filing:
        """Let pupils and guardians sign, a day after the guardian has acknowledged the notice."""
        self.informed(*students)
        if self.state.has_protocol:
            self.to(self.now + timedelta(hours=self.state.policy.parameters.signature_wait_hours))
        for student in students:
            for party in ("pupil", "guardian"):
                self.does(student, party, "sign", destination=school, **ticked)
        return self

    def confirmed(self, *students: str) -> Filing:
        """Let the cooling-off pass; a stream of release 2 has none."""
        self.signed(*students)
        return self.to(self.now + COOLED) if self.state.has_protocol else self

    def applied(self, *students: str) -> Filing:
        """Record applications."""
        self.confirmed(*students)
        rows = [{"student": s, "school": RECEIVING, "reference": f"APP-{s[-6:]}"} for s in students]
        self.rows("record_applications", HEAD, *rows)
        return self

    def admitted(self, *students: str) -> Filing:
        """Record admissions, in July."""
        self.applied(*students).to("2026-07-20 10:00")
        self.rows("record_admissions", RECEIVER, *({"student": s, **ADMITTED} for s in students))
        return self

    def reported(self, *students: str) -> Filing:
        """Record reporting, on 1 September."""
        self.admitted(*students).to("2026-09-01 18:00")
        rows = [{"student": s, "school": RECEIVING, "on": "2026-09-01"} for s in students]
        self.rows("record_reporting", RECEIVER, *rows)
        return self

    def registered(self, *students: str) -> Filing:
        """Record registrations, in October."""
        self.reported(*students).to("2026-10-12 10:00")
        self.rows("record_registrations", REGISTER, *(registration(s) for s in students))
        return self

    def case(self, student: str) -> Any:
        """Return a pupil's case."""
        return self.state.cases[student]

    def owed(self) -> dict[str, int]:
        """Return what blocks completing, with counts."""
        return {blocker.code: blocker.count for blocker in self.decider.blockers(self.state)}


def told(overview: Overview) -> dict[str, Any]:
    """Return all that an overview tells."""
    sums = {name: +getattr(overview, name) for name in ("steps", "owed", "served")}
    days = {name: getattr(overview, name) for name in ("expected", "confirmed", "calls")}
    first = {name: day.first and (day.first, day.waiting(day.first, 1_600)) for name, day in days.items()}
    users = {device: sorted(students) for device, students in overview.users.items() if students}
    return {"lines": list(overview.lines.items()), "suspended": overview.suspended, "users": users, **sums, **first}


ADMITTED = {"school": RECEIVING, "result": "admitted"}


def registration(student: str, on: str = "2026-10-10", **changes: Any) -> dict[str, Any]:
    """Return a row of the vocational register."""
    return {"student": student, "school": RECEIVING, "register_ref": f"REG-{student[-6:]}", "on": on, **changes}


def prompt(**changes: Any) -> Filing:
    """Return an open stage in which a family need not wait between reading and signing."""
    return filing(policy=policy(signature_wait_hours=0).model_dump(mode="json"), **changes)


def filing(**changes: Any) -> Filing:
    """Return an open stage, on its first day."""
    stage = Filing(**changes)
    stage.to("2026-05-11 09:00")
    return stage


def contact(student: str, at: str, outcome: str = "no_answer", how: str = "call") -> dict[str, Any]:
    """Return a row about a contact."""
    return {"student": student, "contact": how, "outcome": outcome, "at": stamp(when(at))}
