"""What a text message is taken to say: a withdrawal however it is written, everything else only where it is clear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.family_act import Intent
from gateway import sms, spelling

CODE = "7K2M-Q4XD"
PLAIN = "7K2MQ4XD"
SCHOOL = "9900020001"
SECRET = bytes(32)

codes = st.text(alphabet=spelling.ALPHABET, min_size=8, max_size=8)
separators = st.text(alphabet=" \t　-—.,，。：", max_size=3)


@pytest.mark.parametrize(
    ("word", "act", "more"),
    [
        ("已阅", "acknowledge", {}),
        ("READ", "acknowledge", {}),
        ("普高", "intent", {"intent": Intent.GENERAL_HIGH}),
        ("中职。", "intent", {"intent": Intent.VOCATIONAL}),
        ("未定", "intent", {"intent": Intent.UNDECIDED}),
        ("general_high", "intent", {"intent": Intent.GENERAL_HIGH}),
        ("General High", "intent", {"intent": Intent.GENERAL_HIGH}),
        (f"同意 {SCHOOL}", "sign", {"destination": SCHOOL}),
        (f"同意{SCHOOL}", "sign", {"destination": SCHOOL}),
        (f"Sign, {SCHOOL}", "sign", {"destination": SCHOOL}),
        ("不同意", "refuse", {}),
        ("NO", "refuse", {}),
        ("保留", "keep", {}),
        ("不撤回", "keep", {}),
        ("同意信息", "consent_data", {}),
        ("撤回", "withdraw", {}),
        ("TD", "withdraw", {}),
    ],
)
@pytest.mark.parametrize("between", [" ", "，", "　 "])
def test_code_and_word_are_one_act(word, act, more, between):
    """In either language, in any width, with whatever stands between."""
    meant = sms.read(f"{CODE}{between}{word}")
    assert (meant.act, [spelling.read(code) for code in meant.codes]) == (act, [PLAIN])
    assert {name: getattr(meant, name) for name in more} == more
    assert (meant.intent is None) == (act != "intent")
    assert (meant.destination is None) == (act != "sign")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "同意",
        CODE,
        f"{CODE} 同意",  # which school?
        f"{CODE} 同意 990002000",
        f"{CODE} 不同意 {SCHOOL}",
        f"{CODE} 同意 {SCHOOL} 吧",
        f"{CODE} 可能同意",
        f"{CODE} 同意 不同意",
        f"{CODE} 我们不想撤回",
        f"{CODE} 没有要撤回",
        f"{CODE} 别撤回",
        f"{CODE}YES",
        "7K2M-Q4X 已阅",
        "请问怎么办",
        "TD 有什么用",
        "0" * 500,
    ],
)
def test_what_is_not_clear_is_nobodys_act(text):
    """Nobody is taken to have agreed, refused or withdrawn who did not say so."""
    assert sms.read(text) is None


@given(codes, st.sampled_from(["TD", "td", "ＴＤ", "Td", "t d", "撤回", "撤 回", "退订", "WITHDRAW"]), separators)
def test_a_withdrawal_is_understood_however_it_is_written(code, word, between):
    """Before or behind the code, with blanks in the code or none; the code that was meant is always among the read."""
    broken = f"{code[:3]} {code[3:]}"
    for text in (f"{code}{between}{word}", f"{word}{between}{code}", f"{broken}{between}{word}", f" {word}-{broken}"):
        meant = sms.read(text)
        assert meant.act == "withdraw"
        assert code in [spelling.read(found) for found in meant.codes]
        assert len(meant.codes) <= 2


@pytest.mark.parametrize("text", ["TD", " t d ", "ｔｄ。", "撤回", "我要撤回", "WITHDRAW", "请帮我撤销同意"])
def test_a_withdrawal_without_a_code_is_known_for_one(text):
    """The short message of the letter says "reply TD": it is taken as a report."""
    assert sms.read(text) == sms.Meant((), "withdraw")


@given(st.text(max_size=60))
def test_any_text_is_read_without_harm(text):
    """A stranger's message says nothing or something, and never fails."""
    meant = sms.read(text)
    assert meant is None or all(spelling.read(code) for code in meant.codes)


def test_a_number_is_known_again_and_tells_nothing():
    """However it is written; another secret gives another digest."""
    known = sms.number_digest(SECRET, "10012345678")
    assert (
        known == sms.number_digest(SECRET, "+86 100-1234-5678") == sms.number_digest(SECRET, "１００１２３４５６７８")
    )
    assert known != sms.number_digest(SECRET, "10012345679")
    assert known != sms.number_digest(bytes([1] * 32), "10012345678")
    assert "1234" not in known or len(known) == 64


# -- optional notices -----------------------------------------------------------------------------------------------


@given(st.sampled_from(list(sms.WISHES)), codes, separators)
def test_a_wish_about_optional_notices_is_read_before_or_behind_a_code(word, code, between):
    """In either language and any width; nothing in it is taken for an act."""
    for text in (f"{word}{between}", f"{between}{word}", word.upper()):
        assert sms.read(text) == sms.Wish((), sms.WISHES[word])
    for text in (f"{word} {between}{code}", f"{code}{between} {word}"):
        meant = sms.read(text)
        assert meant is None or isinstance(meant, sms.Wish)
        if meant is not None:
            assert ([spelling.read(one) for one in meant.codes], meant.wanted) == ([code], sms.WISHES[word])


@given(codes, separators, st.sampled_from(["TD", "td", "撤回", "撤销", "退订", "WITHDRAW"]))
def test_a_withdrawal_is_never_read_as_a_wish(code, between, word):
    """The letters promise that TD and 退订 withdraw a consent, also beside a word for optional notices."""
    for text in (word, f"{code}{between}{word}", f"{word}{between}{code}"):
        assert isinstance(sms.read(text), sms.Meant)
    for wish in ("停收", "不再接收通知"):
        assert not isinstance(sms.read(f"{wish}{between}{word}"), sms.Wish)
        assert not isinstance(sms.read(f"{wish}{between}{word}{code}"), sms.Wish)


@pytest.mark.parametrize(
    "text",
    [
        "不要停收",
        "别停收通知",
        "不恢复接收",
        "停收 恢复接收",
        "请问怎么停收",
        "stop it",
        "don't stop",
        "restart",
        f"{CODE} 停收 已阅",
        "停收 7K2M",
        "STOP-7K2M DATA",  # the code ST0P-7K2M agreeing to the use of data, or the code 7K2M-DATA and a wish
        "stop 7k2m read",
    ],
)
def test_a_wish_that_is_not_clear_is_nobodys(text):
    """Neither a negation nor a message that could be two things."""
    assert sms.read(text) is None
