"""Each person's chain of channels, and who of a household gets a notice at all (FEATURES G1, G9, G13)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.consent import MAY_CONSENT, Standing, standing_of
from domain.notices import CHANNELS, EMAIL, PAPER, PHONE, ROBOTS, SMS, WECOM
from notices.catalogue import catalogue
from notices.readers import ONLY_FOR_CAREGIVERS, Contact, Household
from notices.routing import (
    NEVER_CODED,
    Route,
    Ways,
    chain_for,
    household_routes,
    keys_of,
    persons_route,
    pupils_route,
    staff_route,
)

ORDER = ("wecom", "sms", "email", "phone", "paper")
STAFF_ORDER = ("wecom", "email", "wecom_robot", "dingtalk_robot")
ALL = Ways(CHANNELS, ORDER, STAFF_ORDER)
SECRET = b"s" * 32
SHOP = "13900000009"


def ways(*configured):
    """Return a deployment with these channels, and people's work beside them."""
    return Ways((*configured, PHONE, PAPER), ORDER, STAFF_ORDER)


def person(ref="gdn_1", email="a@x.invalid", phone="13900000001", wecom="wa", **more):
    """Return a contact with every address."""
    return Contact(ref, email, phone=phone, wecom=wecom, **more)


@pytest.mark.parametrize(
    ("contact", "there", "expected"),
    [
        (person(), ALL, ("wecom", "sms", "email", "phone", "paper")),
        (person(), ways(EMAIL), ("email", "phone", "paper")),
        (person(wecom=""), ways(WECOM, SMS), ("sms", "phone", "paper")),
        (person(email="", phone="", wecom=""), ALL, ("paper",)),
        (person(channels=("email", "sms")), ALL, ("email", "sms", "paper")),
        (person(channels=("paper", "sms")), ALL, ("paper", "sms")),
        (person(channels=("dingtalk_robot", "sms", "sms")), ALL, ("sms", "paper")),
        (person(), Ways((), ORDER, STAFF_ORDER), ()),
    ],
)
def test_a_chain_has_what_is_configured_and_finds_the_person_in_the_own_order(contact, there, expected):
    """The person's order before the policy's; a channel once; paper always; a robot never."""
    assert chain_for(contact, there) == expected


@pytest.mark.parametrize("wish", ["", "paper", "sms", "dingtalk_robot", "no_such_channel"])
@pytest.mark.parametrize("coded", [True, False])
def test_a_wish_comes_first_and_opens_no_way(wish, coded):
    """What a person wants goes before the reader's own order, and is a way only where it could be one."""
    contact = person(channels=("email",))
    wished = chain_for(contact, replace(ways(WECOM, SMS, EMAIL, *ROBOTS), wish=wish), coded=coded)
    possible = wish == PAPER or (wish == SMS and not coded)
    assert wished == tuple(dict.fromkeys(((wish,) if possible else ()) + ("email", "paper")))


@pytest.mark.parametrize(("wish", "first"), [(PAPER, "email"), (PHONE, "email"), ("dingtalk_robot", "dingtalk_robot")])
def test_a_wish_for_staff_is_one_of_staffs_own_channels(wish, first):
    """Nobody prints for staff, and nobody has a list of calls to them."""
    members = [person("stf_1")]
    there = replace(ways(EMAIL, *ROBOTS), wish=wish)
    assert staff_route(members, catalogue().find("stage_reminder"), there).chain[0] == first
    assert staff_route(members, catalogue().find("student_overdue"), there).chain == ("email",)


def test_a_code_never_goes_by_text_message_on_the_phone_or_to_a_group():
    """Application message to one person, mail and paper only."""
    assert chain_for(person(), ALL, coded=True) == ("wecom", "email", "paper")
    assert chain_for(person(channels=("sms", "phone")), ALL, coded=True) == ("paper",)


def test_what_begins_before_paper_comes_home_is_told_on_the_phone():
    """Also where the own order has no call; nobody but paper is better than nobody."""
    assert chain_for(person(), ALL, hurried=True) == ("wecom", "sms", "email", "phone")
    assert chain_for(person(channels=("email", "paper")), ALL, hurried=True) == ("email", "phone")
    assert chain_for(person(phone="", wecom="", email=""), ALL, hurried=True) == ("paper",)


@pytest.mark.parametrize(
    ("contact", "chain", "to_repair"),
    [
        (person(email="no address", phone="12", wecom=""), ("paper",), True),
        (person(email="no address", wecom=""), ("sms", "phone", "paper"), False),
        (person(email="", phone="", wecom=""), ("paper",), False),
        (person(email="ok@x.invalid", phone="x", wecom="", channels=("sms",)), ("paper",), True),
        (person(email="ok@x.invalid", phone="x", wecom="", channels=("email",)), ("email", "paper"), False),
    ],
)
def test_an_address_that_is_none_is_as_if_missing_and_somebody_repairs_it(contact, chain, to_repair):
    """Only where people have to do it because of that (G13)."""
    route = persons_route(contact, "meeting_invitation", ALL)
    assert (route.chain, route.to_repair) == (chain, to_repair)


def test_a_pupils_own_letter_goes_to_the_pupils_mailbox_or_on_paper():
    """Whatever else is held: nobody calls a pupil."""
    pupil = Contact("stu_1", "p@x.invalid", phone="13900000009", wecom="wp")
    assert pupils_route(pupil, "choice_notice_pupil", ALL) == Route(None, "choice_notice_pupil", ("email", "paper"))
    assert pupils_route(Contact("stu_1", ""), "choice_notice_pupil", ALL).chain == ("paper",)


@pytest.mark.parametrize(
    ("purpose", "emails", "expected"),
    [
        ("stage_reminder", ["", "b@x.invalid"], ("email", "wecom_robot", "dingtalk_robot")),
        ("stage_reminder", ["", ""], ("wecom_robot", "dingtalk_robot")),
        ("student_overdue", ["a@x.invalid"], ("email",)),
        ("student_overdue", [""], ()),
        ("complaint_received", ["a@x.invalid"], ("email",)),
        ("case_opened", ["a@x.invalid"], ("email",)),
    ],
)
def test_a_group_reads_nothing_about_one_pupil_or_one_complaint(purpose, emails, expected):
    """A robot takes counts and days; a pupil's or a case's reference goes to those in the role alone."""
    members = [Contact(f"stf_{n}", email) for n, email in enumerate(emails)]
    assert staff_route(members, catalogue().find(purpose), ALL) == Route(None, purpose, expected)


def test_no_familys_purpose_is_open_to_a_group():
    """Every template for a household, a pupil or a caregiver, whoever would ask for it."""
    for purpose in catalogue().purposes:
        template = catalogue().find(purpose)
        route = staff_route([Contact("stf_1", "a@x.invalid")], template, ALL)
        if template.audience != "staff":
            assert not set(route.chain) & set(ROBOTS)


# -- who of a household ---------------------------------------------------------------------------------------------


def home(*guardians, caregivers=()):
    """Return a household."""
    return Household(Contact("stu_1", "p@x.invalid"), "学生", "9900010001", guardians, caregivers)


def who(household, purpose="meeting_invitation", there=ALL, standings=None, *, coded=False):
    """Return (person, purpose, first channel) of everybody who gets it."""
    routes = household_routes(household, purpose, standings or {}, there, coded=coded)
    return [(route.person, route.purpose, route.chain[0]) for route in routes]


def test_a_home_is_told_once_by_people():
    """Nobody is called or written to on paper where another is reached by a provider; a code is everybody's own."""
    reached, not_reached = person("gdn_1"), person("gdn_2", email="", phone="", wecom="")
    family = home(reached, not_reached)
    assert who(family) == [("gdn_1", "meeting_invitation", "wecom")]
    assert who(home(not_reached, person("gdn_3", email="", phone="", wecom=""))) == [
        ("gdn_2", "meeting_invitation", "paper")
    ]
    called = person("gdn_3", email="", wecom="")
    assert who(home(reached, called), there=ways(EMAIL)) == [("gdn_1", "meeting_invitation", "email")]
    assert who(home(called, not_reached), there=ways(EMAIL)) == [("gdn_3", "meeting_invitation", "phone")]
    assert who(family, "choice_notice", coded=True) == [
        ("gdn_1", "choice_notice", "wecom"),
        ("gdn_2", "choice_notice", "paper"),
    ]


def test_one_telephone_gets_one_notice():
    """Two parents who share a number get one text message; a third with another number gets the own."""
    one = person("gdn_1", email="", wecom="")
    other = person("gdn_2", email="", wecom="")
    third = person("gdn_3", email="", wecom="", phone="13900000002")
    assert [ref for ref, _, _ in who(home(one, other, third))] == ["gdn_1", "gdn_3"]


def test_a_caregiver_is_informed_where_the_guardians_have_the_code():
    """Under a purpose of its own, by text message too, for it has no code; on paper the home has the letter already."""
    family = home(person("gdn_1"), caregivers=(person("cgv_1", "", "13900000003", ""),))
    assert who(family, "choice_notice", coded=True) == [
        ("gdn_1", "choice_notice", "wecom"),
        ("cgv_1", "choice_information", "sms"),
    ]
    silent = home(person("gdn_1"), caregivers=(person("cgv_1", "", "", ""),))
    assert who(silent, "choice_notice", coded=True) == [("gdn_1", "choice_notice", "wecom")]


def test_where_nobody_may_consent_the_letter_has_no_reader():
    """The row stays without a chain, so that somebody looks; the caregiver is informed."""
    family = home(person("gdn_1"), caregivers=(person("cgv_1", "c@x.invalid", "13900000003", "wc"),))
    standings = {"gdn_1": Standing.NO_CUSTODY}
    assert who(family, "choice_notice", standings=standings, coded=True) == [("cgv_1", "choice_information", "wecom")]


FIELDS = st.sampled_from(["", "bad address", "13900000001", "13900000002", "a@x.invalid", "b@x.invalid", "w1"])
CONTACTS = st.builds(
    Contact,
    ref=st.just(""),
    email=FIELDS,
    agreed=st.booleans(),
    phone=FIELDS,
    wecom=FIELDS,
    channels=st.lists(st.sampled_from(CHANNELS), max_size=4).map(tuple),
)


@given(
    purpose=st.sampled_from(["choice_notice", "meeting_invitation", "consent_confirmed", "meeting_moved"]),
    people=st.tuples(CONTACTS, CONTACTS, CONTACTS),
    configured=st.lists(st.sampled_from([WECOM, SMS, EMAIL, *ROBOTS]), min_size=1, unique=True),
    standings=st.dictionaries(st.sampled_from(["gdn_1", "gdn_2", "cgv_1"]), st.sampled_from(Standing)),
    hurried=st.booleans(),
)
def test_every_route_is_one_that_can_be_gone(purpose, people, configured, standings, hurried):
    """For every family and deployment: only configured channels that find the person, codes to guardians, each once."""
    one, two, three = (
        Contact(ref, c.email, agreed=c.agreed, phone=c.phone, wecom=c.wecom, channels=c.channels)
        for ref, c in zip(("gdn_1", "gdn_2", "cgv_1"), people, strict=True)
    )
    there = ways(*configured)
    family = home(one, two, caregivers=(three,))
    coded = purpose == "choice_notice"
    routes = household_routes(family, purpose, standings, there, coded=coded, hurried=hurried)
    known = {c.ref: c for c in (one, two, three)}
    assert len({route.person for route in routes}) == len(routes)
    for route in routes:
        contact = known[route.person]
        standing = standing_of(contact.ref, standings)
        assert standing is not Standing.NO_CUSTODY
        assert standing in MAY_CONSENT or contact.agreed
        assert route.purpose == purpose or route.purpose in ONLY_FOR_CAREGIVERS
        assert len(set(route.chain)) == len(route.chain) > 0
        for channel in route.chain:
            assert channel in there.configured
            assert channel not in ROBOTS
            assert channel == PAPER or contact.address(channel)
        if coded and route.purpose == purpose:
            assert standing in MAY_CONSENT
            assert not set(route.chain) & set(NEVER_CODED)
    if coded:
        with_code = {route.person for route in routes if route.purpose == purpose}
        assert with_code == {ref for ref in known if standing_of(ref, standings) in MAY_CONSENT}
    elif any(standing_of(ref, standings) in MAY_CONSENT for ref in known):
        assert any(route.purpose == purpose for route in routes)
    by_people = [route for route in routes if route.chain[0] in (PHONE, PAPER) and route.purpose == purpose]
    assert coded or len(by_people) <= (len(routes) == 1)
    firsts = [known[route.person].address(route.chain[0]).casefold() for route in routes if not coded]
    assert len(set(firsts)) == len(firsts)


def test_siblings_share_a_key_and_strangers_none():
    """By one shared number, however the mailbox is written; the address cannot be read from it."""
    one = home(person("gdn_1", "A@x.invalid", "13900000001", ""), person("gdn_2", "", "13900000002", ""))
    sibling = home(person("gdn_3", "", "13900000002", ""))
    again = home(person("gdn_4", "a@X.invalid", "", ""))
    stranger = Household(
        Contact("stu_2", ""), "学生", "9900010002", (person("gdn_5", "z@x.invalid", "13900000009", ""),)
    )
    keys = [set(keys_of(one_home, SECRET)) for one_home in (one, sibling, again, stranger)]
    assert keys[0] & keys[1]
    assert keys[0] & keys[2]
    assert not keys[3] & (keys[0] | keys[1] | keys[2])
    assert all(len(key) == 16 for key in keys[0])
    assert keys_of(one, b"t" * 32) != keys_of(one, SECRET)
    assert keys_of(one, SECRET, ["nobody's"]) == keys_of(one, SECRET)
    assert keys_of(home(person(email="none", phone="1", wecom="")), SECRET) == keys_of(home(), SECRET)


def test_the_shops_telephone_makes_no_household_of_a_village():
    """Edge case 8: what many families give tells none of them from another; a family is at least its pupil's."""

    def family(number, email=""):
        guardian = person(f"gdn_{number}", email, SHOP, "")
        return Household(Contact(f"stu_{number}", ""), "学生", "9900010001", (guardian,))

    one, other, twin = family(1), family(2), family(2, "t@x.invalid")
    assert set(keys_of(one, SECRET)) & set(keys_of(other, SECRET))
    keys = [keys_of(home, SECRET, frozenset({SHOP})) for home in (one, other)]
    assert [len(own) for own in keys] == [1, 1]
    assert keys[0] != keys[1]
    assert keys_of(twin, SECRET, frozenset({SHOP})) == keys_of(family(3, "T@x.invalid"), SECRET, frozenset({SHOP}))
