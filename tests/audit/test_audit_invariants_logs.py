"""The invariants over logs that the system itself wrote: a year of today's rules, and streams of older releases."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path

import pytest
import pytest_asyncio
from audit_breaks import BREAKS
from audit_kernel_year import kernel_year
from audit_log_tools import broken_copy, sealed
from audit_small_log import CAMPAIGN, good

from audit.invariants import Log, check_campaign, check_log
from cli.audit_check import checked, explained
from cli.entry import run
from cli.failures import Failure
from cli.options import Face
from ledger.histories import appended
from ledger.store import Ledger
from protocol import ACTIVITY_APPEND

HISTORIES = Path(__file__).parents[1] / "golden" / "histories"


@pytest_asyncio.fixture(scope="module")
async def small_year(tmp_path_factory):
    """A county of two schools and sixteen pupils, a year on the kernel, in a ledger."""
    return await kernel_year(tmp_path_factory.mktemp("invariants"), 2, 16)


async def test_a_year_of_todays_rules_keeps_every_invariant(small_year):
    """Every event that the deciders wrote in a year keeps the rules, asked without their guards."""
    async with small_year.ledger() as ledger:
        report = await check_campaign(ledger, small_year.campaign)
    assert [(one.invariant.id, found.en) for one in report.checked for found in one.found] == []
    assert report.events == len(small_year.events)


@pytest.mark.parametrize("release", ["0.1.0", "0.2.0"])
@pytest.mark.parametrize("clock", ["engine", "stepped"])
def test_the_streams_of_an_older_release_keep_them_too(release, clock):
    """What was recorded before the cooling-off and the attendance existed is judged by what existed."""
    events = {}
    for path in sorted((HISTORIES / release).glob(f"{clock}-*.json.gz")):
        for event in appended(json.loads(gzip.decompress(path.read_bytes())), ACTIVITY_APPEND):
            events.setdefault(event["stream"], {})[event["version"]] = event
    streams = {stream: [own[version] for version in sorted(own)] for stream, own in events.items()}
    streams = {stream: own for stream, own in streams.items() if own[0]["version"] == 1}
    campaign = min(streams, key=len)
    report = check_log(Log(campaign, streams))
    assert report.events > 100
    assert [(one.invariant.id, found.en) for one in report.checked for found in one.found] == []


async def test_the_command_says_so_and_ends_with_7_where_a_rule_is_broken(small_year, tmp_path, capsys):
    """The table is for people, the JSON for programs; a broken rule is a failed verification."""
    assert await checked(small_year.campaign, face=Face(data=small_year.directory)) == 0
    assert "INV-34" in capsys.readouterr().out
    broken, _ = broken_copy(good(), BREAKS["INV-08"]["schools beside the total"])
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    await _write(ledger, broken)
    await ledger.close()
    assert await checked(CAMPAIGN, face=Face(data=tmp_path, json=True)) == 7
    data = json.loads(capsys.readouterr().out)
    assert [breach["invariant"] for breach in data["breaches"]] == ["INV-08"]
    assert await checked(CAMPAIGN, only=("INV-26",), face=Face(data=tmp_path, json=True)) == 0
    capsys.readouterr()
    assert await explained(CAMPAIGN, student="stu_000001", face=Face(data=tmp_path, json=True)) == 0
    assert json.loads(capsys.readouterr().out)["identification"]["confirmed_by"]["role"] == "grade_leader"


async def test_the_command_supposes_the_rules_of_another_day_or_file(small_year, tmp_path, capsys):
    """It names what would break them, in both forms, and ends with 0: nobody broke a rule of the day."""
    face, year = Face(data=small_year.directory, json=True), small_year.campaign
    (tmp_path / "longer.json").write_text('{"signature_wait_hours": 9000}')
    assert await checked(year, law_of=date(2020, 1, 1), parameters=tmp_path / "longer.json", face=face) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["law_of"], data["parameters"]) == ("2020-01-01", ["signature_wait_hours"])
    assert data["otherwise"] == []  # INV-02 asks for it, and its law is of 2021
    assert await checked(year, parameters=tmp_path / "longer.json", face=face) == 0
    [found] = json.loads(capsys.readouterr().out)["otherwise"]
    assert (found["id"], found["in_force"], found["counts"]["no_longer"]) == ("INV-02", None, 0)
    assert {row["type"] for row in found["newly"]} == {"ConsentSigned"}
    assert await checked(year, parameters=tmp_path / "longer.json", face=Face(data=small_year.directory)) == 0
    assert "家庭签署" in capsys.readouterr().out
    assert await checked(year, law_of=date(2025, 6, 1), profile="compliant", face=face) == 0
    assert json.loads(capsys.readouterr().out)["otherwise"] == []
    words = ["audit", "check", year, "--as-of-law", "2020-01-01", "--data", str(small_year.directory), "--json"]
    assert await run(words) == 0
    assert json.loads(capsys.readouterr().out)["law_of"] == "2020-01-01"
    with pytest.raises(Failure) as failure:
        await checked(year, profile="legacy", parameters=tmp_path / "longer.json", face=face)
    assert failure.value.code == "WHAT_IF_RULES_INVALID"


async def _write(ledger, streams):
    """Write streams with their hashes computed anew: the ledger takes no other."""
    for events in sealed(streams).values():
        await ledger.append(events, [], {"status": "running"})
