"""One render holds one family's data (FEATURES G3), and goes to nobody but that family."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notices_house import BEGIN, CAMPAIGN, MEETINGS, SCHOOL, SENDER

from domain.consent import Standing
from domain.notices import EMAIL, PAPER, PHONE, ROBOTS, SMS, WECOM
from domain.time import stamp
from notices.catalogue import catalogue
from notices.compose import CodeRequest, Facts, Notice, UnsendableError, compose
from notices.readers import Contact, Household

AUDIENCES = {purpose: catalogue().find(purpose).audience for purpose in catalogue().purposes}
FAMILY = sorted(purpose for purpose, audience in AUDIENCES.items() if audience in ("household", "pupil"))


def marks(number):
    """Return what may be seen of one family, each recognisable."""
    return {
        "student": f"stu_q{number}q",
        "name": f"姓名q{number}q",
        "pupil": f"pupilq{number}q@family.invalid",
        "first": f"firstq{number}q@family.invalid",
        "second": f"secondq{number}q@family.invalid",
        "phone": f"139{number:08d}",
        "wecom": f"wq{number}q",
    }


def household(number, *, first=True, second=True, language=""):
    """Return a family made of its marks."""
    mark = marks(number)
    guardians = (
        Contact(f"gdn_q{number}q1", mark["first"] if first else "", language, phone=mark["phone"], wecom=mark["wecom"]),
        Contact(f"gdn_q{number}q2", mark["second"] if second else "", language),
    )
    return Household(Contact(mark["student"], mark["pupil"], language), mark["name"], SCHOOL, guardians)


class Village:
    """A directory of many families."""

    def __init__(self, families, standings=None):
        self.standings = standings or {}
        self.families = {family.pupil.ref: family for family in families}
        self.requests = []

    async def household(self, student):
        """Return a family."""
        return self.families.get(student)

    async def staff(self, campaign, role, school):
        """Nobody asks for staff here."""
        raise AssertionError((campaign, role, school))

    async def school(self, campaign, code):
        """Return a name."""
        assert campaign == CAMPAIGN
        return f"第{code}中学"

    async def facts(self, notice):
        """Return one occasion."""
        values = {"meeting_at": BEGIN, "visit_at": BEGIN, "host": "某职业学校", "cooling_ends": BEGIN, "short": True}
        values |= {"listed_school": "某职业学校", "removed_on": BEGIN.date(), "kept": True, "document": "letter-2"}
        values |= {"callback_due": BEGIN.date()}
        coded = notice.purpose.startswith("choice_notice")
        return Facts(values, "s1", "letter-1" if coded else None, "12345", self.standings)

    async def code(self, request):
        """Return a code that names whom it is for."""
        self.requests.append(request)
        return f"CODE-{request.student}-{request.party}"


def notice(purpose, number):
    """Return a row for one family."""
    student = marks(number)["student"]
    recipient = f"pupil:{student}" if AUDIENCES[purpose] == "pupil" else student
    return Notice(f"ntc_{number}", CAMPAIGN, MEETINGS, f"{MEETINGS}#2", purpose, recipient, stamp(BEGIN))


CODED = ("choice_notice", "choice_notice_pupil")


def address_of(own, purpose, channel, *, first):
    """Return where a channel finds who reads a purpose, None where it finds nobody."""
    if channel == PAPER:
        return ()
    if AUDIENCES[purpose] == "pupil":
        return (own["pupil"],) if channel == EMAIL else None
    if channel == EMAIL:
        return (own["first" if first else "second"],)
    return (own["wecom" if channel == WECOM else "phone"],)


@given(
    purpose=st.sampled_from(FAMILY),
    channel=st.sampled_from([WECOM, SMS, EMAIL, PAPER]),
    numbers=st.lists(st.integers(0, 99_999_999), min_size=2, max_size=6, unique=True),
    language=st.sampled_from(["zh", "en", "", "xx"]),
    first=st.booleans(),
    data=st.data(),
)
def test_a_render_holds_the_data_of_one_family_only(purpose, channel, numbers, language, first, data):
    """Whoever lives next door: no mark of theirs in any text, the addresses, the calendar or the code."""
    village = Village([household(number, first=first, language=language) for number in numbers])
    chosen = data.draw(st.sampled_from(numbers))
    own = marks(chosen)
    addresses = address_of(own, purpose, channel, first=first)
    composing = compose(notice(purpose, chosen), village, SENDER, "zh", channel)
    if addresses is None or (purpose in CODED and channel == SMS):
        with pytest.raises(UnsendableError):
            asyncio.run(composing)
        assert village.requests == []
        return
    message, template = asyncio.run(composing)
    calendar = (message.calendar or b"").decode().replace("\r\n ", "")
    whole = "\n".join((message.subject, message.text, message.short or "", *message.addresses, calendar))
    assert own["name"] in message.text
    assert (message.addresses, message.to_staff) == (addresses, False)
    assert (message.calendar is not None) <= (channel == EMAIL)
    assert (message.short is None) <= (channel != SMS)
    for number in numbers:
        if number != chosen:
            theirs = marks(number)
            assert f"q{number}q" not in whole
            assert theirs["phone"] not in whole
    assert {request.student for request in village.requests} <= {own["student"]}
    assert message.lang == (language if language in ("zh", "en") else "zh")
    assert template == catalogue().find(purpose).label


@pytest.mark.parametrize("purpose", CODED)
@pytest.mark.parametrize("channel", [SMS, PHONE, *ROBOTS])
async def test_no_code_is_made_for_a_way_that_a_code_never_goes(purpose, channel):
    """Also where somebody routes the letter there by hand."""
    village = Village([household(1)])
    with pytest.raises(UnsendableError, match="CODE_NOT_THIS_WAY"):
        await compose(notice(purpose, 1), village, SENDER, "zh", channel)
    assert village.requests == []


@pytest.mark.parametrize("robot", ROBOTS)
async def test_a_group_never_gets_a_familys_text(robot):
    """Whatever the row says of its channel."""
    with pytest.raises(UnsendableError, match="NOT_FOR_A_GROUP"):
        await compose(notice("meeting_invitation", 1), Village([household(1)]), SENDER, "zh", robot)


async def test_pupil_and_guardian_get_codes_of_their_own():
    """Two letters, two parties, two persons: the pupil's answer is not the guardian's."""
    village = Village([household(1)])
    for purpose in ("choice_notice", "choice_notice_pupil"):
        mail, _ = await compose(notice(purpose, 1), village, SENDER, "zh")
        assert f"CODE-stu_q1q-{'pupil' if purpose.endswith('pupil') else 'guardian'}" in mail.text
    assert village.requests == [
        CodeRequest(CAMPAIGN, SCHOOL, "stu_q1q", "guardian", "gdn_q1q1", "letter-1"),
        CodeRequest(CAMPAIGN, SCHOOL, "stu_q1q", "pupil", "stu_q1q", "letter-1"),
    ]


@pytest.mark.parametrize(
    ("family", "purpose", "code"),
    [
        (household(1, first=False, second=False), "meeting_invitation", "NO_ADDRESS"),
        (household(2), "meeting_invitation", "HOUSEHOLD_UNKNOWN"),
    ],
)
async def test_a_family_that_cannot_be_written_to_is_named_by_a_code(family, purpose, code):
    """No address, or a family that was forgotten: a later channel, not an exception with a name in it."""
    with pytest.raises(UnsendableError) as caught:
        await compose(notice(purpose, 1), Village([family]), SENDER, "zh")
    assert (caught.value.code, str(caught.value)) == (code, code)


FIRST, SECOND = "gdn_q1q1", "gdn_q1q2"


@pytest.mark.parametrize(
    ("standings", "coded", "told"),
    [
        ({}, "first", "first"),
        ({FIRST: Standing.GUARDIAN}, "first", "first"),
        ({FIRST: Standing.INSTITUTION}, "first", "first"),
        ({FIRST: Standing.CAREGIVER}, "second", "second"),
        ({FIRST: Standing.NO_CUSTODY}, "second", "second"),
        ({FIRST: Standing.CAREGIVER, SECOND: Standing.NO_CUSTODY}, None, "first"),
        ({FIRST: Standing.NO_CUSTODY, SECOND: Standing.CAREGIVER}, None, "second"),
        ({FIRST: Standing.NO_CUSTODY, SECOND: Standing.NO_CUSTODY}, None, None),
    ],
)
async def test_a_code_goes_to_nobody_who_cannot_consent(standings, coded, told):
    """A caregiver may be told and gets no code; a parent without custody gets neither (edge cases 1 and 2)."""
    for purpose, reader in (("choice_notice", coded), ("consent_confirmed", told)):
        village = Village([household(1)], standings)
        if reader is None:
            with pytest.raises(UnsendableError, match="NOT_A_READER"):
                await compose(notice(purpose, 1), village, SENDER, "zh")
            assert village.requests == []
            continue
        mail, _ = await compose(notice(purpose, 1), village, SENDER, "zh")
        assert mail.addresses == (marks(1)[reader],)
        assert all(request.person == (FIRST if reader == "first" else SECOND) for request in village.requests)


async def test_no_code_is_made_for_a_family_without_an_address():
    """A code that nobody receives must not exist."""
    village = Village([household(1, first=False, second=False)])
    with pytest.raises(UnsendableError):
        await compose(notice("choice_notice", 1), village, SENDER, "zh")
    assert village.requests == []


async def test_a_name_that_would_begin_a_header_is_refused():
    """A registry that was filled with a line break in a name: no mail rather than a forged one."""
    family = household(1)
    nasty = Household(family.pupil, "甲\r\nBcc: x@y.invalid", SCHOOL, family.guardians)
    with pytest.raises(UnsendableError, match="TEMPLATE_UNFIT"):
        await compose(notice("meeting_invitation", 1), Village([nasty]), SENDER, "zh")
