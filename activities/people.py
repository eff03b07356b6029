"""What workflows ask of the registry: references and codes come back, never a name, a number or a mark (section 8)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.identification_rule import Facts, evaluate, load_rule, rule_digest
from protocol import ACTIVITY_COHORT, ACTIVITY_PROPOSALS, CohortRequest, ProposalsRequest
from registry.records import PupilFacts
from registry.store import Registry


class PeopleActivities:
    """Reads immutable snapshots of one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @activity.defn(name=ACTIVITY_COHORT)
    async def cohort(self, request: CohortRequest) -> dict[str, Any]:
        """Return the pupils of a snapshot by class, as references.

        Where a day was named also `under_14`, the pupils who count as under fourteen on it, and `shared_phones`, groups
        of more than three pupils with one telephone: references, never a date or a number.

        Raises:
            ApplicationError: `SnapshotMismatch`, the snapshot is not the approved one; retried until somebody mends it.
        """
        await self._verify(request.snapshot, request.digest)
        cohort: dict[str, Any] = {"classes": await self._registry.cohort(request.snapshot)}
        if request.under_14_on is None:
            return cohort
        return cohort | {
            "under_14": await self._registry.under_14(request.snapshot, request.under_14_on),
            "shared_phones": await self._registry.shared_phones(request.snapshot),
        }

    @activity.defn(name=ACTIVITY_PROPOSALS)
    async def proposals(self, request: ProposalsRequest) -> dict[str, Any]:
        """Let the rule look at every pupil of a snapshot.

        Returns:
            `rule`, `rule_version`, `rule_digest` and `proposals`, each with reference, code, kinds of help, reasons
            (attributes and the rule's thresholds) and the salted commitment to the facts.
        """
        await self._verify(request.snapshot, request.digest)
        rule = load_rule(request.rule)
        proposals = []
        for pupil in await self._registry.facts(request.snapshot):
            proposal = evaluate(rule, facts_of(pupil))
            proposals.append(
                {
                    "student": pupil.student_ref,
                    **proposal.model_dump(mode="json"),
                    "commitment": pupil.commitment,
                }
            )
        return {
            "rule": rule.id,
            "rule_version": rule.version,
            "rule_digest": rule_digest(rule),
            "proposals": proposals,
        }

    async def _verify(self, snapshot: str, digest: str) -> None:
        if await self._registry.snapshot_digest(snapshot) != digest:
            raise ApplicationError("the snapshot is not the approved one", type="SnapshotMismatch")


def facts_of(pupil: PupilFacts) -> Facts:
    """Turn a snapshot's row into what the rule may look at; what is unknown stays unknown (fails closed)."""
    share = None
    if pupil.mark_tenths is not None and pupil.full_mark:
        share = Fraction(pupil.mark_tenths, 10 * pupil.full_mark)
    return Facts(
        midterm_share=share,
        unexplained_absence_days=pupil.unexplained_absence_days,
        informed=pupil.informed,
    )
