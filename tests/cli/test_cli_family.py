"""A family's whole way on a running engine: the letter over SMTP, the code in it, the act, the record."""

import asyncio
import contextlib
import http.client
import json
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cli_runner import CAMPAIGN, STARTER, Up, cli, county, environment, eventually, staff

from audit.signing_keys import create_key, load_key
from domain.notices import BY_PEOPLE
from domain.signing import SIGNATURE, TIMESTAMP, sign
from domain.time import stamp
from gateway import inbound, sms
from notices.sink import Sink

SCHOOL = "9900010001"
VOCATIONAL = "9900019001"
DOCUMENT = "choice-2025-1"
OPEN = {
    "identification": (-30, 10),
    "parent-meetings": (-20, 20),
    "school-visits": (-10, 30),
    "application-filing": (-20, 40),
    "retention": (50, 90),
}
CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b")


def ago(**duration):
    """Return a time before now, as `--at` takes it."""
    return stamp(datetime.now(UTC) - timedelta(**duration))


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
def letters(tmp_path_factory, warm):
    """A school whose families have their letters: the notice was offered, and the mails went out."""
    folder = tmp_path_factory.mktemp("family")
    home = county(folder / "county", schools=1, pupils=12, windows=OPEN)
    mailbox = Mailbox()
    smtp = {"DIVERSION_SMTP_URL": mailbox.sink.url, "DIVERSION_SMTP_FROM": "bureau@example.invalid"}
    smtp |= {"DIVERSION_AUDIT_KEY": str(folder / "secret" / "key"), "DIVERSION_HEADS_DIR": str(folder / "heads")}
    create_key(folder / "secret" / "key", "audit.example")
    (folder / "heads").mkdir()
    up = Up(folder / "var", **smtp)
    try:
        officer, head = staff(home, "bureau_officer"), staff(home, "class_head", SCHOOL)

        def run(*arguments):
            """Run a command; only what starts sending and signing, or wakes them, has to know the settings."""
            given = (*arguments, "--data", up.data, "--json")
            sends = arguments[0] == "approve" or arguments[:2] == ("choice", "offer") or "parent-meetings" in arguments
            return cli(*given, **smtp) if sends else warm(*given)

        assert run("launch", home, "--by", officer).code == 0
        assert run("approve", CAMPAIGN, "--by", staff(home, "bureau_approver")).code == 0
        for stage in ("identification", "parent-meetings"):
            skipped = run("stage", "skip", CAMPAIGN, SCHOOL, stage, "--by", officer, "--reason", "DONE_ON_PAPER")
            assert skipped.code == 0, skipped

        def is_open():
            return run("stage", "show", CAMPAIGN, SCHOOL, "application-filing").json["status"] == "open"

        assert eventually(is_open)
        earlier = ("--occurred-at", ago(days=14), "--late-reason", "LETTERS_ON_PAPER")
        offered = run("choice", "offer", CAMPAIGN, SCHOOL, DOCUMENT, "--by", head, *earlier)
        assert offered.code == 0, offered

        def all_gone_out():
            rows = run("notices", "list", CAMPAIGN).json["notices"]
            return {row["state"] for row in rows if row["channel"] not in BY_PEOPLE} == {"accepted"}

        assert eventually(all_gone_out, 60)
        assert len(mailbox.letters()) >= 12
        yield SimpleNamespace(
            run=run,
            head=head,
            officer=officer,
            codes=mailbox.letters(),
            mailbox=mailbox,
            data=up.data,
            heads=folder / "heads",
            key=folder / "secret" / "key",
        )
    finally:
        assert up.end() == 0
        mailbox.end()


def family(letters, turn):
    """Return both codes, the reference and the guardian's telephone of one family: its addresses share a number."""
    guardians = {address[1:]: code for address, code in letters.codes.items() if address.startswith("g")}
    pupils = {address[1:]: code for address, code in letters.codes.items() if address.startswith("s")}
    number = sorted(guardians.keys() & pupils.keys())[turn]
    with contextlib.closing(sqlite3.connect(letters.data / "registry.db")) as registry:
        query = "SELECT student_ref, phone FROM guardians WHERE email = ?"
        student, phone = registry.execute(query, (f"g{number}",)).fetchone()
    return SimpleNamespace(guardian=guardians[number], pupil=pupils[number], student=student, phone=phone)


def told(letters, student):
    """Return the purposes of a household's notices, sent or about to be."""
    rows = letters.run("notices", "list", CAMPAIGN).json["notices"]
    return {row["purpose"] for row in rows if row["recipient"] == student and row["state"] != "denied"}


def step(letters, student):
    """Return where a case stands."""
    return letters.run("choice", "show", CAMPAIGN, SCHOOL, "--student", student).json["step"]


def test_a_letter_has_one_familys_code_and_the_complaint_line(letters):
    """Every letter its own code; the line outside the school stands in all of them."""
    assert len(set(letters.codes.values())) == len(letters.codes)
    assert all("12345" in kept.text for kept in list(letters.mailbox.sink.mails) if "example" in kept.recipient[10:])


def test_a_family_chooses_thinks_for_a_night_and_may_turn_back(letters):
    """The family's own acts, each once; a signature on the same day is refused with the instant from which it works.

    The days of the cooling-off pass on the stepped clock only: the demo and `tests/scenarios` live through them.
    """
    one = family(letters, 0)
    given = [
        letters.run("answer", one.guardian, "intent", "vocational", "--command-id", "the-intent"),
        letters.run("answer", one.guardian, "intent", "vocational", "--command-id", "the-intent"),
        letters.run("answer", one.guardian, "acknowledge"),
    ]
    assert [run.code for run in given] == [0] * 3, [run.out + run.err for run in given if run.code]
    assert given[0].json["receipt"] == given[1].json["receipt"]
    signed = letters.run("answer", one.guardian, "sign", VOCATIONAL)
    assert (signed.code, signed.json["refused"]["code"]) == (5, "SIGNED_TOO_EARLY")
    backdated = letters.run("answer", one.guardian, "sign", VOCATIONAL, "--at", ago(days=1))
    assert (backdated.code, backdated.json["error"]["code"]) == (2, "AT_NOT_FOR_SIGNING")
    assert step(letters, one.student) == "INFORMED"
    assert letters.run("answer", one.pupil, "refuse").code == 0
    assert letters.run("answer", one.guardian, "withdraw").code == 0
    assert step(letters, one.student) == "DECLINED"
    lines = letters.run("audit", "timeline", CAMPAIGN, "--school", SCHOOL).json["lines"]
    acts = {line["type"]: line["actor"]["role"] for line in lines}
    assert acts["NoticeAcknowledged"] == acts["IntentStated"] == acts["ConsentWithdrawn"] == "guardian"
    assert acts["ConsentRefused"] == "pupil"
    said = [line for line in lines if line["type"] != "CommandRefused"]  # a refused attempt is the one who brought it
    assert not any(line["actor"]["role"] == "gateway" for line in said)
    assert told(letters, one.student) == {"choice_notice"}


def test_a_family_answers_by_text_message(letters):
    """The provider's signed request reaches the engine, its receipt the ledger; a stranger's telephone does not."""
    one = family(letters, 2)
    command = [sys.executable, str(STARTER), "gateway", "serve", "--port", "0", "--data", str(letters.data), "--json"]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment())
    try:
        told = json.loads(served.stdout.readline())
        secret = (letters.data / "sms.key").read_bytes().strip()
        own, strange = (sms.number_digest(secret, number) for number in (one.phone, "10099999999"))

        def send(message_id, text, number, **when):
            message = {"message_id": message_id, "text": text, "received_at": ago(**when), "from_digest": number}
            return _post(told["port"], secret, json.dumps(message).encode())

        assert send("m-1", f"{one.guardian} 中职", own, minutes=3)[1]["code"] == "DONE"
        assert send("m-2", f"{one.guardian} 已阅", own, minutes=2)[1]["code"] == "DONE"
        assert send("m-2", "TD", own, minutes=2)[1]["code"] == "DONE"  # the same message again
        assert send("m-3", f"{one.guardian} 同意 {VOCATIONAL}", strange, minutes=1)[1]["code"] == "CODE_FOREIGN"
        assert send("m-4", f"{one.guardian} 同意 {VOCATIONAL}", own, minutes=1)[1]["code"] == "SIGNED_TOO_EARLY"
        assert send("m-5", "TD", own, seconds=1)[1]["code"] == "CODE_NEEDED"  # nothing is signed yet
        assert send("m-6", "停收", own, seconds=1)[1]["code"] == "DECLINED"
        assert send("m-7", "恢复接收", strange, seconds=1)[1]["code"] == "NUMBER_UNKNOWN"
        assert _post(told["port"], b"another secret", b"{}")[0] == 401
        receipt = {"receipt_id": "r-1", "key": f"ntc_{'0' * 32}", "state": "read", "at": ago(seconds=1)}
        taken = _post(told["port"], secret, json.dumps(receipt).encode(), told["receipts_path"])
        assert taken == (200, {"accepted": True, "receipts": 1})
        shown = letters.run("choice", "show", CAMPAIGN, SCHOOL, "--student", one.student).json
        assert (list(shown["signed"]), list(shown["suspended"])) == ([], [])
        assert shown["intents"] == {"guardian": "VOCATIONAL"}
        lines = letters.run("audit", "timeline", CAMPAIGN).json["lines"]
        wishes = [line["actor"]["role"] for line in lines if line["type"].startswith("OptionalNotices")]
        assert wishes == ["gateway"]
    finally:
        served.send_signal(signal.SIGINT)
        assert served.wait(20) == 0


def _post(port, secret, body, path=inbound.PATH):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    timestamp = str(int(time.time()))
    headers = {TIMESTAMP: timestamp, SIGNATURE: sign(secret, timestamp, body)}
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    told = json.loads(response.read())
    connection.close()
    return response.status, told


def test_a_family_without_a_telephone_answers_by_paper(letters):
    """Sealed codes for pupil and guardian in a file of the bureau's; each is good at the bureau's call-back only."""
    one = family(letters, 3)
    papers = letters.data / "papers.txt"
    words = ("gateway", "issue-paper", CAMPAIGN, SCHOOL, papers, "--students", one.student)
    assert letters.run(*words, "--by", letters.head).json["refused"]["code"] == "ROLE_NOT_ALLOWED"
    issued = letters.run(*words, "--by", letters.officer)
    assert (issued.code, issued.json["papers"]) == (0, 2), issued
    codes = CODE.findall(papers.read_text())
    assert not set(codes) & set(letters.codes.values())
    assert papers.stat().st_mode & 0o077 == 0
    assert not any(code in issued.out for code in codes)
    alone = letters.run("answer", codes[1], "intent", "general_high")
    assert (alone.code, alone.json["refused"]["code"]) == (5, "CODE_IS_PAPER")
    called = letters.run("answer", codes[1], "intent", "general_high", "--paper", "--callback-by", letters.officer)
    assert called.code == 0, called
    shown = letters.run("choice", "show", CAMPAIGN, SCHOOL, "--student", one.student).json
    assert shown["intents"] == {"guardian": "GENERAL_HIGH"}
    assert letters.run(*words, "--by", letters.officer).json["error"]["code"] == "FILE_EXISTS"


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


def test_heads_sign_themselves_and_lie_outside(letters):
    """A stage was skipped: the head of that is this ledger's, and the key is nowhere in the house."""
    assert eventually(lambda: list(letters.heads.glob("*.note")))
    note = min(letters.heads.glob("*.note"))
    public = str(load_key(letters.key).public)
    told = letters.run("audit", "heads", "check", CAMPAIGN, note, "--key", public)
    assert (told.code, told.json["trusted"]) == (0, True)
    listed = letters.run("audit", "heads", "list", CAMPAIGN).json["heads"]
    assert {(head["signed"], *head["outside"]) for head in listed} == {(True, "directory")}
    secret = letters.key.read_text().strip().split("+", 4)[4].encode()  # base64 has the sign too
    held = [path for path in letters.data.rglob("*") if path.is_file()]
    assert len(held) > 5
    assert not [path.name for path in held if secret in path.read_bytes()]
