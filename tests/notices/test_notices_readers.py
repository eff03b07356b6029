"""Every guardian is written to and has an own code; a caregiver is informed and has none (edge cases 1 and 2; G9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notices_house import (
    BEGIN,
    CAMPAIGN,
    FILING,
    SCHOOL,
    Clock,
    Drafted,
    NoticeOffered,
    People,
    address,
    code_for,
    dispatcher,
    invite,
    more,
    put,
    sealed,
    student,
    withdrawn,
)
from temporalio.testing import ActivityEnvironment

from domain.consent import MAY_CONSENT, Standing, standing_of
from domain.evidence import EvidenceGrade
from domain.filing_consent_events import ConsentConfirmed, GuardianshipRecorded
from domain.notices import FOR_CAREGIVERS, NoticePlan, copy_for
from domain.school_events import LeftRegister
from domain.silences import ABOUT_THE_CHOICE
from ledger.outbox import Outbox
from notices.catalogue import catalogue
from notices.readers import ONLY_FOR_CAREGIVERS, Contact, Household, addressees
from notices.routing import Ways, household_routes
from notices.sink import Mood, Sink
from protocol import DispatchRequest

REQUEST = DispatchRequest(campaign=CAMPAIGN, channel="email", limit=50)
LETTER = "letter-2025-1"
SECOND = "second000001@family.invalid"
CAREGIVER = "caregiver000001@family.invalid"
PUPIL = "pupil000001@family.invalid"
PURPOSES = ("choice_notice", "meeting_invitation", "consent_confirmed", "choice_information")


async def drain(activities, times=2):
    """Run batches as the engine would; return the last one's result."""
    for _ in range(times):
        result = await ActivityEnvironment().run(activities.drain, REQUEST)
    return result


async def offer(ledger, *events):
    """Offer the letter to the first family, after other events of its filing."""
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]))
    await put(ledger, sealed(FILING, [*events, NoticeOffered(student=student(1), document=LETTER)]))


def recorded(person, standing):
    """Return what a person of the first family is, on record."""
    return GuardianshipRecorded(student=student(1), person=person, standing=standing, evidence=EvidenceGrade.DOCUMENT)


def arrived(sink):
    """Return who got mails, sorted."""
    return sorted(kept.recipient for kept in sink.mails)


# -- who reads ----------------------------------------------------------------------------------------------------

MAILS = Ways(("email", "phone", "paper"), ("email", "phone", "paper"), ("email",))
FATHER, MOTHER, GRANDMOTHER = (Contact(f"{ref}_000001", f"{ref}1@x.invalid") for ref in ("gdn", "gdn_b", "cgv"))
ENTRUSTED = {GRANDMOTHER.ref: Standing.GUARDIAN}


def home(*guardians, caregivers=(GRANDMOTHER,)):
    """Return a household."""
    return Household(Contact("stu_000001", "p@x.invalid"), "学生", SCHOOL, guardians, tuple(caregivers))


def of_home(household, purpose, standings=None):
    """Return the references of who gets a purpose, and of who gets another one."""
    found = household_routes(household, purpose, standings or {}, MAILS, coded=purpose == "choice_notice")
    return [route.person for route in found if route.purpose == purpose], [
        route.person for route in found if route.purpose != purpose
    ]


@pytest.mark.parametrize(
    ("purpose", "standings", "own", "informed"),
    [
        ("choice_notice", {}, [FATHER, MOTHER], [GRANDMOTHER]),
        ("choice_notice", {MOTHER.ref: Standing.NO_CUSTODY}, [FATHER], [GRANDMOTHER]),
        ("choice_notice", {FATHER.ref: Standing.CAREGIVER}, [MOTHER], [FATHER, GRANDMOTHER]),
        ("choice_notice", ENTRUSTED, [FATHER, MOTHER, GRANDMOTHER], []),
        ("meeting_invitation", {}, [FATHER, MOTHER, GRANDMOTHER], []),
        ("meeting_cancelled", {MOTHER.ref: Standing.NO_CUSTODY}, [FATHER, GRANDMOTHER], []),
        ("consent_confirmed", {}, [FATHER, MOTHER], []),
    ],
)
def test_guardians_read_everything_and_a_caregiver_is_informed(purpose, standings, own, informed):
    """What a family has decided is told to its guardians; a written entrustment makes a guardian of a caregiver."""
    found = of_home(home(FATHER, MOTHER), purpose, standings)
    assert found == ([one.ref for one in own], [one.ref for one in informed])


def test_a_guardian_without_any_address_is_told_on_paper():
    """What a family has decided is not told to a caregiver instead; the letter's own is the guardian's, on paper."""
    alone = home(Contact("gdn_000001", ""))
    assert of_home(alone, "consent_confirmed") == (["gdn_000001"], [])
    assert of_home(alone, "choice_notice") == (["gdn_000001"], [GRANDMOTHER.ref])


def test_nobody_is_written_to_who_has_not_agreed():
    """A caregiver's address is a stranger's datum: without the own yes it is not used, with an entrustment it is."""
    silent = Contact(GRANDMOTHER.ref, GRANDMOTHER.email, agreed=False)
    household = home(FATHER, caregivers=[silent])
    assert of_home(household, "meeting_invitation") == ([FATHER.ref], [])
    assert of_home(household, "choice_notice", ENTRUSTED) == ([FATHER.ref, GRANDMOTHER.ref], [])


def test_one_address_gets_one_notice_and_every_guardian_an_own_code():
    """A mailbox that a couple shares is not filled twice; but a code belongs to one person."""
    both = home(FATHER, Contact(MOTHER.ref, FATHER.email.upper()), caregivers=[Contact("cgv_1", FATHER.email)])
    assert of_home(both, "meeting_invitation") == ([FATHER.ref], [])
    assert of_home(both, "choice_notice") == ([FATHER.ref, MOTHER.ref], [])


@given(
    purpose=st.sampled_from(PURPOSES),
    addresses=st.lists(st.sampled_from(["", "a@x.invalid", "b@x.invalid", "c@x.invalid"]), min_size=3, max_size=3),
    standings=st.dictionaries(st.sampled_from(["gdn_1", "gdn_2", "cgv_1"]), st.sampled_from(Standing)),
    agreed=st.booleans(),
)
def test_a_code_goes_to_those_who_may_consent_and_nobody_reads_twice(purpose, addresses, standings, agreed):
    """For every family: the coded letter reaches all guardians and nobody else; each once."""
    one, two, three = addresses
    household = home(Contact("gdn_1", one), Contact("gdn_2", two), caregivers=[Contact("cgv_1", three, agreed=agreed)])
    coded = purpose == "choice_notice"
    found = household_routes(household, purpose, standings, MAILS, coded=coded)
    assert len({route.person for route in found}) == len(found)
    for route in found:
        standing = standing_of(route.person, standings)
        assert standing is not Standing.NO_CUSTODY
        assert route.purpose != "choice_notice" or standing in MAY_CONSENT
        assert route.purpose == purpose or route.purpose in ONLY_FOR_CAREGIVERS
        addressed = addressees(household, route.purpose, standings, coded=coded and route.purpose == purpose)
        assert route.person in [contact.ref for contact in addressed]
    if coded:
        with_code = {route.person for route in found if route.purpose == purpose}
        assert with_code == {ref for ref in ("gdn_1", "gdn_2", "cgv_1") if standing_of(ref, standings) in MAY_CONSENT}


def test_a_caregivers_letter_has_no_code_and_says_that_nobody_signs_for_a_guardian():
    """The template has no place for a code."""
    letter = catalogue().find(FOR_CAREGIVERS["choice_notice"])
    assert (letter.audience, "answer_code" in letter.variables) == ("caregiver", False)
    for own, informing in FOR_CAREGIVERS.items():  # a silence that ends the one ends the other
        assert (own in ABOUT_THE_CHOICE) == (informing in ABOUT_THE_CHOICE)
    assert "不能代替监护人同意或签字" in letter.zh.text
    assert "cannot agree or sign in a guardian's place" in letter.en.text


# -- through the outbox -------------------------------------------------------------------------------------------


async def test_two_guardians_get_letters_with_codes_of_their_own(ledger, sink):
    """One row that the event planned, one beside it; each is sent once, however often the outbox is drained."""
    await offer(ledger)
    asked = []

    async def code(requests):
        asked.extend(requests)
        return await code_for(requests)

    result = await drain(dispatcher(ledger, sink, People(both=(1,), cared=(1,)), code=code), 3)

    assert (result.claimed, result.left) == (0, 0)
    assert arrived(sink) == sorted([address(1), SECOND, CAREGIVER, PUPIL])
    assert sorted(one.person for one in asked) == ["gdn_000001a", "gdn_000001b", student(1)]
    (informed,) = [kept for kept in sink.mails if kept.recipient == CAREGIVER]
    assert LETTER in informed.text
    assert "GDN" not in informed.text
    rows = {row["person"]: row for row in await ledger.outbox.find(CAMPAIGN) if row["recipient"] == student(1)}
    first = rows["gdn_000001a"]
    assert (first["copy_of"], {row["copy_of"] for row in rows.values()}) == (None, {None, first["notice_id"]})
    assert rows["cgv_000001"]["purpose"] == "choice_information"
    assert [row["notice_id"] for row in await ledger.outbox.planned(CAMPAIGN) if row["recipient"] == student(1)] == [
        first["notice_id"]
    ]


async def test_an_invitation_and_its_end_reach_the_whole_household(ledger, sink):
    """Guardians and caregiver, one calendar entry each; a caregiver who has not agreed gets nothing."""
    events = await invite(ledger, 2)
    activities = dispatcher(ledger, sink, People(both=(1,), cared=(1, 2), unasked=(2,)))
    await drain(activities)
    await more(ledger, events, withdrawn(1))
    await drain(activities)
    assert arrived(sink) == sorted([address(1), SECOND, CAREGIVER] * 2 + [address(2)])


async def test_a_decision_is_not_told_to_a_caregiver(ledger, sink):
    """Confirmed: the guardians and the pupil know."""
    await put(ledger, sealed(CAMPAIGN, [Drafted(campaign=CAMPAIGN)]))
    await put(ledger, sealed(FILING, [ConsentConfirmed(student=student(1))]))
    await drain(dispatcher(ledger, sink, People(both=(1,), cared=(1,))))
    assert arrived(sink) == sorted([address(1), PUPIL, SECOND])


async def test_custody_is_looked_up_again_when_a_copy_goes_out(ledger, sink, monkeypatch):
    """Recorded without custody after the copy was planned: it is not sent, and no code is made."""
    await offer(ledger)
    real = Outbox.route

    async def routed(self, routings):
        await real(self, routings)
        events = [event async for event in ledger.events(FILING)]
        await more(ledger, events, recorded("gdn_000001b", Standing.NO_CUSTODY))

    monkeypatch.setattr(Outbox, "route", routed)
    await drain(dispatcher(ledger, sink, People(both=(1,))), 1)
    assert arrived(sink) == sorted([address(1), PUPIL])
    (ended,) = await ledger.outbox.find(CAMPAIGN, state="denied")
    assert (ended["person"], ended["code"]) == ("gdn_000001b", "NOT_A_READER")


async def test_each_guardians_mail_fails_and_is_tried_again_for_itself(ledger):
    """A full mailbox of the first does not send the second's again; nor the first's to the second."""
    async with Sink(lambda to, before: Mood.FULL if to == address(1) and before == 0 else Mood.ACCEPT) as sink:
        await invite(ledger, 1)
        clock = Clock()
        activities = dispatcher(ledger, sink, People(both=(1,)), clock=clock)
        await drain(activities)
        assert arrived(sink) == [SECOND]
        clock.move(timedelta(minutes=2))
        result = await drain(activities)
        assert (arrived(sink), result.left) == (sorted([address(1), SECOND]), 0)


async def test_a_row_stays_with_its_person(ledger):
    """Whose mailbox is gone before the second attempt is called; the other guardian is not written to twice."""
    async with Sink(lambda to, _before: Mood.FULL if to == address(1) else Mood.ACCEPT) as sink:
        await invite(ledger, 1)
        clock, people = Clock(), People(both=(1,))
        activities = dispatcher(ledger, sink, people, clock=clock)
        await drain(activities)
        people.without = (1,)
        clock.move(timedelta(minutes=2))
        await drain(activities)
        assert arrived(sink) == [SECOND]
        (row,) = [row for row in await ledger.outbox.find(CAMPAIGN) if row["person"] == "gdn_000001a"]
        assert (row["state"], row["channel"]) == ("planned", "phone")


async def test_a_silence_that_begins_while_readers_are_looked_up_holds_for_the_copies(ledger, sink, monkeypatch):
    """The pupil leaves at that moment: nobody of the household is written to."""
    await invite(ledger, 1)
    real = Outbox.route
    gone = sealed(f"{CAMPAIGN}/{SCHOOL}", [LeftRegister(student=student(1), exit="transfer", on=BEGIN.date())])

    async def late(self, routings):
        await put(ledger, gone)
        await real(self, routings)

    monkeypatch.setattr(Outbox, "route", late)
    await drain(dispatcher(ledger, sink, People(both=(1,))), 1)
    found = {(row["state"], row["code"]) for row in await ledger.outbox.find(CAMPAIGN)}
    assert (found, arrived(sink)) == ({("denied", "LEFT_REGISTER")}, [])


async def test_a_crash_after_the_copies_were_planned_plans_none_twice(ledger, sink, monkeypatch):
    """The worker dies between the copies and the mails: everybody is written to once."""
    await invite(ledger, 1)
    activities = dispatcher(ledger, sink, People(both=(1,), cared=(1,)))
    real = Outbox.route

    async def dying(self, routings):
        await real(self, routings)
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "route", dying)
        with pytest.raises(Exception, match="ConnectionError"):
            await drain(activities, 1)
    await drain(activities, 3)
    assert arrived(sink) == sorted([address(1), SECOND, CAREGIVER])
    assert len(await ledger.outbox.find(CAMPAIGN)) == 3


async def test_a_pupil_who_leaves_is_told_nothing_by_no_row(ledger, sink, monkeypatch):
    """A silence ends the copies as it ends the household's row, also where it begins between the claim and the call."""
    await invite(ledger, 1)
    gone = sealed(f"{CAMPAIGN}/{SCHOOL}", [LeftRegister(student=student(1), exit="transfer", on=BEGIN.date())])
    claim = Outbox.claim

    async def late(self, *given, **named):
        claimed = await claim(self, *given, **named)
        await put(ledger, gone)
        return claimed

    monkeypatch.setattr(Outbox, "claim", late)
    result = await drain(dispatcher(ledger, sink, People(both=(1,))), 1)
    assert (arrived(sink), result.left) == ([], 0)
    assert {(row["state"], row["code"], row["attempts"]) for row in await ledger.outbox.find(CAMPAIGN)} == {
        ("denied", "LEFT_REGISTER", 0)
    }


def test_a_copys_id_follows_from_row_and_person():
    """The same again is the same notice; another person or another row is another."""
    plan = NoticePlan(
        notice_id="ntc_1", campaign=CAMPAIGN, stream=FILING, cause=f"{FILING}#1", purpose="choice_notice",
        recipient=student(1), optional=False, planned_at="2025-03-03T08:00:00+08:00",
    )  # fmt: skip
    ids = [
        copy_for(one, person, "choice_notice").notice_id
        for one in (plan, plan.model_copy(update={"notice_id": "ntc_2"}))
        for person in ("gdn_a", "gdn_b")
    ]
    assert len({*ids, plan.notice_id}) == 5
    assert copy_for(plan, "gdn_a", "choice_information").notice_id == ids[0]
