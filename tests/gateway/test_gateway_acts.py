import asyncio
from datetime import UTC, timedelta

import pytest
from gateway_samples import (
    CAMPAIGN,
    DOCUMENT,
    EXPIRES,
    GUARDIAN,
    IN_TIME,
    OTHER_PUPIL,
    PUPIL,
    SCHOOL,
    VOCATIONAL,
    act,
    bound,
    letters,
    sqlite_url,
)

from domain.family_act import FamilyAct, Intent, Party, is_signed_by
from domain.refusal import Refusal

WRONG = "0000-0000"


async def code_of(call):
    """Return the code with which a call is refused."""
    with pytest.raises(Refusal) as refused:
        await call
    return refused.value.code


async def test_a_code_serves_the_whole_protocol(gateway):
    """One letter is enough for every step; each act is whole, signed, and about the family of the letter."""
    guardians, pupils = await letters(gateway)
    acts = [
        await act(gateway, guardians, "intent", at=IN_TIME, intent=Intent.VOCATIONAL),
        await act(gateway, guardians, "acknowledge", at=IN_TIME),
        await act(gateway, guardians, "sign", at=IN_TIME, destination=VOCATIONAL, student=PUPIL),
        await act(gateway, guardians, "withdraw", at=IN_TIME),
        await act(gateway, pupils, "refuse", at=IN_TIME),
    ]
    for one in acts:
        assert is_signed_by(one, gateway.public_key)
        assert (one.campaign, one.school, one.student, one.document) == (CAMPAIGN, SCHOOL, PUPIL, DOCUMENT)
        assert (one.at, one.key_id) == (IN_TIME, gateway.key_id)
        assert FamilyAct.model_validate(one.model_dump(mode="json")) == one
    assert [one.person for one in acts] == [GUARDIAN] * 4 + [PUPIL]
    assert len({one.act_id for one in acts}) == 5
    assert acts[0].intent is Intent.VOCATIONAL
    assert acts[2].destination == VOCATIONAL


async def test_nobody_can_change_a_signed_act(gateway):
    """Another school, kind of act, time or pupil under the same signature is no act of the family."""
    guardians, _ = await letters(gateway)
    signed = await act(gateway, guardians, "sign", at=IN_TIME, destination=VOCATIONAL)
    changes = [
        {"destination": "9900020002"},
        {"student": OTHER_PUPIL},
        {"at": IN_TIME + timedelta(seconds=1)},
        {"document": "notice-2"},
        {"party": Party.PUPIL},
        {"act_id": "act_0000000099"},
    ]
    for change in changes:
        assert not is_signed_by(signed.model_copy(update=change), gateway.public_key)


async def test_the_fifth_wrong_code_shuts_the_pupils_codes(gateway):
    """Five wrong ones are answered as wrong; from then on no "yes" passes, not even with the right code."""
    guardians, pupils = await letters(gateway)
    wrong = [await code_of(act(gateway, WRONG, "refuse", at=IN_TIME, student=PUPIL)) for _ in range(6)]
    assert wrong == ["CODE_WRONG"] * 5 + ["CODE_LOCKED"]
    assert await code_of(act(gateway, guardians, "acknowledge", at=IN_TIME)) == "CODE_LOCKED"
    signing = {"at": IN_TIME, "student": PUPIL, "destination": VOCATIONAL}
    assert await code_of(act(gateway, pupils, "sign", **signing)) == "CODE_LOCKED"


async def test_nobodys_guesses_close_a_familys_way_out(gateway):
    """INV-06: with the right code either party refuses and withdraws, however often others guessed."""
    for code in await letters(gateway):
        for _ in range(6):
            await code_of(act(gateway, WRONG, "withdraw", at=IN_TIME, student=PUPIL))
        for kind in ("refuse", "withdraw"):
            assert (await act(gateway, code, kind, at=IN_TIME, student=PUPIL)).act == kind
            assert (await act(gateway, code, kind, at=EXPIRES)).student == PUPIL


async def test_a_superseded_code_still_says_no(gateway):
    """A later letter voids the code for everything but a "no"; a paper's code stays one for the call-back."""
    old, _ = await letters(gateway)
    await gateway.reissue(bound(), serial=1, expires_at=EXPIRES)
    for kind in ("refuse", "withdraw"):
        signed = await act(gateway, old, kind, at=EXPIRES, student=PUPIL, request=kind)
        assert (signed.act, signed.person) == (kind, GUARDIAN)
        assert await act(gateway, old, kind, at=IN_TIME, request=kind) == signed
    assert await code_of(act(gateway, old, "acknowledge", at=IN_TIME)) == "CODE_SUPERSEDED"
    assert await code_of(act(gateway, old, "withdraw", at=IN_TIME, student=OTHER_PUPIL)) == "CODE_WRONG"
    paper = await gateway.issue_paper(bound(), EXPIRES)
    await gateway.reissue(bound(), serial=1, expires_at=EXPIRES, form="paper")
    assert await code_of(act(gateway, paper, "refuse", at=IN_TIME)) == "CODE_IS_PAPER"
    assert (await act(gateway, paper, "refuse", at=IN_TIME, called_back=True)).act == "refuse"
    assert (await act(gateway, paper, "withdraw", at=IN_TIME)).act == "withdraw"


async def test_four_wrong_codes_shut_nothing(gateway):
    """The fifth is the limit, not the fourth; another pupil's codes never notice."""
    guardians, _ = await letters(gateway)
    others, _ = await letters(gateway, OTHER_PUPIL)
    for _ in range(4):
        await code_of(act(gateway, WRONG, "refuse", at=IN_TIME, student=PUPIL))
    assert (await act(gateway, guardians, "acknowledge", at=IN_TIME)).act == "acknowledge"
    await code_of(act(gateway, WRONG, "refuse", at=IN_TIME, student=PUPIL))
    assert await code_of(act(gateway, guardians, "acknowledge", at=IN_TIME)) == "CODE_LOCKED"
    assert (await act(gateway, others, "refuse", at=IN_TIME)).student == OTHER_PUPIL


async def test_a_new_version_of_the_notice_has_its_own_tries(gateway):
    """What was shut under the old document does not shut the new letter."""
    old, _ = await letters(gateway)
    for _ in range(5):
        await code_of(act(gateway, WRONG, "refuse", at=IN_TIME, student=PUPIL))
    new, _ = await letters(gateway, document="notice-2")
    assert (await act(gateway, new, "acknowledge", at=IN_TIME)).document == "notice-2"
    assert await code_of(act(gateway, old, "acknowledge", at=IN_TIME)) == "CODE_LOCKED"


async def test_a_wrong_code_without_a_pupil_is_wrong_and_counts_for_nobody(gateway):
    """Without a name nobody's letter can be shut by a stranger's guesses."""
    guardians, _ = await letters(gateway)
    for typed in [WRONG] * 9 + ["nonsense"]:
        assert await code_of(act(gateway, typed, "refuse", at=IN_TIME)) == "CODE_WRONG"
    assert (await act(gateway, guardians, "refuse", at=IN_TIME)).student == PUPIL


async def test_a_code_of_another_pupil_is_foreign_and_counts_as_a_try(gateway):
    """It is said for whom it is not, it signs nothing, and it cannot be used to guess; its own pupil loses nothing."""
    await letters(gateway)
    others, _ = await letters(gateway, OTHER_PUPIL)
    said = [await code_of(act(gateway, others, "refuse", at=IN_TIME, student=PUPIL)) for _ in range(6)]
    assert said == ["CODE_FOREIGN"] * 5 + ["CODE_LOCKED"]
    assert (await act(gateway, others, "refuse", at=IN_TIME, student=OTHER_PUPIL)).student == OTHER_PUPIL


async def test_a_code_ends_at_its_instant_by_the_familys_time(gateway):
    """Edge case 21: the time of the family's act counts, in whatever offset it is written."""
    guardians, _ = await letters(gateway)
    last = EXPIRES - timedelta(milliseconds=1)
    assert (await act(gateway, guardians, "acknowledge", at=last.astimezone(UTC))).at == last
    assert await code_of(act(gateway, guardians, "acknowledge", at=EXPIRES)) == "CODE_EXPIRED"
    assert await code_of(act(gateway, guardians, "sign", at=EXPIRES, destination=VOCATIONAL)) == "CODE_EXPIRED"


async def test_a_right_does_not_die_with_a_code(gateway):
    """Either party withdraws and refuses with a code that is too old for everything else."""
    for code in await letters(gateway):
        for kind in ("withdraw", "refuse"):
            assert (await act(gateway, code, kind, at=EXPIRES + timedelta(days=90))).act == kind


async def test_a_pupil_cannot_acknowledge_for_the_guardian(gateway):
    """The notice is a guardian's to acknowledge, as is the word on a young child's data; no try is counted."""
    guardians, pupils = await letters(gateway)
    for kind in ("acknowledge", "consent_data") * 3:
        assert await code_of(act(gateway, pupils, kind, at=IN_TIME)) == "ACT_NOT_FOR_PARTY"
    assert (await act(gateway, guardians, "acknowledge", at=IN_TIME)).party is Party.GUARDIAN


async def test_the_same_request_again_is_the_same_act(gateway):
    """Whoever tries again after the engine was away keeps the first time, also when the code is too old by now."""
    guardians, _ = await letters(gateway)
    first = await act(gateway, guardians, "acknowledge", at=IN_TIME, request="r-1")
    assert await act(gateway, guardians, "acknowledge", at=EXPIRES, request="r-1") == first
    assert (await act(gateway, guardians, "acknowledge", at=IN_TIME, request="r-2")).act_id != first.act_id
    assert await code_of(act(gateway, guardians, "refuse", at=IN_TIME, request="r-1")) == "COMMAND_ID_REUSED"


@pytest.mark.parametrize(
    ("kind", "more"),
    [("intent", {}), ("sign", {}), ("refuse", {"destination": VOCATIONAL}), ("sign", {"destination": "1"})],
)
async def test_half_an_act_is_not_signed(gateway, kind, more):
    """An intent has a kind, a signature a school, and nothing else has either."""
    guardians, _ = await letters(gateway)
    with pytest.raises(ValueError, match="FamilyAct"):
        await act(gateway, guardians, kind, at=IN_TIME, **more)


async def test_tries_at_the_same_time_are_all_counted(gateway, gateway_url, opened):
    """Guessing from many places at once gives no more than five answers."""
    guardians, _ = await letters(gateway)
    await letters(gateway, OTHER_PUPIL)
    doors = [gateway, await opened(gateway_url), await opened(gateway_url)]
    said = await asyncio.gather(
        *(code_of(act(doors[number % 3], WRONG, "refuse", at=IN_TIME, student=PUPIL)) for number in range(24))
    )
    assert sorted(said) == ["CODE_LOCKED"] * 19 + ["CODE_WRONG"] * 5
    assert await code_of(act(gateway, guardians, "acknowledge", at=IN_TIME)) == "CODE_LOCKED"


async def test_foreign_tries_that_cross_do_not_wait_for_each_other_for_ever(gateway, gateway_url, opened):
    """Two families that mix up their letters at the same time are both answered."""
    ours, _ = await letters(gateway)
    theirs, _ = await letters(gateway, OTHER_PUPIL)
    other = await opened(gateway_url)
    said = await asyncio.wait_for(
        asyncio.gather(
            *(code_of(act(gateway, ours, "refuse", at=IN_TIME, student=OTHER_PUPIL)) for _ in range(4)),
            *(code_of(act(other, theirs, "refuse", at=IN_TIME, student=PUPIL)) for _ in range(4)),
        ),
        30,
    )
    assert said == ["CODE_FOREIGN"] * 8


async def test_one_request_at_the_same_time_is_signed_once(gateway, gateway_url, opened):
    """A double click is one act."""
    guardians, _ = await letters(gateway)
    other = await opened(gateway_url)
    acts = await asyncio.gather(
        *(act(door, guardians, "refuse", at=IN_TIME, request="r-1") for door in (gateway, other) * 5)
    )
    assert len({one.act_id for one in acts}) == 1


async def test_letters_sent_at_the_same_time_have_one_code(gateway, gateway_url, opened):
    """Two processes that send the same letter write one row."""
    other = await opened(gateway_url)
    codes = await asyncio.gather(*(letters(door) for door in (gateway, other) * 5))
    assert len(set(codes)) == 1
    assert (await act(gateway, codes[0][0], "refuse", at=IN_TIME)).person == GUARDIAN


async def test_the_files_hold_no_code(tmp_path, opened):
    """Whoever copies the store cannot act for a family: neither the code nor its bytes stand in any file."""
    gateway = await opened(sqlite_url(tmp_path / "gateway.db"))
    codes = await letters(gateway)
    for code in codes:
        await act(gateway, code, "refuse", at=IN_TIME, request=f"r-{codes.index(code)}")
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert PUPIL.encode() in held  # the rows are really there
    for code in codes:
        for form in (code, code.replace("-", "")):
            assert form.encode() not in held
            assert form.lower().encode() not in held
    for secret in (gateway._secret, gateway._signing_key.private_bytes_raw()):
        assert secret not in held
        assert secret.hex().encode() not in held


async def test_an_attempt_belongs_to_the_pupil_who_was_named(gateway):
    """Its trace goes to that pupil's stream; without a name to the code's own, and else nowhere."""
    guardians, _ = await letters(gateway)
    others, others_pupil = await letters(gateway, OTHER_PUPIL)
    assert (await gateway.concerned(guardians, student=PUPIL)).person == GUARDIAN
    assert (await gateway.concerned(others_pupil)).person == OTHER_PUPIL
    assert (await gateway.concerned(others, student=PUPIL)).student == PUPIL
    assert (await gateway.concerned(WRONG, student=PUPIL)).student == PUPIL
    assert await gateway.concerned(WRONG) is None
    assert await gateway.concerned(WRONG, student="stu_cccccc") is None
