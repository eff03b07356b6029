"""From a row of the outbox to one mail: one recipient, one family's data, nothing of anybody else's (FEATURES G3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from domain.consent import Standing
from domain.notices import PUPIL, student_of
from domain.time import instant
from notices.answer_line import answer_line
from notices.calendars import Entry, entry_uid
from notices.catalogue import LANGUAGES, Language, Template, TemplateError, catalogue
from notices.mail import Mail, valid_address
from notices.readers import Contact, Household, Readers, addressees, readers
from notices.render import render

Party = Literal["guardian", "pupil"]

COMPLAINT_LINES: Final[dict[Language, str]] = {
    "zh": "如有人强迫您、代替您选择，或者以此收费，请拨打 {number} 投诉；我们对投诉人保密。",
    "en": "If anybody presses you, chooses in your place or takes money for it, complain by telephone: {number}. "
    "Nobody is told who complained.",
}


@dataclass(frozen=True)
class Notice:
    """A row of the outbox, as far as its text depends on it.

    Attributes:
        template: what an earlier attempt sent, so that a repeated mail says the same; None before the first.
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


@dataclass(frozen=True)
class Facts:
    """What the record says about the occasion: references, codes and times only.

    Attributes:
        values: by the names of the templates' variables.
        occasion: the session's or trip's reference, for the calendar.
        moves: how often its time has changed.
        document: version of the notice that a code is for, None where the purpose has no code.
        complaint_number: where families complain.
        standings: what is on record of the persons around the pupil, by reference; most are not there.
        answer_line: where families send their codes, None where the campaign does not say.
    """

    values: Mapping[str, Any]
    occasion: str | None
    document: str | None
    complaint_number: str
    standings: Mapping[str, Standing] = field(default_factory=dict)
    moves: int = 0
    answer_line: str | None = None


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
        recipients: plain addresses; several only for staff of one role.
        language: of the readers.
        values: by the names of the template's variables; it may have others.
        entry: the calendar entry, None where the purpose has none.
        asks: for the answer code, None where the purpose has none.
    """

    notice: Notice
    template: Template
    recipients: tuple[str, ...] = field(repr=False)
    language: Language
    values: Mapping[str, Any] = field(repr=False)
    entry: Entry | None = None
    asks: CodeRequest | None = None


class Directory(Protocol):
    """Where a composer looks things up."""

    async def household(self, student: str) -> Household | None:
        """Return a pupil's household, None where it is unknown or was forgotten."""
        ...

    async def staff(self, campaign: str, role: str, school: str) -> tuple[str, ...]:
        """Return the addresses of a school's or the bureau's staff in a role."""
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
    """A notice that cannot be sent by e-mail, whoever tries.

    Attributes:
        code: NO_ADDRESS, HOUSEHOLD_UNKNOWN, FACTS_MISSING, TEMPLATE_MISSING or TEMPLATE_UNFIT.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def compose(notice: Notice, directory: Directory, sender: str, lang: Language) -> tuple[Mail, str]:
    """Return the mail of one notice, and the template that it was made with; arguments and errors as in `draft`."""
    drafted = await draft(notice, directory, sender, lang)
    return written(drafted, None if drafted.asks is None else await directory.code(drafted.asks))


async def draft(notice: Notice, directory: Directory, sender: str, lang: Language) -> Draft:
    """Look up what a notice says and to whom.

    Args:
        notice: the row.
        directory: where to look things up.
        sender: the address that mails come from, organizer of a calendar entry.
        lang: of those whose language nobody knows.

    Raises:
        UnsendableError: nobody to write to, or the record lacks what the text needs.
    """
    template = _template(notice)
    facts = await directory.facts(notice)
    student = student_of(notice.recipient)
    if student is None:
        return await _for_staff(notice, template, facts, directory, lang)
    household = await _household(student, directory)
    party: Party = "pupil" if notice.recipient.startswith(PUPIL) else "guardian"
    contact = _contact(notice, household, party, facts)
    language = _language(contact.language, lang)
    values = {
        **facts.values,
        "pupil_name": household.name,
        "school": await directory.school(notice.campaign, household.school),
        "complaint_line": COMPLAINT_LINES[language].format(number=facts.complaint_number),
    }
    asks = entry = None
    if facts.document is not None:
        values["answer_line"] = answer_line(facts.answer_line, facts.complaint_number, language)
        asks = CodeRequest(notice.campaign, household.school, student, party, contact.ref, facts.document)
    if facts.occasion is not None and template.calendar is not None:
        entry = Entry(
            uid=entry_uid(notice.stream, facts.occasion, notice.recipient),
            sequence=facts.moves + (template.calendar == "CANCEL"),
            written_at=instant(notice.planned_at),
            organizer=sender,
            attendee=contact.email,
        )
    return Draft(notice, template, (contact.email,), language, values, entry, asks)


def written(drafted: Draft, code: str | None) -> tuple[Mail, str]:
    """Return the mail that a draft becomes, and the template that it was made with.

    Args:
        drafted: the draft.
        code: the answer code that it asks for.

    Raises:
        UnsendableError: FACTS_MISSING or TEMPLATE_UNFIT, the values do not fit the text.
    """
    notice, template, values = drafted.notice, drafted.template, dict(drafted.values)
    if drafted.asks is not None:
        values |= {"answer_code": code, "document": drafted.asks.document}
    if any(name not in values for name in template.variables):
        raise UnsendableError("FACTS_MISSING")
    wanted = {name: values[name] for name in template.variables}
    try:
        rendered = render(template.purpose, drafted.language, wanted, drafted.entry, version=template.version)
    except TemplateError:
        raise UnsendableError("TEMPLATE_UNFIT") from None
    mail = Mail(
        notice_id=notice.notice_id,
        recipients=drafted.recipients,
        lang=drafted.language,
        subject=rendered.subject,
        text=rendered.text,
        planned_at=instant(notice.planned_at),
        calendar=rendered.calendar,
        method=template.calendar,
    )
    return mail, rendered.template


async def readers_of(notice: Notice, directory: Directory) -> Readers | None:
    """Return who reads a notice, None where that is not to be looked up: the pupil alone, or staff.

    Raises:
        UnsendableError: HOUSEHOLD_UNKNOWN, FACTS_MISSING.
    """
    student = student_of(notice.recipient)
    if student is None or notice.recipient.startswith(PUPIL):
        return None
    facts = await directory.facts(notice)
    household = await _household(student, directory)
    return readers(household, notice.purpose, facts.standings, coded=facts.document is not None)


async def _household(student: str, directory: Directory) -> Household:
    household = await directory.household(student)
    if household is None or household.pupil.ref != student:
        raise UnsendableError("HOUSEHOLD_UNKNOWN")
    return household


def _contact(notice: Notice, household: Household, party: Party, facts: Facts) -> Contact:
    """Return whom a notice goes to: the pupil, the row's own person, or the first who reads it.

    Raises:
        UnsendableError: NO_ADDRESS; the row's person has none any more, or may not be told any more.
    """
    if party == "pupil":
        candidates: tuple[Contact, ...] = tuple(one for one in (household.pupil,) if valid_address(one.email))
    else:
        coded = facts.document is not None
        candidates = addressees(household, notice.purpose, facts.standings, coded=coded)
    found = next((one for one in candidates if notice.person in (None, one.ref)), None)
    if found is None:
        raise UnsendableError("NO_ADDRESS")
    return found


async def _for_staff(notice: Notice, template: Template, facts: Facts, directory: Directory, lang: Language) -> Draft:
    role, _, school = notice.recipient.partition("@")
    addresses = tuple(filter(valid_address, await directory.staff(notice.campaign, role, school)))
    if not addresses:
        raise UnsendableError("NO_ADDRESS")
    values = {**facts.values, "school": await directory.school(notice.campaign, school)}
    return Draft(notice, template, addresses, lang, values)


def _template(notice: Notice) -> Template:
    version = None if notice.template is None else int(notice.template.rpartition("/")[2])
    try:
        return catalogue().find(notice.purpose, version)
    except TemplateError:
        raise UnsendableError("TEMPLATE_MISSING") from None


def _language(known: str, otherwise: Language) -> Language:
    return next((lang for lang in LANGUAGES if lang == known), otherwise)
