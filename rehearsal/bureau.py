"""What the simulated bureau does in a year: launch, a pause, a complaint, targets, a new policy, a settlement.

Each paper has a second pair of eyes: who writes it does not approve it. Figures that only the record has (who counts
at the cut-off) are counted when their day has come; everything else is written down before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from domain.actors import ANONYMOUS, Actor, Role
from domain.complaints import case_stream
from domain.policy import PolicyProfile, profile
from domain.settlement import ClassCount
from domain.stage_events import StageSlug
from domain.target_preview import preview
from domain.time import at, stamp
from rehearsal.driver import Planned
from rehearsal.scene import Bureau, SchoolScene, Window, simulated

PAUSE_HOURS: Final = 24
COMPLAINT: Final = "complaint-1"
TRIAL: Final = "legacy"
HARMLESS: Final = "break_glass_hours"
"""The parameter that the new version changes: no date, no count and no yuan of the year depends on it."""

SECOND_APPROVER: Final = 9
"""Number of a stand-in: two people approve a settlement, and a staff list often names one approver."""


@dataclass(frozen=True)
class Pause:
    """The hours in which the whole campaign rests."""

    begins: datetime
    ends: datetime

    def moved(self, planned: Planned) -> Planned:
        """Move what would fall into the pause to the hours after it, in the same order."""
        if not self.begins <= planned.at < self.ends:
            return planned
        return Planned(self.ends + (planned.at - self.begins) / 24, planned.stream, planned.command)


@dataclass(frozen=True)
class Office:
    """The people of the bureau, and what they look at.

    Attributes:
        content: the campaign's draft, as JSON values.
        windows: stage → its window.
        scenes: the schools, in the draft's order.
    """

    content: dict[str, Any]
    windows: dict[str, Window]
    people: Bureau
    approver: Actor
    auditor: Actor
    scenes: Sequence[SchoolScene]


class BureauPlan:
    """Makes the bureau's plan."""

    def __init__(self, office: Office, started_at: datetime) -> None:
        self._office = office
        self._campaign: str = office.content["campaign"]
        self._policy = PolicyProfile.model_validate(office.content["policy"])
        self._started_at = started_at
        self._count = 0
        begins = at(office.windows[StageSlug.PARENT_MEETINGS].opens + timedelta(days=12), time(18, 0))
        self.pause = Pause(begins, begins + timedelta(hours=PAUSE_HOURS))

    def commands(self, *, settles: bool) -> list[Planned]:
        """Return everything that the bureau will do, and what principals answer to it.

        Args:
            settles: with the settlement, for a drive that can count.
        """
        officer = self._office.people.officer
        return [
            *self._launch(),
            self._act(self.pause.begins, officer, "pause", reason="EXAM_WEEK"),
            self._act(self.pause.ends, officer, "resume", reason="EXAM_WEEK_OVER"),
            *map(self.pause.moved, [*self._targets(), *self._new_policy(), *self._complaint()]),
            *(self._settlement() if settles else ()),
        ]

    # -- inside -----------------------------------------------------------------------------------------------

    def _launch(self) -> Iterator[Planned]:
        """The author tries to approve the own draft, in the approver's role too; another person does."""
        author_again = self._office.people.officer.model_copy(update={"role": Role.BUREAU_APPROVER})
        yield self._act(self._started_at + timedelta(hours=1), author_again, "approve")  # refused
        yield self._act(self._started_at + timedelta(days=1), self._office.approver, "approve")

    def _targets(self) -> Iterator[Planned]:
        """In spring the county moves one head from a school to the next, by a paper of its own that is approved.

        The paper is issued with the draft (`[targets]` of the campaign's file). The school that gives a head away
        says that it has read the new one, the school that gets it objects, and both share their numbers out again.
        """
        quotas: dict[str, dict[str, int]] = self._office.content["quotas"]
        was = {school: sum(classes.values()) for school, classes in quotas.items()}
        giver = next((school for school, heads in was.items() if heads), None)
        if giver is None:
            return  # no target, or nothing to move
        taker = next((school for school in was if school != giver), None)
        after = {school: _one_moved(classes, school, giver, taker) for school, classes in quotas.items()}
        now = {school: sum(classes.values()) for school, classes in after.items()}
        document = f"QS-{self._year}-REVISED-2"
        counts = [
            ClassCount(school=school, class_id=class_id, quota=heads, countable=0)
            for school, classes in quotas.items()
            for class_id, heads in classes.items()
        ]
        shown = preview(counts, was, now, after, profile(TRIAL))
        day = self._during_visits(40)
        yield self._act(
            at(day, time(9, 0)),
            self._office.people.officer,
            "revise_targets",
            document=document,
            effective=(day + timedelta(days=14)).isoformat(),
            schools=now,
            total=sum(now.values()),
            preview=shown.digest,
            reason="ENROLMENT_CORRECTED",
        )
        yield self._act(at(day + timedelta(days=2), time(9, 0)), self._office.approver, "approve_targets",
                        document=document)  # fmt: skip
        for scene in self._office.scenes:
            if scene.code not in (giver, taker):
                continue
            answer = "acknowledge_target" if scene.code == giver else "object_to_target"
            reason = {} if scene.code == giver else {"reason": "POOL_TOO_SMALL"}
            named = {"school": scene.code, "document": document}
            answered = at(day + timedelta(days=4), time(10, scene.index % 60))
            yield self._act(answered, scene.principal, answer, **named, **reason)
            yield self._act(answered + timedelta(hours=4), scene.principal, "assign_class_quotas",
                            **named, classes=after[scene.code])  # fmt: skip

    def _new_policy(self) -> Iterator[Planned]:
        """In the middle of the year a second version of the policy comes: announced, approved, adopted on its day."""
        day = max(self._during_visits(55), self._policy.valid_from)
        hours = max(1, getattr(self._policy.parameters, HARMLESS) // 2)
        version = self._policy.version + 1
        yield self._act(
            at(day, time(9, 0)),
            self._office.people.officer,
            "announce_policy",
            version=version,
            document=f"QS-{self._year}-POLICY-{version}",
            effective_from=(day + timedelta(days=7)).isoformat(),
            parameters={HARMLESS: hours},
            reason="DATA_PROTECTION",
        )
        yield self._act(at(day + timedelta(days=1), time(9, 0)), self._office.approver, "approve_policy",
                        version=version)  # fmt: skip

    def _complaint(self) -> Iterator[Planned]:
        """Somebody without a name complains of pressure: a class is not counted until it turns out that nothing was."""
        scene, owner = self._office.scenes[0], self._office.people.discipline
        on = self._office.windows[StageSlug.APPLICATION_FILING].opens + timedelta(days=14)
        about = {"complaint": COMPLAINT, "about": scene.code, "matter": "PRESSURE"}
        yield self._act(at(on, time(20, 0)), ANONYMOUS, "complain", **about)
        case = case_stream(self._campaign, COMPLAINT)

        def act(days: int, hour: int, kind: str, **fields: Any) -> Planned:
            return self._act(at(on + timedelta(days=days), time(hour, 0)), owner, kind, stream=case, **fields)

        yield act(1, 9, "acknowledge_case")
        yield act(1, 14, "open_investigation")
        yield act(2, 9, "place_hold", scope="class", school=scene.code, class_id=min(scene.classes),
                  reason="UNDER_INVESTIGATION")  # fmt: skip
        yield act(9, 15, "release_hold", hold=f"{COMPLAINT}-h1", reason="FAMILIES_HEARD")
        yield act(10, 15, "dismiss_violation", reason="NO_SIGN_FOUND")

    def _settlement(self) -> Iterator[Planned]:
        """The year's result: computed from the record, audited, approved by two, published; and nothing is paid."""
        office, officer = self._office, self._office.people.officer
        cutoff = date.fromisoformat(f"{self._year}-{self._policy.parameters.counting_cutoff}")
        counted_at, day = at(cutoff + timedelta(days=1), time(0, 0)), cutoff + timedelta(days=8)
        name, trial = f"year-{self._year}", f"trial-{TRIAL}"
        for number, (run, policy) in enumerate(((name, self._policy.id), (trial, TRIAL))):
            computed = self._act(at(day, time(9 + number, 0)), officer, "compute_settlement", run=run, profile=policy,
                                 as_at=stamp(counted_at))  # fmt: skip
            yield Planned(computed.at, computed.stream, computed.command, counted_at)
        version: dict[str, Any] = {"run": name, "version": 1}
        second = simulated(Role.BUREAU_APPROVER, "bureau", SECOND_APPROVER)
        yield self._act(at(day + timedelta(days=2), time(9, 0)), office.auditor, "review_settlement", **version)
        yield self._act(at(day + timedelta(days=3), time(9, 0)), office.approver, "approve_settlement", **version)
        yield self._act(at(day + timedelta(days=3), time(15, 0)), second, "approve_settlement", **version)
        published = at(day + timedelta(days=4), time(9, 0))
        yield self._act(published, officer, "publish_settlement", run=name)
        funding = f"QS-{self._year}-FUNDS-1"
        yield self._act(published + timedelta(hours=1), officer, "declare_funding", source="FISCAL", document=funding,
                        pool_yuan=100_000)  # fmt: skip
        yield self._act(published + timedelta(hours=2), officer, "order_payment", run=name, payment="payment-1",
                        funding=funding)  # fmt: skip  # refused: the policy pays nothing

    # -- small ------------------------------------------------------------------------------------------------

    @property
    def _year(self) -> int:
        return int(self._office.content["year"])

    def _during_visits(self, percent: int) -> date:
        return self._office.scenes[0].during(StageSlug.SCHOOL_VISITS, percent)

    def _act(self, when: datetime, actor: Actor, kind: str, *, stream: str = "", **fields: Any) -> Planned:
        self._count += 1
        command = {
            "kind": kind,
            "command_id": f"rehearsal-bureau-{self._count:04d}",
            "actor": actor.model_dump(mode="json"),
            **fields,
        }
        return Planned(when, stream or self._campaign, command)


def _one_moved(classes: dict[str, int], school: str, giver: str, taker: str | None) -> dict[str, int]:
    """Return a school's classes after one head has gone from its first class that has some, or come to its first."""
    if school == giver:
        place = next(class_id for class_id, heads in classes.items() if heads)
        return {**classes, place: classes[place] - 1}
    return {**classes, min(classes): classes[min(classes)] + 1} if school == taker else dict(classes)
