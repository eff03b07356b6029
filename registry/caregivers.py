"""Caregivers whom a roster names: what an import makes of them. DOMAIN §9, edge case 1; FEATURES G9.

A caregiver looks after a pupil and is no guardian: may be told, consents to nothing, and gets no code.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import RowMapping

from registry.names import name_key
from registry.references import References
from registry.roster_rows import CaregiverContact, PupilRow

CONTENT: Final = ("name", "phone", "email", "language", "agreed", "wecom")
"""What may change of a caregiver."""


def caregiver_after(
    student: str, held: RowMapping | None, row: PupilRow, references: References
) -> dict[str, Any] | None:
    """Return the caregiver that a pupil has after an import, None for nobody.

    A file without a column for caregivers takes nobody away. Another name is another person: with a new reference,
    and without the contacts and the agreement of the one before.

    Args:
        student: reference of the pupil.
        held: the caregiver before.
        row: the pupil's row.
        references: source of the reference of a new one.
    """
    stated = row.caregiver
    if stated is None:
        return None if held is None else dict(held)
    before = held if held is not None and _is_same(held, stated) else None
    contacts = {name: _stated(stated, before, name) for name in ("name", "phone", "email", "wecom")}
    if not any(contacts.values()):
        return None
    if before is not None and name_key(contacts["name"]) == name_key(before["name"]):
        contacts["name"] = before["name"]  # padded or dotted another way: the same name
    unstated = before is not None and "language" in row.unstated
    return {
        "caregiver_ref": before["caregiver_ref"] if before is not None else references.caregiver(),
        "student_ref": student,
        **contacts,
        "language": before["language"] if before is not None and unstated else row.language,
        "agreed": bool(_stated(stated, before, "agreed")),
    }


def changes_of(held: RowMapping | None, now: dict[str, Any] | None) -> list[str]:
    """Return what an import changes of a pupil's caregiver, as `ImportResult.changed_fields` names it."""
    if held is None or now is None:
        return [] if held is None and now is None else ["caregiver_name"]
    return [f"caregiver_{name}" for name in CONTENT if held[name] != now[name]]


def _is_same(held: RowMapping, stated: CaregiverContact) -> bool:
    """Tell whether the one held is the person whom a row states; an empty name is nobody's."""
    return stated.name is None or not held["name"] or name_key(stated.name) in ("", name_key(held["name"]))


def _stated(stated: CaregiverContact, before: RowMapping | None, name: str) -> Any:
    value = getattr(stated, name)
    if value is not None:
        return value
    return "" if before is None else before[name]
