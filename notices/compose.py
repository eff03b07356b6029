"""From a row of the outbox to one message: one reader, one family's data, nothing of anybody else's (FEATURES G3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Protocol

from domain.consent import Standing
from domain.notices import EMAIL, PAPER, PUPIL, ROBOTS, SMS, student_of
from domain.time import civil, instant
from notices.answer_line import answer_line
from notices.calendars import Entry, entry_uid
from notices.catalogue import LANGUAGES, Language, Template, TemplateError, catalogue
from notices.channels import Message
from notices.readers import Contact, Household, addressees
from notices.render import render
from notices.routing import NEVER_CODED, group_may_read

Party = Literal["guardian", "pupil"]

OVER: Final = ("NOT_A_READER", "HOUSEHOLD_UNKNOWN", "TAKEN_BACK")
"""Codes of what must not go out on any channel: nobody is left who may read it, or it is true no more."""

COMPLAINT_LINES: Final[dict[Language, str]] = {
    "zh": "如有人强迫您、代替您选择，或者以此收费，请拨打 {number} 投诉；我们对投诉人保密。",
    "en": "If anybody presses you, chooses in your place or takes money for it, complain by telephone: {number}. "
    "Nobody is told who complained.",
}


class Notice(NamedTuple):
    """A row of the outbox, as far as its text depends on it.

    Attributes:
        template: what an earlier attempt sent, so that a repeated message says the same; None before the first.
        person: whom of the household it goes to, None where that was not looked up yet.
    """

    notice_id: str
    campaign: str
    stream: str
    cause: str
    purpose: str
    recipient: str
    planned_at: str
    template: str | None = None
    person: str | None = None


class Facts(NamedTuple):
    """What the record says about the occasion: references, codes and times only.

    Attributes:
        values: by the names of the templates' variables.
        occasion: the session's or trip's reference, for the calendar.
        moves: how often its time has changed.
        document: version of the notice that a code is for, None where the purpose has no code.
        complaint_number: where families complain.
        standings: what is on record of the persons around the pupil, by reference; most are not there.
        answer_line: where families send their codes, None where the campaign does not say.
        begins: when the occasion begins that it is about, None where it is about none.
        taken_back: the invitation no longer holds, since the household's seat or hour was withdrawn.
        invited: of a notice about a change, its household's persons who had an invitation to come, each with whether
            the change is to be told: not to whom it never went out. None where no invitation is known.
    """

    values: Mapping[str, Any]
    occasion: str | None
    document: str | None
    complaint_number: str
    standings: Mapping[str, Standing] = MappingProxyType({})
    moves: int = 0
    answer_line: str | None = None
    begins: datetime | None = None
    taken_back: bool = False
    invited: Mapping[str | None, bool] | None = None

    def never_told(self, person: str | None) -> bool:
        """Tell whether a change is none to a person; who had no invitation of their own knows what their home does."""
        return self.invited is not None and not self.invited.get(person, any(self.invited.values()))


@dataclass(frozen=True)
class CodeRequest:
    """Whose answer code, for which document."""

    campaign: str
    school: str
    student: str
    party: Party
    person: str
    document: str


@dataclass(frozen=True)
class Draft:
    """A notice with all that it says but the answer code; all that is personal in it comes from one household.

    Attributes:
        notice: the row.
        template: the wording.
        channel: which way it goes.
        addresses: as the channel takes them; several only for staff of one role, none on paper and for a robot.
        language: of the readers.
        values: by the names of the template's variables; it may have others.
        entry: the calendar entry, None where the purpose has none.
        asks: for the answer code, None where the purpose has none.
    """

    notice: Notice
    template: Template
    channel: str
    addresses: tuple[str, ...] = field(repr=False)
    language: Language
    values: Mapping[str, Any] = field(repr=False)
    entry: Entry | None = None
    asks: CodeRequest | None = None


class Directory(Protocol):
    """Where a composer looks things up."""

    async def household(self, student: str) -> Household | None:
        """Return a pupil's household, None where it is unknown or was forgotten."""
        ...

    async def staff(self, campaign: str, role: str, school: str) -> tuple[Contact, ...]:
        """Return a school's or the bureau's staff in a role."""
        ...

    async def school(self, campaign: str, code: str) -> str:
        """Return a school's name."""
        ...

    async def facts(self, notice: Notice) -> Facts:
        """Return what the record says.

        Raises:
            UnsendableError: FACTS_MISSING.
        """
        ...

    async def code(self, request: CodeRequest) -> str:
        """Return an answer code."""
        ...


class UnsendableError(Exception):
    """A notice that cannot go out on a channel, whoever tries.

    Attributes:
        code: NO_ADDRESS, NOT_A_READER, HOUSEHOLD_UNKNOWN, TAKEN_BACK, FACTS_MISSING, TEMPLATE_MISSING, TEMPLATE_UNFIT,
            NO_SHORT_TEXT, CODE_NOT_THIS_WAY, NOT_FOR_A_GROUP, or why a claim may not be made.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def compose(
    notice: Notice,
    directory: Directory,
    sender: str,
    lang: Language,
    channel: str = EMAIL,
    *,
    on: date | None = None,
) -> tuple[Message, str]:
    """Return the message of one notice, and the template that it was made with.

    Arguments and errors are those of `draft` and `written`.
    """
    drafted = await draft(notice, directory, sender, lang, channel)
    return written(drafted, None if drafted.asks is None else await directory.code(drafted.asks), on=on)


async def draft(notice: Notice, directory: Directory, sender: str, lang: Language, channel: str = EMAIL) -> Draft:
    """Look up what a notice says and to whom.

    Args:
        notice: the row.
        directory: where to look things up.
        sender: the address that mails come from, organizer of a calendar entry.
        lang: of those whose language nobody knows.
        channel: which way it goes.

    Raises:
        UnsendableError: nobody to write to, a text that must not go this way, or the record lacks what it needs.
    """
    template = _template(notice)
    facts = await directory.facts(notice)
    if facts.taken_back:
        raise UnsendableError("TAKEN_BACK")
    if facts.document is not None and channel in NEVER_CODED:
        raise UnsendableError("CODE_NOT_THIS_WAY")
    if channel in ROBOTS and not group_may_read(template):
        raise UnsendableError("NOT_FOR_A_GROUP")
    student = student_of(notice.recipient)
    if student is None:
        return await _for_staff(notice, template, facts, directory, lang, channel)
    household = await family(student, directory)
    party: Party = "pupil" if notice.recipient.startswith(PUPIL) else "guardian"
    contact = _contact(notice, household, party, facts, channel)
    language = _language(contact.language, lang)
    values = {
        **facts.values,
        "pupil_name": household.name,
        "school": await directory.school(notice.campaign, household.school),
        "complaint_line": COMPLAINT_LINES[language].format(number=facts.complaint_number),
        "complaint_number": facts.complaint_number,
        "written_on": civil(instant(notice.planned_at)),
    }
    asks = entry = None
    if facts.document is not None:
        values["answer_line"] = answer_line(facts.answer_line, facts.complaint_number, language)
        asks = CodeRequest(notice.campaign, household.school, student, party, contact.ref, facts.document)
    if channel == EMAIL and facts.occasion is not None and template.calendar is not None:
        entry = Entry(
            uid=entry_uid(notice.stream, facts.occasion, notice.recipient),
            sequence=facts.moves + (template.calendar == "CANCEL"),
            written_at=instant(notice.planned_at),
            organizer=sender,
            attendee=contact.email,
        )
    address = contact.address(channel)
    return Draft(notice, template, channel, (address,) if address else (), language, values, entry, asks)


def written(drafted: Draft, code: str | None, *, on: date | None = None) -> tuple[Message, str]:
    """Return the message that a draft becomes, and the template that it was made with.

    Args:
        drafted: the draft.
        code: the answer code that it asks for.
        on: the civil day of the sending, on which every claim of the text must hold; None to show it again.

    Raises:
        UnsendableError: FACTS_MISSING or TEMPLATE_UNFIT, the values do not fit the text; NO_SHORT_TEXT; or why a claim
            may not be made.
    """
    notice, template, values = drafted.notice, drafted.template, dict(drafted.values)
    if drafted.asks is not None:
        values |= {"answer_code": code, "document": drafted.asks.document}
    if any(name not in values for name in template.variables):
        raise UnsendableError("FACTS_MISSING")
    wanted = {name: values[name] for name in template.variables}
    try:
        by_text = drafted.channel == SMS
        rendered = render(
            template.purpose, drafted.language, wanted, drafted.entry, version=template.version, on=on, short=by_text
        )
    except TemplateError as error:
        raise UnsendableError(error.code) from None
    if drafted.channel == SMS and rendered.short is None:
        raise UnsendableError("NO_SHORT_TEXT")
    message = Message(
        notice_id=notice.notice_id,
        addresses=drafted.addresses,
        lang=drafted.language,
        subject=rendered.subject,
        text=rendered.text,
        planned_at=instant(notice.planned_at),
        short=rendered.short,
        to_staff=template.audience == "staff",
        calendar=rendered.calendar,
        method=template.calendar if rendered.calendar is not None else None,
    )
    return message, rendered.template


async def family(student: str, directory: Directory) -> Household:
    """Return a pupil's household.

    Raises:
        UnsendableError: HOUSEHOLD_UNKNOWN.
    """
    household = await directory.household(student)
    if household is None or household.pupil.ref != student:
        raise UnsendableError("HOUSEHOLD_UNKNOWN")
    return household


def _contact(notice: Notice, household: Household, party: Party, facts: Facts, channel: str) -> Contact:
    """Return whom a notice goes to: the pupil, the row's own person, or the first whom the channel finds.

    Raises:
        UnsendableError: NOT_A_READER, who may not be told any more, or nobody may; NO_ADDRESS, the channel does not
            find the reader.
    """
    candidates: tuple[Contact, ...] = (household.pupil,)
    if party == "guardian":
        coded = facts.document is not None
        candidates = addressees(household, notice.purpose, facts.standings, coded=coded)
        candidates = tuple(one for one in candidates if notice.person in (None, one.ref))
    if not candidates:
        raise UnsendableError("NOT_A_READER")
    found = next((one for one in candidates if channel == PAPER or one.address(channel)), None)
    if found is None:
        raise UnsendableError("NO_ADDRESS")
    return found


async def _for_staff(
    notice: Notice, template: Template, facts: Facts, directory: Directory, lang: Language, channel: str
) -> Draft:
    role, _, school = notice.recipient.partition("@")
    members = await directory.staff(notice.campaign, role, school)
    addresses = tuple(address for one in members if (address := one.address(channel)))
    if not addresses and channel not in ROBOTS:
        raise UnsendableError("NO_ADDRESS")
    values = {**facts.values, "school": await directory.school(notice.campaign, school)}
    return Draft(notice, template, channel, addresses, lang, values)


def _template(notice: Notice) -> Template:
    """Return the wording that an earlier attempt had, else the newest; a digest's rows have had none of their own."""
    purpose, _, version = (notice.template or "").rpartition("/")
    try:
        return catalogue().find(notice.purpose, int(version) if purpose == notice.purpose else None)
    except TemplateError:
        raise UnsendableError("TEMPLATE_MISSING") from None


def _language(known: str, otherwise: Language) -> Language:
    return next((lang for lang in LANGUAGES if lang == known), otherwise)
