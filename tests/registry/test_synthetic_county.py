from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.calendar_file import load_school_calendar
from registry.campaign_file import load_campaign
from registry.problems import InputRejected
from registry.roster import read_roster
from registry.staff_file import load_staff
from rehearsal.county import is_sample, make_county

ROOT = Path(__file__).parents[2]


def files(directory: Path) -> dict[str, bytes]:
    """Return every file of a directory by its relative path."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path):
    """In another process, with another hash seed and time zone, too; another seed differs."""
    make_county(tmp_path / "a", schools=2, pupils=90, seed=5)
    script = (
        "import sys; from pathlib import Path; from rehearsal.county import make_county;"
        "make_county(Path(sys.argv[1]), schools=2, pupils=90, seed=5)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "TZ": "America/Lima"}
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "b")], cwd=ROOT, env=environment, check=True)
    make_county(tmp_path / "c", schools=2, pupils=90, seed=6)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a")["rosters/9900010001.xlsx"] != files(tmp_path / "c")["rosters/9900010001.xlsx"]


def test_a_county_is_complete_and_agrees_with_its_ground_truth(tmp_path: Path):
    """Pupils are the total, spread evenly; every file is read by the reader of real files without complaint."""
    make_county(tmp_path, schools=3, pupils=361)
    campaign = load_campaign(tmp_path)
    truth = json.loads((tmp_path / "ground_truth.json").read_text(encoding="utf-8"))["schools"]
    rosters = {school.code: read_roster(tmp_path / school.roster, campaign.year) for school in campaign.schools}
    assert (
        truth
        == {code: len(roster.accepted) for code, roster in rosters.items()}
        == dict(zip(truth, [121, 120, 120], strict=True))
    )
    assert not any(roster.rejected for roster in rosters.values())
    pupils = [pupil for roster in rosters.values() for pupil in roster.accepted]
    assert len({pupil.id_number for pupil in pupils}) == 361
    assert 0 < sum(pupil.mark_tenths is None for pupil in pupils) < 30
    staff = load_staff(
        tmp_path / "staff.csv",
        schools={school.code for school in campaign.schools},
        receiving_schools=campaign.qualified_schools,
    )
    led = {(member.school, name) for member in staff for name in member.classes}
    assert led == {(code, pupil.class_id) for code, roster in rosters.items() for pupil in roster.accepted}
    assert {"bureau_officer", "bureau_approver", "register_officer", "discipline_officer", "auditor"} <= {
        member.role for member in staff
    }
    assert len(load_school_calendar(tmp_path / "calendar.csv")) > 60


def test_a_name_is_unique_in_its_class(tmp_path: Path):
    """So that record files may use class and name."""
    make_county(tmp_path, schools=1, pupils=200)
    pupils = read_roster(tmp_path / "rosters" / "9900010001.xlsx", 2025).accepted
    assert len({(pupil.class_id, pupil.name) for pupil in pupils}) == 200


def test_somebody_elses_directory_is_refused_and_left_alone(tmp_path: Path):
    """One foreign file is enough; a real campaign file is not taken for ours."""
    (tmp_path / "campaign.toml").write_text("schema = 1\n", encoding="utf-8")
    with pytest.raises(InputRejected) as caught:
        make_county(tmp_path)
    assert caught.value.code == "DIRECTORY_NOT_EMPTY"
    assert files(tmp_path) == {"campaign.toml": b"schema = 1\n"}
    assert not is_sample(tmp_path)


def test_a_smaller_county_replaces_a_larger_one_and_nothing_else(tmp_path: Path):
    """Old rosters go, a file of the user's stays."""
    make_county(tmp_path, schools=3, pupils=30)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    make_county(tmp_path, schools=1, pupils=10)
    assert sorted(path.name for path in (tmp_path / "rosters").iterdir()) == ["9900010001.xlsx"]
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert is_sample(tmp_path)


def test_a_county_with_a_real_schools_code_is_no_sample(tmp_path: Path):
    """The marker alone does not make a campaign a rehearsal."""
    make_county(tmp_path, schools=1, pupils=10)
    path = tmp_path / "campaign.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"9900010001"', '"2145000001"'), encoding="utf-8")
    assert not is_sample(tmp_path)


@pytest.mark.parametrize(("schools", "pupils"), [(0, 10), (5, 4), (1, 4000), (1000, 5000)])
def test_impossible_sizes_are_refused(tmp_path: Path, schools, pupils):
    """Every school needs a pupil, every class a number of two digits."""
    with pytest.raises(InputRejected, match="COUNTY_SIZE_INVALID"):
        make_county(tmp_path / "x", schools=schools, pupils=pupils)
    assert not (tmp_path / "x").exists()
