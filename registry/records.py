"""What the registry answers with: results, snapshots, facts, contacts, notes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import rfc8785


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something about two rows or a row and a pupil held that a person should look at; nothing is done by itself.

    Attributes:
        kind: `TWINS` (two pupils, not one twice: numbers side by side), `SAME_NAME_AND_BIRTH` (perhaps one pupil
            with two numbers), `ID_CORRECTED` (a new pupil with name and birthday of one who is missing).
        places: rows of this file, `sheet:row`.
        students: references of pupils held.
    """

    kind: str
    places: tuple[str, ...]
    students: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import changed, or would change, in numbers of pupils and by reference; never with a value.

    Attributes:
        added: new in this school.
        unchanged: held with the same content.
        changed: held with other content, or back on the roster.
        missing: held, and no longer on the roster.
        elsewhere: on this roster and on another school's of the same campaign; a warning, counted once only later.
        missing_students: references of the missing.
        left_students: of these, the ones who left the roster with this import; nobody does while rows are rejected.
        added_students: (reference, class id) of the new; the reference is empty where nothing was written.
        returned_students: (reference, class id) of those who had left and are on the roster again.
        class_changes: (reference, class id held, class id now).
        changed_fields: what changed → in how many pupils; `listed` is the return to the roster.
        proposals: what a person should look at.
        drift: fingerprint of the whole difference, keyed with the pepper; the same rows in another order have the same.
        committed: whether it was written.
    """

    added: int
    unchanged: int
    changed: int
    missing: int
    elsewhere: int = 0
    missing_students: tuple[str, ...] = ()
    left_students: tuple[str, ...] = ()
    added_students: tuple[tuple[str, str], ...] = ()
    returned_students: tuple[tuple[str, str], ...] = ()
    class_changes: tuple[tuple[str, str, str], ...] = ()
    changed_fields: dict[str, int] = field(default_factory=dict)
    proposals: tuple[Proposal, ...] = ()
    drift: str = ""
    committed: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An immutable copy of a school's facts.

    Attributes:
        ref: reference, `snp_…`.
        digest: SHA-256 over the canonical JSON of the pupils' salted commitments.
        pupils: number of pupils.
        classes: class id → number of pupils, in the order of ids.
        full_mark: full mark of the mid-term examination, in whole marks.
    """

    ref: str
    digest: str
    pupils: int
    classes: dict[str, int]
    full_mark: int


@dataclass(frozen=True, slots=True)
class PupilFacts:
    """What the identification may look at; never leaves the registry but as reference, codes and commitment.

    Attributes:
        student_ref: reference of the pupil.
        class_id: canonical class id.
        mark_tenths: mid-term mark in tenths of a mark, None where unknown.
        full_mark: in whole marks, None where unknown.
        unexplained_absence_days: this term, None where unknown.
        informed: whether the family was informed already, None where unknown.
        salt: 32 hexadecimal characters.
        commitment: SHA-256 of the canonical JSON of all of the above.
    """

    student_ref: str
    class_id: str
    mark_tenths: int | None = field(repr=False)
    full_mark: int | None
    unexplained_absence_days: int | None = field(repr=False)
    informed: bool | None = field(repr=False)
    salt: str = field(repr=False)
    commitment: str


@dataclass(frozen=True, slots=True)
class Guardian:
    """A guardian of a pupil; unknown values empty.

    Attributes:
        guardian_ref: reference, `gdn_…`; follows the person when first and second change places.
        student_ref: reference of the pupil.
        name: personal.
        phone: personal; 11 digits.
        email: personal.
        language: of notices, `zh`, `en`, or empty.
        position: 1 for the first guardian, 2 for the second.
        wecom: personal; the account at WeCom.
        channels: the person's own order of channels (`domain.notices.CHANNELS`); empty for the policy's.
    """

    guardian_ref: str
    student_ref: str
    name: str = field(repr=False)
    phone: str = field(repr=False)
    email: str = field(default="", repr=False)
    language: str = field(default="", repr=False)
    position: int = 1
    wecom: str = field(default="", repr=False)
    channels: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Caregiver:
    """Somebody who looks after a pupil and is no guardian: may be told, consents to nothing (edge case 1).

    Attributes:
        caregiver_ref: reference, `cgv_…`; a person of another name has another one.
        student_ref: reference of the pupil.
        name: personal.
        phone: personal; 11 digits, or empty.
        email: personal; or empty.
        language: of notices, `zh`, `en`, or empty.
        agreed: whether the person agreed to be held and written to; nothing is sent otherwise.
        wecom: personal; the account at WeCom, or empty.
    """

    caregiver_ref: str
    student_ref: str
    name: str = field(repr=False)
    phone: str = field(repr=False)
    email: str = field(repr=False)
    language: str = field(repr=False)
    agreed: bool
    wecom: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Household:
    """A pupil with everybody who is told about the pupil.

    Attributes:
        student_ref: reference of the pupil.
        class_id: canonical class id.
        school: the school's code.
        name: personal.
        email: the pupil's own address, or empty; personal.
        language: of notices, `zh`, `en`, or empty.
        guardians: by position, at least one.
        caregiver: who looks after the pupil and is no guardian, None where the roster names nobody.
    """

    student_ref: str
    class_id: str
    school: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    language: str = field(repr=False)
    guardians: tuple[Guardian, ...] = field(repr=False)
    caregiver: Caregiver | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class HouseholdNumber:
    """A guardian's telephone, and whose guardian it is."""

    school: str
    student_ref: str
    guardian_ref: str
    phone: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeldSchool:
    """A school of a campaign."""

    code: str
    name: str
    full_mark: int


@dataclass(frozen=True, slots=True)
class Note:
    """A free text that stays here: events hold its reference and its salted digest."""

    ref: str
    digest: str


def digest_of(content: Any) -> str:
    """Return the lower-case hexadecimal SHA-256 of a value's RFC 8785 bytes."""
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def commitment_of(
    *,
    student_ref: str,
    class_id: str,
    mark_tenths: int | None,
    full_mark: int | None,
    absence_days: int | None,
    informed: bool | None,
    salt: str,
) -> str:
    """Return the salted commitment to one pupil's facts: it binds them and tells nothing without the salt."""
    return digest_of(
        {
            "student_ref": student_ref,
            "class_id": class_id,
            "mark_tenths": mark_tenths,
            "full_mark": full_mark,
            "unexplained_absence_days": absence_days,
            "informed": informed,
            "salt": salt,
        }
    )
