"""Simulated families: what each will want, sign, refuse or leave unanswered, and the acts that say so.

Everything is drawn beforehand. A family acts by itself only: each act is signed by a gateway's key, as the act of a
real family is, and no plan of staff contains one. All four answers and no answer at all end the service equally well.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.campaign_events import GatewayKey
from domain.destination import DestinationKind
from domain.evidence import EvidenceGrade
from domain.family_act import FamilyAct, Intent, Party, act_bytes
from domain.stage_events import StageSlug
from registry.references import ALPHABET
from rehearsal.scene import SchoolScene

KEY_ID_LENGTH: Final = 16
"""Characters of the key's digest that name it in an act (`domain.family_act`)."""

ANSWER_DAYS: Final = 8
"""Working days in which the families who answer by themselves do so."""

DECIDING_DAYS: Final = 5
"""Two or three working days after its answer a family signs or says no, may withdraw on the day after that, and on the
next one says whether a consent stands that somebody else has put in doubt."""

ANSWERS, REACHED, SPEAKS_NOT, CALLS_BACK = 85, 55, 60, 70
"""Of a hundred families, those who answer by themselves. Of a hundred calls to the others: below the first somebody is
spoken with, below the second wants no talk, below the third is to be called back, the rest is not at home."""

INTENTS: Final = {Intent.GENERAL_HIGH: 55, Intent.VOCATIONAL: 30, Intent.UNDECIDED: 10, Intent.OTHER: 5}
SIGN, REFUSE = 85, 93
"""Of a hundred families who wanted a vocational school: below the first both sign, below the second one says no."""

ORDINARY_SIGNERS: Final = 3
"""So many families of a school do nothing special; a small school has no other signers."""

ELSEWHERE: Final[dict[Intent | None, tuple[DestinationKind, ...]]] = {
    Intent.GENERAL_HIGH: (DestinationKind.GENERAL_HIGH,) * 8 + (DestinationKind.RESIT, DestinationKind.OTHER_PROVINCE),
    Intent.VOCATIONAL: (DestinationKind.TECHNICAL_SCHOOL, DestinationKind.RESIT, DestinationKind.WORK),
    Intent.UNDECIDED: (DestinationKind.GENERAL_HIGH, DestinationKind.RESIT, DestinationKind.UNKNOWN),
    Intent.OTHER: (DestinationKind.FIVE_YEAR_COLLEGE, DestinationKind.TECHNICAL_SCHOOL, DestinationKind.OTHER_PROVINCE),
    None: (DestinationKind.GENERAL_HIGH, DestinationKind.OTHER_PROVINCE, DestinationKind.UNKNOWN),
}
EVIDENCE: Final = (
    *(EvidenceGrade.DOCUMENT,) * 4,
    *(EvidenceGrade.REGISTER,) * 2,
    *(EvidenceGrade.CALL,) * 3,
    EvidenceGrade.SEEN,
)


class Withdrawal(Enum):
    """When a family withdraws its consent, if it does."""

    BEFORE_APPLICATION = auto()
    AFTER_APPLICATION = auto()


class Coming(Enum):
    """When an admitted pupil comes to the receiving school."""

    FIRST_WEEK = auto()
    SECOND_WEEK = auto()
    OCTOBER = auto()
    NEVER = auto()


class Found(Enum):
    """With which of the register officer's lists a pupil is found in the vocational register."""

    OCTOBER = auto()
    NOVEMBER = auto()
    NEVER = auto()


@dataclass(frozen=True)
class Household:
    """What one family will do, and what will be known of the pupil.

    Attributes:
        student, guardian, class_id: references and class.
        intent: what they say that they want; None where they say nothing.
        answers: number of the day on which they say so; None where they never do.
        contacts: what comes of the school's calls, for those who have not answered by themselves.
        signs: number of the day on which both sign, for `school`.
        refuses: number of the day on which the guardian says no.
        admitted, coming, found: what becomes of the application.
        elsewhere, evidence: the other destination that the school learns of; UNKNOWN where it learns of none.
        mistaken: the school hears of another destination although the pupil will come.
        objector: a second guardian, who says no on the day after the signatures and yes on the next; empty where
            nobody disagrees.
        reported: on the day after the signatures somebody reports that the family wants out; it does not.
        under_14: a guardian agrees to the data of a child under 14 before anybody signs (R-17).
    """

    student: str
    guardian: str
    class_id: str
    intent: Intent | None = None
    answers: int | None = None
    contacts: tuple[str, ...] = ()
    signs: int | None = None
    refuses: int | None = None
    school: str = ""
    withdraws: Withdrawal | None = None
    admitted: bool = True
    coming: Coming = Coming.FIRST_WEEK
    found: Found = Found.OCTOBER
    elsewhere: DestinationKind = DestinationKind.UNKNOWN
    evidence: EvidenceGrade = EvidenceGrade.HEARSAY
    mistaken: bool = False
    objector: str = ""
    reported: bool = False
    under_14: bool = False

    @property
    def applies(self) -> bool:
        """Tell whether both have signed when the school records its applications."""
        return self.signs is not None and self.withdraws is not Withdrawal.BEFORE_APPLICATION

    @property
    def waits(self) -> bool:
        """Tell whether an application stands when the receiving schools answer."""
        return self.signs is not None and self.withdraws is None

    @property
    def enters(self) -> bool:
        """Tell whether a receiving school takes the pupil."""
        return self.waits and self.admitted

    @property
    def registers(self) -> bool:
        """Tell whether the registration will be verified."""
        return self.enters and self.coming is not Coming.NEVER and self.found is not Found.NEVER

    @property
    def known_elsewhere(self) -> bool:
        """Tell whether the school learns of another destination."""
        return self.elsewhere is not DestinationKind.UNKNOWN


def households(scene: SchoolScene, source: random.Random) -> list[Household]:
    """Draw what every family of a school will do, class by class; the late joiner's is reached by the first call."""
    start = scene.during(StageSlug.APPLICATION_FILING, 0)
    drawn = [
        _late_joiner(scene) if student == scene.joiner.student else _household(scene, source, class_id, student)
        for class_id in sorted(scene.classes)
        for student in scene.pupils(class_id, start)
    ]
    return _with_exceptions(scene, drawn, source)


def _household(scene: SchoolScene, source: random.Random, class_id: str, student: str) -> Household:
    family = Household(student, scene.guardians[student], class_id, under_14=student in scene.under_14)
    if family.under_14 and scene.receivers:
        school = next(iter(scene.receivers))
        return replace(family, intent=Intent.VOCATIONAL, answers=0, signs=2, school=school)
    if source.randrange(100) >= ANSWERS:
        return _silent(scene, source, family)
    intent = source.choices(list(INTENTS), weights=list(INTENTS.values()))[0]
    answers = source.randrange(ANSWER_DAYS)
    family = replace(family, intent=intent, answers=answers, **_known(source, intent))
    if intent is not Intent.VOCATIONAL or not scene.receivers:
        return family
    decides, drawn = answers + 2 + source.randrange(2), source.randrange(100)
    if drawn >= SIGN:
        return replace(family, refuses=decides if drawn < REFUSE else None)
    return replace(
        family,
        signs=decides,
        school=source.choice(list(scene.receivers)),
        coming=source.choice([Coming.FIRST_WEEK] * 4 + [Coming.SECOND_WEEK]),
        found=source.choice([Found.OCTOBER] * 3 + [Found.NOVEMBER]),
    )


def _silent(scene: SchoolScene, source: random.Random, family: Household) -> Household:
    """Draw the calls to a family that has not answered; half of those spoken with answer on the day after."""
    contacts: list[str] = []
    while len(contacts) < scene.parameters.contact_attempts and not _was_reached(contacts):
        drawn = source.randrange(100)
        steps = ((REACHED, "reached"), (SPEAKS_NOT, "refused"), (CALLS_BACK, "call_back"), (100, "no_answer"))
        contacts.append(next(outcome for below, outcome in steps if drawn < below))
    family = replace(family, contacts=tuple(contacts), **_known(source, None))
    if contacts[-1] != "reached" or source.randrange(2):
        return family
    intent = source.choice((Intent.GENERAL_HIGH, Intent.UNDECIDED, Intent.OTHER))
    return replace(family, intent=intent, answers=contact_day(len(contacts) - 1) + 1)


def _late_joiner(scene: SchoolScene) -> Household:
    joiner = scene.joiner
    return Household(
        joiner.student,
        joiner.guardian,
        joiner.class_id,
        intent=Intent.GENERAL_HIGH,
        answers=contact_day(0) + 1,
        contacts=("reached",),
        elsewhere=DestinationKind.GENERAL_HIGH,
        evidence=EvidenceGrade.DOCUMENT,
    )


def contact_day(attempt: int) -> int:
    """Return the number of the day of a call: every other day, once the others have answered."""
    return ANSWER_DAYS + 2 * attempt


def acting_days(attempts: int) -> int:
    """Return how many working days families need: to answer, to decide, to think again, and after the last call."""
    return max(ANSWER_DAYS + DECIDING_DAYS, contact_day(attempts))


def _was_reached(contacts: Sequence[str]) -> bool:
    return bool(contacts) and contacts[-1] in ("reached", "refused")


def _known(source: random.Random, intent: Intent | None) -> dict[str, Any]:
    return {"elsewhere": source.choice(ELSEWHERE[intent]), "evidence": source.choice(EVIDENCE)}


def _with_exceptions(scene: SchoolScene, drawn: list[Household], source: random.Random) -> list[Household]:
    """Give some of those who sign a way of their own, so that every school that is large enough shows all of them."""
    changes: list[dict[str, Any]] = [
        {"withdraws": Withdrawal.AFTER_APPLICATION},
        {"withdraws": Withdrawal.BEFORE_APPLICATION},
        {"coming": Coming.NEVER},
        {"admitted": False},
        {"mistaken": True, "elsewhere": DestinationKind.GENERAL_HIGH, "evidence": EvidenceGrade.HEARSAY},
        {"coming": Coming.OCTOBER, "found": Found.NOVEMBER},
        {"withdraws": Withdrawal.BEFORE_APPLICATION},
        {"coming": Coming.NEVER},
        {"admitted": False},
    ]
    if scene.manner == "late_meetings":
        changes.insert(4, {"found": Found.NEVER})
    elif scene.manner == "on_time":
        changes.append({"reported": True})
    else:
        changes.append({"objector": "gdn_" + "".join(source.choices(ALPHABET, k=10))})
    signers = [family.student for family in drawn if family.signs is not None]
    chosen = source.sample(signers, max(0, min(len(changes), len(signers) - ORDINARY_SIGNERS)))
    special = dict(zip(chosen, changes, strict=False))
    return [replace(family, **special.get(family.student, {})) for family in drawn]


# -- acts ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FamilyGateway:
    """What signs for families who have shown their code.

    Attributes:
        key: the public key that stands in the campaign's first event.
        sign: takes an act's fields but key and signature, returns the signed act as it travels.
    """

    key: GatewayKey
    sign: Callable[[dict[str, Any]], dict[str, Any]]

    @classmethod
    def seeded(cls, seed: int) -> FamilyGateway:
        """Return a gateway whose key repeats. For rehearsals only: its key can be guessed."""
        return cls.of(Ed25519PrivateKey.from_private_bytes(random.Random(f"{seed}/gateway").randbytes(32)))

    @classmethod
    def of(cls, secret: Ed25519PrivateKey) -> FamilyGateway:
        """Return a gateway that signs with this key."""
        raw = secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        key = GatewayKey(key_id=hashlib.sha256(raw).hexdigest()[:KEY_ID_LENGTH], public_key=raw.hex())

        def sign(fields: dict[str, Any]) -> dict[str, Any]:
            said = {**fields, "key_id": key.key_id}
            signed = {**said, "signature": secret.sign(act_bytes(said)).hex()}
            return FamilyAct.model_validate(signed).model_dump(mode="json")

        return cls(key, sign)


class Families:
    """The families of a school as they act."""

    def __init__(self, scene: SchoolScene, gateway: FamilyGateway, source: random.Random) -> None:
        self._scene = scene
        self._gateway = gateway
        self._source = source
        self.document = f"choice-{scene.year}-1"

    def moment(self) -> int:
        """Draw the minute of an evening at which a family sits down to it."""
        return self._source.randrange(180)

    def act(self, family: Household, party: Party, act: str, at: datetime, **said: Any) -> dict[str, Any]:
        """Return a signed act; `intent` or `destination` where the act has one."""
        return self._gateway.sign(
            {
                "act_id": "act_" + "".join(self._source.choices(ALPHABET, k=16)),
                "act": act,
                "campaign": self._scene.campaign,
                "school": self._scene.code,
                "student": family.student,
                "party": party,
                "person": family.student if party is Party.PUPIL else family.guardian,
                "document": self.document,
                "intent": None,
                "destination": None,
                "at": at,
                **said,
            }
        )
