"""A family's own act: what it says, in the one form that the gateway signs and the rules verify (design, section 9).

A code that only the family has is what authenticates the act; the gateway checks the code and signs, so that no
command of staff, school or bureau can state, sign or withdraw for a family (INV-04).
"""

from __future__ import annotations

import contextlib
import functools
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal, Self

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from domain.actors import Actor, Role
from domain.instants import Instant
from domain.references import Label
from domain.stream import STUDENT
from domain.time import stamp

ACT_ID = r"^act_[a-z0-9]{10,32}$"
PARTY_REFERENCE = r"^(gdn|cgv|stu)_[a-z0-9]{6,32}$"
SCHOOL = r"^\d{10}$"
KEY = r"^[0-9a-f]{64}$"
KEY_ID = r"^[0-9a-f]{16}$"
SIGNATURE = r"^[0-9a-f]{128}$"
DEVICE = r"^[0-9a-f]{16}$"


class Party(StrEnum):
    """Whose act it is; a consent needs both."""

    PUPIL = "pupil"
    GUARDIAN = "guardian"


class Intent(StrEnum):
    """What a family says that it wants; all four are equally good answers."""

    GENERAL_HIGH = "GENERAL_HIGH"
    VOCATIONAL = "VOCATIONAL"
    UNDECIDED = "UNDECIDED"
    OTHER = "OTHER"


class Wave(StrEnum):
    """For which season a signature is: schools take pupils in autumn, and in spring where a province allows it."""

    AUTUMN = "autumn"
    SPRING = "spring"


Channel = Literal["app", "sms", "phone", "paper"]
"""How an act came in; a paper's code is read out by the family at the bureau's call-back."""

ActKind = Literal["intent", "acknowledge", "consent_data", "sign", "refuse", "withdraw", "keep"]
"""What a family can do; `consent_data` is a guardian's word on the data of a child under 14 (R-17), and with `keep` a
family says that its consent stands: it answers a reported withdrawal, or ends the objection that the same person
made."""


class FamilyAct(BaseModel):
    """One signed act.

    Attributes:
        act_id: random, taken once; the same act again changes nothing.
        act: what is done.
        campaign, school: the campaign's id and the junior school's code.
        student: the pupil whose destination it is about.
        party, person: pupil or guardian, and the reference of the person (`stu_…`, `gdn_…`, `cgv_…`).
        document: version of the notice that the code was bound to.
        intent: with `intent` only.
        destination: code of the vocational school, with `sign` only.
        wave: the season that a signature is for; only `sign` has another than autumn.
        channel: how the act came in, where that is known.
        device: digest of the device that was used, where one was; too many signatures of one device are flagged (R-18).
        short: with `sign` only, the extra statement is ticked: a window cuts the cooling-off, understood (R-11).
        at: when the family acted; deadlines are judged by it.
        key_id, signature: the gateway's key (first 16 hex characters of the SHA-256 of the public key) and its Ed25519
            signature over `signed_bytes`, lower-case hex.
    """

    model_config = ConfigDict(frozen=True)

    LATER: ClassVar[tuple[str, ...]] = ("wave", "channel", "device", "short")
    """Fields of a later release, left out while they hold their default: older acts keep their bytes."""

    act_id: Annotated[str, Field(pattern=ACT_ID)]
    act: ActKind
    campaign: Annotated[str, Field(pattern=r"^campaign/[a-z0-9-]{1,40}/\d{4}$")]
    school: Annotated[str, Field(pattern=SCHOOL)]
    student: Annotated[str, Field(pattern=STUDENT)]
    party: Party
    person: Annotated[str, Field(pattern=PARTY_REFERENCE)]
    document: Label
    intent: Intent | None = None
    destination: Annotated[str, Field(pattern=SCHOOL)] | None = None
    wave: Wave = Wave.AUTUMN
    channel: Channel | None = None
    device: Annotated[str, Field(pattern=DEVICE)] | None = None
    short: bool = False
    at: Instant
    key_id: Annotated[str, Field(pattern=KEY_ID)]
    signature: Annotated[str, Field(pattern=SIGNATURE)]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.act == "intent") != (self.intent is not None) or (self.act == "sign") != (
            self.destination is not None
        ):
            raise ValueError("an intent names a kind, a signature names a school, other acts neither")
        if self.wave is Wave.SPRING and self.act != "sign":
            raise ValueError("only a signature is for a season")
        if self.short and self.act != "sign":
            raise ValueError("the statement on a short cooling-off belongs to a signature")
        if self.person.startswith("stu_") != (self.party is Party.PUPIL):
            raise ValueError("the person is the pupil or a guardian, as the party says")
        if self.party is Party.PUPIL and self.person != self.student:
            raise ValueError("a pupil acts for nobody else")
        return self

    @model_serializer(mode="wrap")
    def _with_the_bytes_of_its_day(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _as_written(handler(self))

    @property
    def signed_bytes(self) -> bytes:
        """The RFC 8785 bytes of everything but the signature."""
        return act_bytes(self.model_dump(mode="python", exclude={"signature"}))

    @property
    def actor(self) -> Actor:
        """Who did it, as it stands in the event's envelope; families belong to the pupil's school."""
        return Actor(
            id=self.person, role=Role(self.party.value), organisation=self.school, authenticated_by="family_code"
        )


def act_bytes(fields: dict[str, Any]) -> bytes:
    """Return the bytes that are signed: all fields but the signature, times as events write them.

    A field of a later release stands there only where it says something, so that an older act is signed as it was.
    """
    written = {**_as_written(fields), "at": stamp(fields["at"])}
    return rfc8785.dumps({name: str(value) if isinstance(value, StrEnum) else value for name, value in written.items()})


def _as_written(fields: dict[str, Any]) -> dict[str, Any]:
    """Return an act's fields without the later ones that hold their default."""
    return {name: value for name, value in fields.items() if name not in _DEFAULTS or value != _DEFAULTS[name]}


_DEFAULTS: Final[dict[str, Any]] = {name: FamilyAct.model_fields[name].default for name in FamilyAct.LATER}


@functools.lru_cache(maxsize=1_024)
def is_signed_by(act: FamilyAct, public_key: str) -> bool:
    """Tell whether an act carries the signature of this key (64 hex characters, raw Ed25519).

    The answer is kept for a while: an Update's validator and its handler ask about the same act.
    """
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(
            bytes.fromhex(act.signature), act.signed_bytes
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def _know_the_librarys_exception() -> None:
    """Let one check fail, here where modules load.

    The library imports its exception when it first raises it, and aborts the process where that is not allowed: inside
    a workflow's sandbox.
    """
    key = Ed25519PublicKey.from_public_bytes(bytes(31) + b"\x01")
    with contextlib.suppress(InvalidSignature):
        key.verify(bytes(64), b"")


_know_the_librarys_exception()
