"""Every scenario of DOMAIN §9b that tests follow, with the file of its tests."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCENARIOS = {
    "s01": "test_scenario_rewards.py",
    "s02": "test_scenario_targets.py",
    "s03": "test_scenario_rewards.py",
    "s04": "test_scenario_rewards.py",
    "s05": "test_scenario_rewards.py",
    "s08": "test_scenario_attendance.py",
    "s09": "test_scenario_attendance.py",
    "s10": "test_scenario_attendance.py",
    "s11": "test_scenario_aid.py",
    "s14": "test_scenario_rewards.py",
    "s15": "test_scenario_targets.py",
    "s16": "test_scenario_targets.py",
    "s17": "test_scenario_consent.py",
    "s18": "test_scenario_consent.py",
    "s20": "test_scenario_targets.py",
    "s22": "test_scenario_cliffs.py",
}


def _tests_in(place):
    """Return the names of a file's tests."""
    tree = ast.parse(place.read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_scenario_has_its_tests(scenario):
    """The file that is named has a test of the scenario's name."""
    assert [name for name in _tests_in(HERE / SCENARIOS[scenario]) if name.startswith(f"test_{scenario}_")]


def test_no_test_is_of_a_scenario_that_stands_nowhere():
    """A test that names a scenario stands in the scenario's own file."""
    found = {
        (name.split("_")[1], place.name)
        for place in HERE.glob("test_scenario_*.py")
        for name in _tests_in(place)
        if name[5:6] == "s" and name[6:8].isdigit()
    }
    assert found == set(SCENARIOS.items())
