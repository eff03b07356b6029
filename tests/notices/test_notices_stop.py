"""What stops notices, and what of them goes on afterwards: one test for each of the bureau's and the family's reasons.

Each looks at notices in all three places where they wait: planned by an event, routed to a channel, and claimed by a
dispatcher that has not called its provider yet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from notices_house import CAMPAIGN, SCHOOL, student
from stopping_house import Office, guardian

from domain.campaign import CampaignPaused, CampaignResumed, CampaignStopped
from domain.events import Event
from domain.evidence import EvidenceGrade
from domain.filing_consent_events import RecordReleased, RecordRestricted
from domain.notices import NoticeState
from domain.retention_events import LawfulTransfer, Returned
from domain.school_events import LeftRegister, StudentJoined
from domain.sending_events import (
    NoticeMuted,
    NoticesKilled,
    NoticesReleased,
    OptionalNoticesAllowed,
    OptionalNoticesDeclined,
)
from ledger.store import Ledger

OTHER_SCHOOL = "9900010002"
INVITATION, CANCELLED, LETTER, CONFIRMED, SAFETY = (
    "meeting_invitation",
    "meeting_cancelled",
    "choice_notice",
    "consent_confirmed",
    "persuasion_overdue",
)
EVERY = (INVITATION, CANCELLED, LETTER, CONFIRMED, SAFETY)
"""Optional, urgent, statutory about the choice, statutory about a right, a child's safety."""

SCHOOL_STREAM = f"{CAMPAIGN}/{SCHOOL}"
DAY = date(2025, 3, 3)


@pytest.fixture
async def office(ledger: Ledger) -> AsyncIterator[Office]:
    """Return where notices are planned and sent."""
    return Office(ledger)


async def planned(office: Office, number: int = 1, school: str = SCHOOL) -> dict[str, str]:
    """Plan a notice of each purpose to a household: purpose → notice."""
    return {purpose: await office.plan(purpose, number, school) for purpose in EVERY}


async def sent(office: Office, ids: dict[str, str], channel: str = "sms") -> list[str]:
    """Send what goes; return its purposes in the order of `EVERY`."""
    gone = await office.send(channel)
    assert set(gone) <= set(ids.values())
    return [purpose for purpose in EVERY if ids[purpose] in gone]


async def standing(office: Office, ids: dict[str, str], *purposes: str) -> list[tuple[str, str | None]]:
    """Return where the notices of some purposes stand, each answer once."""
    return list(dict.fromkeys([await office.stands(ids[purpose]) for purpose in purposes]))


# -- pause and stop -------------------------------------------------------------------------------------------------


async def test_a_pause_holds_what_is_optional_until_it_is_over(office: Office) -> None:
    """Rights, a family before a closed door and a child's safety go on; the hold names its event and its reason."""
    ids = await planned(office)
    paused = await office.happen(CampaignPaused(school=None, reason="FLOOD"))
    assert await sent(office, ids) == [CANCELLED, LETTER, CONFIRMED, SAFETY]
    assert await standing(office, ids, INVITATION) == [("held", "PAUSED")]
    (hold,) = await office.ledger.open_holds(CAMPAIGN)
    assert (hold["cause"], hold["reason"]) == (f"{CAMPAIGN}#{paused['version']}", "FLOOD")

    later = await office.plan(INVITATION, 2)
    assert await office.send() == []
    assert await office.stands(later) == ("held", "PAUSED")

    await office.happen(CampaignResumed(school=None, reason="FLOOD_OVER"))
    assert await office.send() == sorted([ids[INVITATION], later])


async def test_a_schools_pause_holds_its_own_only(office: Office) -> None:
    """Another school's families are invited as before."""
    own, others = await planned(office), await planned(office, 2, OTHER_SCHOOL)
    await office.happen(CampaignPaused(school=SCHOOL, reason="FLOOD"))
    gone = await office.send()
    assert gone == sorted([*(own[one] for one in EVERY if one != INVITATION), *others.values()])
    await office.happen(CampaignResumed(school=SCHOOL, reason="FLOOD_OVER"))
    assert await office.send() == [own[INVITATION]]


async def test_a_stop_holds_what_is_optional_for_good(office: Office) -> None:
    """What protects families and children goes on until it ends by itself; nothing else is released by time."""
    ids = await planned(office)
    await office.happen(CampaignStopped(reason="ORDERED"))
    assert await sent(office, ids) == [CANCELLED, LETTER, CONFIRMED, SAFETY]
    office.now = office.now.replace(month=4)
    assert await office.send() == []
    assert await standing(office, ids, INVITATION) == [("held", "PAUSED")]
    (hold,) = await office.ledger.open_holds(CAMPAIGN)
    assert hold["reason"] == "ORDERED"


# -- kill switches --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "scope", "killed"),
    [("channel", "sms", EVERY), ("purpose", LETTER, (LETTER,)), ("school", SCHOOL, EVERY)],
)
async def test_a_kill_switch_holds_all_of_its_scope_until_it_is_released(
    office: Office, kind: str, scope: str, killed: tuple[str, ...]
) -> None:
    """Statutory ones too: it is for what goes wrong in sending. Another school's go on unless their scope is shut."""
    ids, others = await planned(office), await planned(office, 2, OTHER_SCHOOL)
    event = await office.happen(NoticesKilled(scope_kind=kind, scope=scope, reason="WRONG_WORDING"))
    both = kind != "school"
    going = [ids[one] for one in EVERY if one not in killed]
    going += [others[one] for one in EVERY if not (both and one in killed)]
    assert await office.send() == sorted(going)
    assert await standing(office, ids, *killed) == [("held", "KILLED")]
    (switch,) = await office.ledger.outbox.switches(CAMPAIGN)
    shown = {name: switch[name] for name in ("kind", "scope", "reason", "cause")}
    cause = f"{CAMPAIGN}#{event['version']}"
    assert shown == {"kind": kind, "scope": scope, "reason": "WRONG_WORDING", "cause": cause}

    await office.happen(NoticesReleased(scope_kind=kind, scope=scope, reason="CORRECTED"))
    held = [ids[one] for one in killed] + [others[one] for one in killed if both]
    assert await office.send() == sorted(held)
    assert await office.ledger.outbox.switches(CAMPAIGN) == []


async def test_a_killed_channel_leaves_the_others_alone(office: Office) -> None:
    """What has come to its second channel goes out there."""
    notice = await office.plan(LETTER)
    await office.settle(await office.begin(await office.claim()), NoticeState.FAILED_PERMANENT, "ABSENT")
    await office.happen(NoticesKilled(scope_kind="channel", scope="sms", reason="PROVIDER_ASTRAY"))
    assert await office.send("email") == [notice]


async def test_a_release_opens_one_switch_and_no_other(office: Office) -> None:
    """Of two purposes that are shut one goes on, the other waits."""
    ids = await planned(office)
    for purpose in (LETTER, CONFIRMED):
        await office.happen(NoticesKilled(scope_kind="purpose", scope=purpose, reason="WRONG_WORDING"))
    assert await sent(office, ids) == [INVITATION, CANCELLED, SAFETY]
    await office.happen(NoticesReleased(scope_kind="purpose", scope=LETTER, reason="CORRECTED"))
    assert await sent(office, ids) == [LETTER]
    assert await standing(office, ids, CONFIRMED) == [("held", "KILLED")]


async def test_two_switches_both_have_to_be_released(office: Office) -> None:
    """A pause, a kill of the purpose and one of the school hold one notice three times."""
    notice = await office.plan(INVITATION)
    scopes = {"purpose": INVITATION, "school": SCHOOL}
    await office.happen(CampaignPaused(school=None, reason="FLOOD"))
    for kind, scope in scopes.items():
        await office.happen(NoticesKilled(scope_kind=kind, scope=scope, reason="WRONG_WORDING"))
    for kind, scope in scopes.items():
        assert await office.send() == []
        await office.happen(NoticesReleased(scope_kind=kind, scope=scope, reason="CORRECTED"))
    assert await office.send() == []
    await office.happen(CampaignResumed(school=None, reason="FLOOD_OVER"))
    assert await office.send() == [notice]


# -- what happens to a pupil ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("exit_kind", ["death", "transfer", "abroad"])
async def test_whoever_left_the_register_gets_nothing_more(office: Office, exit_kind: str) -> None:
    """Edge case 35: at once, whatever it is about; who comes back gets what is planned from then on."""
    ids, others = await planned(office), await planned(office, 2)
    event = await office.happen(LeftRegister(student=student(1), exit=exit_kind, on=DAY), SCHOOL_STREAM)
    ids |= {"later": await office.plan(CONFIRMED)}
    assert await office.send() == sorted(others.values())
    assert await standing(office, ids, *ids) == [("denied", "LEFT_REGISTER")]
    (silence,) = await office.ledger.outbox.suppressions(CAMPAIGN)
    assert (silence["cause"], silence["reason"]) == (f"{SCHOOL_STREAM}#{event['version']}", exit_kind)

    joined = StudentJoined(student=student(1), class_id="2025-01", on=DAY, again=True)
    await office.happen(joined, SCHOOL_STREAM)
    assert await office.send() == []
    anew = await office.plan(INVITATION)
    assert await office.send() == [anew]
    assert await standing(office, ids, *ids) == [("denied", "LEFT_REGISTER")]


async def test_a_pupil_who_goes_elsewhere_is_not_invited_any_more(office: Office) -> None:
    """What is about the choice ends; what a family is told of its own rights and consents goes out."""
    ids = await planned(office)
    gone = LawfulTransfer(student=student(1), checkpoint="d30", evidence=EvidenceGrade.SEEN)
    await office.happen(gone, f"{SCHOOL_STREAM}/retention")
    assert await sent(office, ids) == [CANCELLED, CONFIRMED, SAFETY]
    assert await standing(office, ids, INVITATION, LETTER) == [("denied", "GOES_ELSEWHERE")]
    back = Returned(student=student(1), checkpoint="d30", evidence=EvidenceGrade.SEEN)
    await office.happen(back, f"{SCHOOL_STREAM}/retention")
    assert await office.send() == []


async def test_a_restricted_record_holds_what_is_owed_and_ends_the_rest(office: Office) -> None:
    """Nothing goes out under it; after the release what is statutory does, and no invitation of a day that is over."""
    ids = await planned(office)
    filing = f"{SCHOOL_STREAM}/application-filing"
    await office.happen(RecordRestricted(student=student(1), reason="COURT_ORDER"), filing)
    assert await office.send() == []
    assert await standing(office, ids, INVITATION, CANCELLED) == [("denied", "RECORD_RESTRICTED")]
    await office.happen(RecordReleased(student=student(1), reason="OVER"), filing)
    assert await sent(office, ids) == [LETTER, CONFIRMED, SAFETY]


async def test_a_family_that_wants_no_optional_notices_gets_the_others(office: Office) -> None:
    """G8: never what is statutory, urgent or about safety; a later yes is for what is planned from then on."""
    ids = await planned(office)
    await office.happen(OptionalNoticesDeclined(student=student(1), person=guardian(1)))
    assert await sent(office, ids) == [CANCELLED, LETTER, CONFIRMED, SAFETY]
    assert await standing(office, ids, INVITATION) == [("denied", "OPTED_OUT")]
    await office.happen(OptionalNoticesAllowed(student=student(1), person=guardian(1)))
    assert await office.send() == []
    anew = await office.plan("visit_invitation")
    assert await office.send() == [anew]


# -- in the last moment ---------------------------------------------------------------------------------------------

STOPS: dict[str, tuple[Event, str, tuple[str, ...], tuple[str, str | None]]] = {
    "pause": (CampaignPaused(school=None, reason="FLOOD"), CAMPAIGN, (INVITATION,), ("held", "PAUSED")),
    "stop": (CampaignStopped(reason="ORDERED"), CAMPAIGN, (INVITATION,), ("held", "PAUSED")),
    "channel": (
        NoticesKilled(scope_kind="channel", scope="sms", reason="ASTRAY"),
        CAMPAIGN,
        EVERY,
        ("held", "KILLED"),
    ),
    "purpose": (
        NoticesKilled(scope_kind="purpose", scope=LETTER, reason="ASTRAY"),
        CAMPAIGN,
        (LETTER,),
        ("held", "KILLED"),
    ),
    "school": (
        NoticesKilled(scope_kind="school", scope=SCHOOL, reason="ASTRAY"),
        CAMPAIGN,
        EVERY,
        ("held", "KILLED"),
    ),
    "death": (
        LeftRegister(student=student(1), exit="death", on=DAY),
        SCHOOL_STREAM,
        EVERY,
        ("denied", "LEFT_REGISTER"),
    ),
    "elsewhere": (
        LawfulTransfer(student=student(1), checkpoint="d30", evidence=EvidenceGrade.SEEN),
        f"{SCHOOL_STREAM}/retention",
        (INVITATION, LETTER),
        ("denied", "GOES_ELSEWHERE"),
    ),
    "restricted": (
        RecordRestricted(student=student(1), reason="COURT_ORDER"),
        f"{SCHOOL_STREAM}/application-filing",
        (INVITATION, CANCELLED),
        ("denied", "RECORD_RESTRICTED"),
    ),
    "opt-out": (
        OptionalNoticesDeclined(student=student(1), person=guardian(1)),
        CAMPAIGN,
        (INVITATION,),
        ("denied", "OPTED_OUT"),
    ),
}


@pytest.mark.parametrize("name", STOPS)
async def test_what_is_claimed_already_is_stopped_before_the_provider_is_called(office: Office, name: str) -> None:
    """The dispatcher has it in its hands and asks once more; what it may not send has no attempt."""
    event, stream, stopped, state = STOPS[name]
    ids = await planned(office)
    claimed = await office.claim()
    assert len(claimed) == len(EVERY)
    await office.happen(event, stream)
    begun = {one.notice_id for one in await office.begin(claimed)}
    held = EVERY if name == "restricted" else stopped
    assert begun == {ids[purpose] for purpose in EVERY if purpose not in held}
    assert await standing(office, ids, *stopped) == [state]
    for purpose in held:
        assert await office.ledger.outbox.attempts(ids[purpose]) == []


@pytest.mark.parametrize("name", STOPS)
async def test_what_has_to_be_tried_again_is_stopped_too(office: Office, name: str) -> None:
    """One attempt was made before, and there is no other."""
    event, stream, stopped, state = STOPS[name]
    ids = await planned(office)
    begun = await office.begin(await office.claim())
    await office.settle(begun, NoticeState.FAILED_TEMPORARY, "PROVIDER_BUSY")
    await office.happen(event, stream)
    office.now = office.now.replace(minute=office.now.minute + 30)
    held = EVERY if name == "restricted" else stopped
    assert await sent(office, ids) == [purpose for purpose in EVERY if purpose not in held]
    assert await standing(office, ids, *stopped) == [state]
    assert {len(await office.ledger.outbox.attempts(ids[purpose])) for purpose in held} == {1}


async def test_a_muted_notice_is_stopped_alone(office: Office) -> None:
    """By its id, claimed or not; its household's other notices go out."""
    ids = await planned(office)
    claimed = await office.claim()
    for purpose in (INVITATION, LETTER):
        await office.happen(NoticeMuted(notice=ids[purpose], school=None, reason="SENT_BY_HAND"))
    begun = {one.notice_id for one in await office.begin(claimed)}
    assert begun == {ids[purpose] for purpose in (CANCELLED, CONFIRMED, SAFETY)}
    assert {state for state, _ in await standing(office, ids, INVITATION, LETTER)} == {"muted"}
    assert await office.send() == []


async def test_a_notice_that_is_muted_while_its_provider_is_called_takes_no_other_way(office: Office) -> None:
    """What went out went out; what did not is not tried again, on no channel."""
    ids = {purpose: await office.plan(purpose) for purpose in (INVITATION, LETTER, CONFIRMED)}
    begun = {one.notice_id: one for one in await office.begin(await office.claim())}
    for notice in ids.values():
        await office.happen(NoticeMuted(notice=notice, school=None, reason="SENT_BY_HAND"))
    await office.settle([begun[ids[INVITATION]]], NoticeState.FAILED_PERMANENT, "ABSENT")
    await office.settle([begun[ids[LETTER]]], NoticeState.FAILED_TEMPORARY, "PROVIDER_BUSY")
    await office.settle([begun[ids[CONFIRMED]]], NoticeState.ACCEPTED)
    assert {state for state, _ in await standing(office, ids, INVITATION, LETTER)} == {"muted"}
    assert (await office.stands(ids[CONFIRMED]))[0] == "accepted"


async def test_what_is_being_called_cannot_be_called_back(office: Office) -> None:
    """Its outcome is written down as it is, and where it failed there is no second attempt."""
    taken, failed = await office.plan(INVITATION), await office.plan("visit_invitation")
    begun = {one.notice_id: one for one in await office.begin(await office.claim())}
    await office.happen(LeftRegister(student=student(1), exit="death", on=DAY), SCHOOL_STREAM)
    await office.settle([begun[taken]], NoticeState.ACCEPTED)
    await office.settle([begun[failed]], NoticeState.FAILED_TEMPORARY, "PROVIDER_BUSY")
    assert await office.stands(taken) == ("accepted", None)
    assert await office.stands(failed) == ("denied", "LEFT_REGISTER")


async def test_a_stopped_notice_takes_no_other_way(office: Office) -> None:
    """A failure for good hands a notice to its next channel, unless the pupil has left meanwhile."""
    ids = {purpose: await office.plan(purpose) for purpose in (INVITATION, LETTER)}
    begun = await office.begin(await office.claim())
    await office.happen(LeftRegister(student=student(1), exit="death", on=DAY), SCHOOL_STREAM)
    await office.settle(begun, NoticeState.FAILED_PERMANENT, "ABSENT")
    assert await standing(office, ids, *ids) == [("denied", "LEFT_REGISTER")]
    for channel in ("sms", "email", "paper"):
        assert await office.send(channel) == []
        assert await office.ledger.outbox.cleared(CAMPAIGN, channel) == []


@pytest.mark.parametrize("name", ["pause", "purpose", "school", "death", "elsewhere", "opt-out"])
async def test_what_stands_on_a_persons_list_is_stopped_before_it_is_printed(office: Office, name: str) -> None:
    """Letters and calls as well as messages: the list is looked at again when it is printed."""
    event, stream, stopped, state = STOPS[name]
    office.chain = ("paper",)
    ids = await planned(office)
    assert await office.claim("paper") == []
    listed = [one["notice_id"] for one in await office.ledger.outbox.cleared(CAMPAIGN, "paper")]
    assert sorted(listed) == sorted(ids.values())
    await office.happen(event, stream)
    await office.ledger.outbox.mark_printed(listed, office.now)
    printed = {purpose for purpose in EVERY if (await office.stands(ids[purpose]))[0] == "submitted"}
    assert printed == set(EVERY) - set(stopped)
    assert await standing(office, ids, *stopped) == [state]


async def test_a_notice_that_nobody_has_routed_is_stopped_as_well(office: Office) -> None:
    """Silence is asked for before anybody looks the family up."""
    ids = [await office.plan(purpose, route=False) for purpose in EVERY]
    await office.happen(LeftRegister(student=student(1), exit="death", on=DAY), SCHOOL_STREAM)
    assert await office.ledger.outbox.unrouted(CAMPAIGN, 10) == []
    assert {await office.stands(one) for one in ids} == {("denied", "LEFT_REGISTER")}
