"""The sealed code of a paper, and the digest of a device."""

import pytest
from gateway_samples import EXPIRES, GUARDIAN, IN_TIME, OTHER_GUARDIAN, PUPIL, SECRET, VOCATIONAL, act, bound, letters

from domain.family_act import Party, Wave, is_signed_by
from domain.refusal import Refusal
from gateway.codes import Gateway

TOO_LATE = EXPIRES


async def code_of(call):
    """Return the code with which a call is refused."""
    with pytest.raises(Refusal) as refused:
        await call
    return refused.value.code


async def test_a_papers_code_counts_only_at_the_call_back(gateway):
    """Whoever finds the paper can do nothing with it alone; read out to the bureau it is the guardian's act."""
    letter, _ = await letters(gateway)
    paper = await gateway.issue_paper(bound(), EXPIRES)
    assert paper != letter
    assert await gateway.issue_paper(bound(), EXPIRES) == paper
    for kind, more in (("acknowledge", {}), ("sign", {"destination": VOCATIONAL}), ("refuse", {}), ("keep", {})):
        assert await code_of(act(gateway, paper, kind, at=IN_TIME, **more)) == "CODE_IS_PAPER"
    done = await act(gateway, paper, "acknowledge", at=IN_TIME, called_back=True, channel="paper")
    assert (done.person, done.channel, done.student) == (GUARDIAN, "paper", PUPIL)
    assert is_signed_by(done, gateway.public_key)
    assert await code_of(act(gateway, letter, "acknowledge", at=IN_TIME, called_back=True)) == "CODE_NOT_PAPER"


async def test_a_paper_withdraws_without_a_call(gateway):
    """INV-06: a right waits for nobody's telephone, and does not grow too old either."""
    paper = await gateway.issue_paper(bound(), EXPIRES)
    assert (await act(gateway, paper, "withdraw", at=TOO_LATE)).act == "withdraw"
    assert (await act(gateway, paper, "refuse", at=TOO_LATE, called_back=True)).act == "refuse"
    assert await code_of(act(gateway, paper, "acknowledge", at=TOO_LATE, called_back=True)) == "CODE_EXPIRED"


async def test_papers_of_one_family_are_each_ones_own(gateway):
    """Pupil and both guardians: three codes, each in its holder's name; wrong tries shut papers and letters alike."""
    holders = [bound(), bound(person=OTHER_GUARDIAN), bound(party=Party.PUPIL)]
    papers = await gateway.issue_all(holders, EXPIRES, form="paper")
    assert len(set(papers)) == 3
    for paper, holder in zip(papers, holders, strict=True):
        assert (await act(gateway, paper, "refuse", at=IN_TIME, called_back=True)).person == holder.person
    for _ in range(5):
        await code_of(act(gateway, "0000-0000", "refuse", at=IN_TIME, student=PUPIL))
    assert await code_of(act(gateway, papers[0], "acknowledge", at=IN_TIME, called_back=True)) == "CODE_LOCKED"
    renewed = await gateway.reissue(holders[0], serial=1, expires_at=EXPIRES, form="paper")
    assert (await act(gateway, renewed, "refuse", at=IN_TIME, called_back=True)).person == GUARDIAN


async def test_what_was_said_is_what_is_signed(gateway):
    """Season, channel and device stand under the signature, and the same request with others is another request."""
    letter, _ = await letters(gateway)
    device = gateway.device("Phone 1")
    more = {"destination": VOCATIONAL, "wave": Wave.SPRING, "channel": "sms", "device": device}
    signed = await act(gateway, letter, "sign", at=IN_TIME, request="r-1", **more)
    assert (signed.wave, signed.channel, signed.device) == (Wave.SPRING, "sms", device)
    assert not is_signed_by(signed.model_copy(update={"device": None}), gateway.public_key)
    assert await act(gateway, letter, "sign", at=IN_TIME, request="r-1", **more) == signed
    other = more | {"device": gateway.device("Phone 2")}
    assert await code_of(act(gateway, letter, "sign", at=IN_TIME, request="r-1", **other)) == "COMMAND_ID_REUSED"


def test_a_device_is_known_again_and_told_by_nobody():
    """R-18: equal where the device is, however it is written; another secret gives another digest."""
    ours, theirs = Gateway(SECRET, None), Gateway(bytes(32), None)
    assert ours.device(" Phone-7 ") == ours.device("ｐｈｏｎｅ-7")
    assert ours.device("phone-7") != ours.device("phone-8")
    assert ours.device("phone-7") != theirs.device("phone-7")
    assert len(ours.device("x" * 500)) == 16
