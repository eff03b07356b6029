from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import json
import os
from pathlib import Path

import pytest
from registry_samples import CAMPAIGN, SCHOOL, pupil_row, write_xlsx

import cli.entry
from registry.campaign_file import CampaignFile
from registry.database import load_pepper
from registry.roster import read_roster
from registry.store import Registry

CANARIES = ("例云", "例大川", "10000000001", "99000120110305")


def command(*arguments: object) -> tuple[int, dict]:
    """Run `roster …` from its arguments to its exit code; no personal value may stand in what it prints."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        result = cli.entry.run(["roster", *map(str, arguments), "--json"])
        code = asyncio.run(result) if inspect.iscoroutine(result) else result
    said = out.buffer.getvalue().decode()
    assert not [value for value in CANARIES if value in said + err.buffer.getvalue().decode()]
    return code, json.loads(said)


@pytest.fixture(autouse=True)
def settings_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("DIVERSION_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def data(tmp_path: Path, campaign_file: CampaignFile) -> Path:
    """Return a data directory whose registry knows the schools."""

    async def make() -> None:
        directory = tmp_path / "var"
        pepper = load_pepper(directory / "pepper")
        opened = await Registry.open(f"sqlite+aiosqlite:///{directory / 'registry.db'}", pepper)
        await opened.save_schools(CAMPAIGN, campaign_file)
        await opened.close()

    asyncio.run(make())
    return tmp_path / "var"


def test_an_import_is_reviewed_taken_once_and_never_by_surprise(tmp_path, data):
    """Review writes nothing, a commit takes what was reviewed, again changes nothing, another drift is refused."""
    path = write_xlsx(tmp_path / "r.xlsx", [pupil_row(1), pupil_row(2)])
    common = ("import", path, "--school", SCHOOL, "--campaign", CAMPAIGN, "--data", data)
    code, shown = command(*common)
    assert (code, shown["added"], shown["committed"], shown["rows"]) == (0, 2, False, 3)
    code, taken = command(*common, "--commit", "--expect", shown["drift"])
    assert (code, taken["added"], taken["committed"]) == (0, 2, True)
    code, again = command(*common, "--commit")
    assert (code, again["unchanged"], again["added"], again["changed"], again["missing"]) == (0, 2, 0, 0, 0)
    code, refused = command(*common, "--commit", "--expect", shown["drift"])
    assert (code, refused["error"]["code"]) == (3, "ROSTER_DRIFTED")


def test_rejected_rows_stop_an_import_unless_it_is_partial(tmp_path, data):
    """All or nothing by default; the good rows where that is wanted; an unknown school is not found."""
    path = write_xlsx(tmp_path / "r.xlsx", [pupil_row(1), pupil_row(2, 监护人电话="12")])
    common = ("import", path, "--school", SCHOOL, "--campaign", CAMPAIGN, "--data", data, "--commit")
    code, stopped = command(*common)
    assert (code, stopped["committed"], stopped["error"]["code"]) == (3, False, "ROSTER_REJECTED")
    code, partial = command(*common, "--partial")
    assert (code, partial["committed"], partial["added"], len(partial["rejected"])) == (0, True, 1, 1)
    code, unknown = command("import", path, "--school", "9900019999", "--campaign", CAMPAIGN, "--data", data)
    assert (code, unknown["error"]["code"]) == (4, "SCHOOL_UNKNOWN")
    code, usage = command("import", path, "--school", SCHOOL, "--data", data)
    assert (code, usage["error"]["code"]) == (2, "CAMPAIGN_MISSING")


def test_a_check_counts_every_row_and_writes_the_rejected_ones(tmp_path):
    """`ignored` by reason and `rows`; the errors' file never replaces the roster."""
    path = write_xlsx(tmp_path / "r.xlsx", [pupil_row(1), None, pupil_row(2, 监护人电话="12")])
    code, checked = command("check", path, "--year", 2026, "--errors", tmp_path / "errors.xlsx")
    assert (code, checked["rows"], checked["ignored"]) == (3, 4, {"BLANK": 1, "HEADER": 1})
    assert checked["accepted"] + len(checked["rejected"]) + sum(checked["ignored"].values()) == checked["rows"]
    assert [problem.code for problem in read_roster(tmp_path / "errors.xlsx", 2026).rejected] == ["PHONE_INVALID"]
    before = path.read_bytes()
    code, refused = command("check", path, "--year", 2026, "--errors", path)
    assert (code, refused["error"]["code"], path.read_bytes()) == (2, "ERRORS_FILE_INVALID", before)
