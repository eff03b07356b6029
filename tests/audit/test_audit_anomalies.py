"""The anomaly report: each rule asks where its pattern is, and stays silent where it is not."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import count

import pytest
from audit_kernel_year import kernel_year
from audit_small_log import CAMPAIGN, good

from audit.anomalies import UnknownParameterError, anomaly_report
from audit.anomaly_facts import Parameters, gather, policy_of
from audit.anomaly_rules import RULES
from cli.entry import run
from domain.time import SHANGHAI, stamp

ONE, TWO, CLASS, RECEIVING = "9900010001", "9900010002", "2026-01", "9900020001"
NOON = datetime(2026, 5, 20, 12, tzinfo=SHANGHAI)
CUTOFF = date(2026, 11, 20)


DRAFTED = next(event for event in good()[CAMPAIGN] if event["type"] == "CampaignDrafted")


class Log:
    """A campaign's first event, its classes, and whatever a test adds."""

    def __init__(self):
        self.events = [DRAFTED]
        self.versions = count(100)
        for school in (ONE, TWO):
            pupils = [self.pupil(school, number) for number in range(60)]
            self.add("CohortLoaded", school, stream="", classes={CLASS: pupils[:30], "2026-02": pupils[30:]})

    @staticmethod
    def pupil(school, number):
        """A reference."""
        return f"stu_{school[-2:]}{number:06d}"

    def add(self, kind, school, when=NOON, *, stream="/application-filing", behind=timedelta(0), by=None, **data):
        """One event; without `by` the pupil's or the system's own."""
        role = "class_head" if by else "system"
        self.events.append(
            {
                **self.events[0],
                "stream": f"{CAMPAIGN}/{school}{stream}",
                "version": next(self.versions),
                "type": kind,
                "occurred_at": stamp(when),
                "recorded_at": stamp(when + behind),
                "actor": {**self.events[0]["actor"], "id": by or "system", "role": role},
                "command_id": f"c{len(self.events)}",
                "data": data,
            }
        )
        return self

    def sign(self, school, number, at=NOON, *, device=None, to=RECEIVING):
        """A consent of pupil and guardian, a second between them."""
        for party, seconds in (("pupil", -1), ("guardian", 0)):
            more = {} if device is None else {"device": device}
            data = {"student": self.pupil(school, number), "party": party, "act": "act_1", "document": "n", **more}
            self.add("ConsentSigned", school, at + timedelta(seconds=seconds), destination=to, **data)
        return self

    def each(self, many, method, school, *, apart=timedelta(days=1), start=NOON, **more):
        """The same for many pupils, some time apart."""
        for number in range(many):
            method(school, number, start + number * apart, **more)
        return self

    def tell(self, kind, school, number, when, **more):
        """An event about one pupil."""
        return self.add(kind, school, when, student=self.pupil(school, number), **more)

    def asked(self, rule, **changed):
        """What one rule asks; every finding names events that are there."""
        report = anomaly_report(self.events, "en", changed)
        ids = {f"{event['stream']}#{event['version']}" for event in self.events}
        assert all(set(finding["events"]) <= ids and finding["events"] for finding in report["findings"])
        return [finding for finding in report["findings"] if finding["rule"] == rule]


def contacts(kind, many, apart):
    """Contacts of one class head with different families; all recorded together, months later."""
    log = Log()
    for number in range(many):
        data = {"contact": kind, "outcome": "reached", "at": stamp(NOON + number * apart)}
        log.tell("FamilyContacted", ONE, number, NOON + timedelta(days=90), by="stf_head01", **data)
    return log


def destinations(*, other):
    """Six consents of one class for one school; another class goes elsewhere, and perhaps one of them too."""
    log = Log()
    log.each(6, log.sign, ONE)
    log.each(4, log.sign, TWO, to="9900020002")
    return log.sign(ONE, 7, to="9900020002") if other else log


def withdrawals(*, here):
    """Twelve consents here, twelve there of which six were withdrawn; one here as well, or none."""
    log = Log()
    for school in (ONE, TWO):
        log.each(12, log.sign, school)
    for number in range(6):
        log.tell("ConsentWithdrawn", TWO, number, NOON + timedelta(days=40), party="pupil", late=False)
    if here:
        log.tell("ConsentWithdrawn", ONE, 0, NOON + timedelta(days=40), party="pupil", late=False)
    return log


def callbacks(here):
    """Ten call-backs in each school: of ONE so many were not confirmed, of TWO one."""
    log = Log()
    for school, denied in ((ONE, here), (TWO, 1)):
        for number in range(10):
            outcome = "denies" if number < denied else "confirmed"
            log.tell("CallbackMade", school, number, NOON, by="stf_bureau1", purpose="sample", outcome=outcome)
    return log


def reports(*, here):
    """Twenty daily reports in each school; four of TWO name somebody, of ONE one does or none."""
    log = Log()
    for school, rows in ((ONE, int(here)), (TWO, 4)):
        for number in range(20):
            kind = "DailyReportFiled" if number < rows else "ZeroReportFiled"
            log.add(kind, school, NOON + timedelta(days=number), stream="/attendance", by="stf_leader")
    return log


def late_consents(late, early):
    """Consents through the summer, and in the last two days before the cut-off."""
    log = Log()
    log.each(early, log.sign, ONE, apart=timedelta(days=3))
    for number in range(late):
        log.sign(ONE, 30 + number, datetime(2026, 11, 19, 8, tzinfo=SHANGHAI) + timedelta(hours=number))
    return log


def lost(days):
    """Registered in time, and lost so many days after the cut-off."""
    cutoff = datetime(2026, 11, 21, tzinfo=SHANGHAI)
    log = Log().tell("RegistrationVerified", ONE, 0, cutoff - timedelta(days=20), by="stf_register", in_time=True)
    return log.add("Lost", ONE, cutoff + timedelta(days=days), stream="/retention", student=Log.pupil(ONE, 0))


def entries(many, apart):
    """Commands of one person about different pupils."""
    log = Log()
    return log.each(many, lambda *given: log.tell("HelpConfirmed", *given, by="stf_head01"), ONE, apart=apart)


def recorded_late(many, days):
    """Things that one person recorded at one time, each so many days after it happened; twenty in time."""
    log = entries(20, timedelta(minutes=5))
    for number in range(many):
        log.tell("HelpConfirmed", ONE, 30 + number, NOON, by="stf_head01", behind=timedelta(days=days))
    return log


def bursts(many, apart):
    """Signatures of one school, some time apart; two others a month before."""
    log = Log().sign(ONE, 50, NOON - timedelta(days=30)).sign(ONE, 51, NOON - timedelta(days=29))
    return log.each(many, log.sign, ONE, apart=apart)


def devices(many):
    """One device in two schools."""
    log = Log()
    log.each(many - 1, log.sign, ONE, device="d1")
    return log.sign(TWO, 0, device="d1").sign(TWO, 1, device="d2").sign(TWO, 2)


def contradicted(*, same_day):
    """A zero report that was none."""
    return Log().add("ZeroReportContradicted", ONE, stream="/attendance", classes=[CLASS], same_day=same_day)


def refused(command):
    """A refused command of a class head."""
    return Log().add("CommandRefused", ONE, by="stf_head01", command=command, code="ROLE_NOT_ALLOWED", digest="x")


def alike(*, flagged):
    """A summary that was compared, and flagged or not."""
    log = Log().add("SummaryCompared", ONE, stream="", about="year", shingles=100)
    data = {"about": "year", "shared": 81, "shingles": 100, "least": "3/5"}
    return log.add("SummarySimilarityFlagged", ONE, stream="", **data) if flagged else log


HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)

CASES = {
    "CONSENT_BURST": (lambda: bursts(11, 50 * SECOND), lambda: bursts(10, 50 * SECOND), ONE, 11),
    "CUTOFF_BURST": (lambda: late_consents(6, 6), lambda: late_consents(4, 6), ONE, 6),
    "VISITS_OVERLAP": (lambda: contacts("home_visit", 3, 4 * MINUTE), lambda: contacts("home_visit", 3, HOUR), ONE, 3),
    "CALLS_OVERLAP": (lambda: contacts("call", 10, 20 * SECOND), lambda: contacts("call", 10, 3 * MINUTE), ONE, 10),
    "ENTERED_FAST": (lambda: entries(20, 3 * SECOND), lambda: entries(20, 10 * SECOND), ONE, 20),
    "BACK_DATED_TOGETHER": (lambda: recorded_late(5, 4), lambda: recorded_late(5, 3), ONE, 5),
    "DEVICE_SHARED": (lambda: devices(4), lambda: devices(3), None, 4),
    "ONE_DESTINATION": (lambda: destinations(other=False), lambda: destinations(other=True), ONE, 6),
    "NO_WITHDRAWAL": (lambda: withdrawals(here=False), lambda: withdrawals(here=True), ONE, 0),
    "CALLBACKS_NOT_CONFIRMED": (lambda: callbacks(5), lambda: callbacks(4), ONE, 5),
    "NOTHING_BUT_ZERO": (lambda: reports(here=False), lambda: reports(here=True), ONE, 0),
    "ZERO_CONTRADICTED": (lambda: contradicted(same_day=False), lambda: contradicted(same_day=True), ONE, 1),
    "VANISHED": (lambda: lost(29), lambda: lost(31), ONE, 1),
    "STAFF_TRIED_FAMILY_ACT": (lambda: refused("sign_consent"), lambda: refused("freeze"), ONE, 1),
    "SUMMARY_ALIKE": (lambda: alike(flagged=True), lambda: alike(flagged=False), ONE, 81),
}
"""Rule → a log in which it asks, one in which it does not, the place and the count of what it asks about."""


def test_every_rule_has_a_case():
    """A new rule needs a log in which it asks and one in which it is silent; its parameters exist."""
    assert list(CASES) == [rule.code for rule in RULES]
    assert {name for rule in RULES for name in rule.parameters} == set(Parameters.model_fields)
    assert all(rule.zh.endswith(("？", "。")) and "？" in rule.zh and "?" in rule.en for rule in RULES)


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_asks_where_its_pattern_is_and_is_silent_where_it_is_not(rule):
    """One step below the line there is nothing; at it one finding, with place, count and events."""
    red, green, school, many = CASES[rule]
    assert green().asked(rule) == []
    [finding] = red().asked(rule)
    assert (finding["school"], finding["count"]) == (school, many)


def test_an_expectation_is_an_exact_fraction_of_the_record():
    """Twelve consents where the others withdrew six of twelve: six; ten call-backs where the others failed in one."""
    assert withdrawals(here=False).asked("NO_WITHDRAWAL")[0]["expected"] == "6"
    assert callbacks(5).asked("CALLBACKS_NOT_CONFIRMED")[0]["expected"] == "1"
    days = (datetime(2026, 11, 21, tzinfo=SHANGHAI) - NOON).days
    assert late_consents(6, 6).asked("CUTOFF_BURST")[0]["expected"] == str(Fraction(12 * 5, days))
    assert destinations(other=False).asked("ONE_DESTINATION")[0]["expected"] == "0"
    assert alike(flagged=True).asked("SUMMARY_ALIKE")[0]["expected"] == "60"


def test_a_parameter_can_be_another_and_a_wrong_one_is_refused():
    """The policy's are the defaults; what there is not has no value."""
    assert bursts(10, 50 * SECOND).asked("CONSENT_BURST", burst_signatures=9)[0]["count"] == 10
    assert bursts(11, 50 * SECOND).asked("CONSENT_BURST", burst_minutes=5) == []
    for changed in ({"no_such": 1}, {"burst_minutes": 0}):
        with pytest.raises(UnknownParameterError, match=next(iter(changed))):
            anomaly_report(Log().events, "en", changed)


def test_no_act_is_in_two_groups_and_a_withdrawal_ends_a_consent():
    """Twenty-six signatures within minutes are two findings of thirteen; whoever withdrew signs anew."""
    found = bursts(26, 50 * SECOND).asked("CONSENT_BURST")
    events = [event for finding in found for event in finding["events"]]
    assert len(found) == 2
    assert len(events) == len(set(events))
    log = Log().sign(ONE, 0)
    log.tell("ConsentWithdrawn", ONE, 0, NOON + HOUR, party="pupil", late=False).sign(ONE, 0, NOON + timedelta(days=2))
    assert len(gather(log.events).consents) == 2
    half = Log().tell("ConsentSigned", ONE, 0, NOON, party="pupil", document="n", destination=RECEIVING)
    half.tell("ConsentWithdrawn", ONE, 0, NOON + HOUR, party="pupil", late=False)
    half.tell("ConsentSigned", ONE, 0, NOON + 2 * HOUR, party="guardian", document="n", destination=RECEIVING)
    assert gather(half.events).consents == []
    with pytest.raises(ValueError, match="no event drafts"):
        policy_of([])


def test_how_fast_somebody_types_shows_at_the_recording():
    """Twenty things of twenty hours that were recorded within a minute; the stated times say nothing of that."""
    log = Log()
    for number in range(20):
        behind = 40 * HOUR - number * HOUR + number * 2 * SECOND
        log.tell("HelpConfirmed", ONE, number, NOON + number * HOUR, by="stf_head01", behind=behind)
    assert [finding["count"] for finding in log.asked("ENTERED_FAST")] == [20]


async def test_the_commands_ask_and_draw(tmp_path, capsys):
    """A year: what the rehearsal's staff tried, in words and as JSON; a sample by a rate; and who may see either."""
    (tmp_path / "pepper").write_bytes(b"p" * 32)
    past = await kernel_year(tmp_path, 1, 16)
    staff = {
        event["actor"]["role"]: event["actor"]["id"] for event in past.events if event["actor"]["id"][:4] == "stf_"
    }
    auditor = staff["discipline_officer"]

    async def asked(*words, by=auditor):
        code = await run(["audit", words[0], past.campaign, "--data", str(past.directory), "--by", by, *words[1:]])
        return code, capsys.readouterr().out

    code, out = await asked("anomalies", "--json")
    told = json.loads(out)
    assert code == 0
    assert {finding["rule"] for finding in told["findings"]} == {"STAFF_TRIED_FAMILY_ACT"}
    assert sum(rule["findings"] for rule in told["rules"]) == len(told["findings"]) == 1
    code, out = await asked("anomalies")
    assert "不是结论" in out
    assert not any(name in out for name in past.names)
    assert (await asked("anomalies", "--set", "no_such=1", "--json"))[0] == 2
    assert (await asked("anomalies", "--set", "burst", "--json"))[0] == 2
    assert (await asked("anomalies", "--json", by=staff["class_head"]))[0] == 5
    every, none = [
        json.loads((await asked("sample", "--seed", "2026-11-01", "--rate", rate, "--json"))[1]) for rate in ("1", "0")
    ]
    assert every["size"] == every["of"] > none["size"]
    assert (every["rates"], none["rates"]["autumn"]) == ({"spring": "1", "autumn": "1"}, "0")
    policys = json.loads((await asked("sample", "--seed", "2026-11-01", "--json"))[1])
    assert policys["rates"] == {"spring": "1", "autumn": "3/10"}
    assert none["size"] <= policys["size"] <= every["size"]
    assert (await asked("sample", "--seed", "short", "--json"))[0] == 2
    assert (await asked("sample", "--seed", "2026-11-01", "--rate", "3/2", "--json"))[0] == 2
