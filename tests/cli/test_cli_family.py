"""A family's whole way on a running engine: the letter over SMTP, the code in it, the act, the record."""

import asyncio
import re
import threading
from types import SimpleNamespace

import pytest
from cli_runner import CAMPAIGN, Up, cli, county, eventually, staff

from notices.sink import Sink

SCHOOL = "9900010001"
VOCATIONAL = "9900019001"
DOCUMENT = "choice-2025-1"
OPEN = {
    "identification": (-30, 10),
    "parent-meetings": (-20, 20),
    "school-visits": (-10, 30),
    "application-filing": (-5, 40),
    "retention": (50, 90),
}
CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b")


class Mailbox:
    """A mail server in a thread of its own."""

    def __init__(self) -> None:
        self.sink = Sink()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.sink.__aenter__(), self._loop).result(10)

    def end(self) -> None:
        """Stop listening."""
        asyncio.run_coroutine_threadsafe(self.sink.__aexit__(None, None, None), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def letters(self) -> dict[str, str]:
        """Return the codes by address that have arrived."""
        return {kept.recipient: code[0] for kept in list(self.sink.mails) if (code := CODE.findall(kept.text))}


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """A school whose families have their letters: the notice was offered, and the mails went out."""
    folder = tmp_path_factory.mktemp("family")
    home = county(folder / "county", schools=1, pupils=12, windows=OPEN)
    mailbox = Mailbox()
    smtp = {"DIVERSION_SMTP_URL": mailbox.sink.url, "DIVERSION_SMTP_FROM": "bureau@example.invalid"}
    up = Up(folder / "var", **smtp)
    try:
        officer, head = staff(home, "bureau_officer"), staff(home, "class_head", SCHOOL)

        def run(*arguments):
            return cli(*arguments, "--data", up.data, "--json", **smtp)

        assert run("launch", home, "--by", officer).code == 0
        assert run("approve", CAMPAIGN, "--by", staff(home, "bureau_approver")).code == 0
        for stage in ("identification", "parent-meetings"):
            skipped = run("stage", "skip", CAMPAIGN, SCHOOL, stage, "--by", officer, "--reason", "DONE_ON_PAPER")
            assert skipped.code == 0, skipped

        def is_open():
            return run("stage", "show", CAMPAIGN, SCHOOL, "application-filing").json["status"] == "open"

        assert eventually(is_open)
        offered = run("choice", "offer", CAMPAIGN, SCHOOL, DOCUMENT, "--by", head)
        assert offered.code == 0, offered
        assert eventually(lambda: run("notices", "list", CAMPAIGN, "--state", "planned").json["total"] == 0, 60)
        assert len(mailbox.letters()) >= 12
        yield SimpleNamespace(run=run, head=head, codes=mailbox.letters(), mailbox=mailbox, data=up.data)
    finally:
        assert up.end() == 0
        mailbox.end()


def pair(letters):
    """Return the guardian's and the pupil's code of one family: their addresses have the same number."""
    guardians = {address[1:]: code for address, code in letters.codes.items() if address.startswith("g")}
    pupils = {address[1:]: code for address, code in letters.codes.items() if address.startswith("s")}
    number = min(guardians.keys() & pupils.keys())
    return guardians[number], pupils[number]


def test_a_letter_has_one_familys_code_and_the_complaint_line(letters):
    """Every letter its own code; the line outside the school stands in all of them."""
    assert len(set(letters.codes.values())) == len(letters.codes)
    assert all("12345" in kept.text for kept in list(letters.mailbox.sink.mails) if "example" in kept.recipient[10:])


def test_a_family_states_signs_and_withdraws_with_the_codes_of_its_letters(letters):
    """Each act is accepted at once and stands in the record as the family's own, never as the gateway's."""
    guardian, pupil = pair(letters)
    given = [
        letters.run("answer", guardian, "acknowledge"),
        letters.run("answer", guardian, "intent", "vocational"),
        letters.run("answer", guardian, "sign", VOCATIONAL),
        letters.run("answer", pupil, "sign", VOCATIONAL, "--command-id", "pupil-signs"),
        letters.run("answer", pupil, "sign", VOCATIONAL, "--command-id", "pupil-signs"),
        letters.run("answer", guardian, "withdraw"),
    ]
    assert [run.code for run in given] == [0] * 6, [run.out + run.err for run in given if run.code]
    assert given[3].json["receipt"] == given[4].json["receipt"]
    lines = letters.run("audit", "timeline", CAMPAIGN, "--school", SCHOOL).json["lines"]
    acts = {line["type"]: line["actor"]["role"] for line in lines}
    assert acts["NoticeAcknowledged"] == acts["IntentStated"] == acts["ConsentWithdrawn"] == "guardian"
    signed = [line["actor"]["role"] for line in lines if line["type"] == "ConsentSigned"]
    assert sorted(signed) == ["guardian", "pupil"]
    assert not any(line["actor"]["role"] == "gateway" for line in lines)


def test_nobody_else_answers_for_a_family(letters):
    """A code that nobody sent is refused; a teacher who tries to state an intent has no command for it."""
    wrong = letters.run("answer", "0000-0000", "intent", "vocational")
    assert (wrong.code, wrong.json["refused"]["code"]) == (5, "CODE_WRONG")
    consents = letters.run("record", "consents", "x.csv", CAMPAIGN, SCHOOL, "--by", letters.head)
    assert (consents.code, consents.json["error"]["code"]) == (2, "RECORD_KIND_UNKNOWN")


def test_the_year_with_families_replays(letters):
    """Every history of the campaign, the families' acts among them, agrees with the ledger."""
    replayed = letters.run("audit", "replay", CAMPAIGN)
    assert replayed.code == 0, replayed
    assert replayed.json["replay_ok"] is True
    assert replayed.json["differences"] == []
