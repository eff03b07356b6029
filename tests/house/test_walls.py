import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LEGAL = {
    "domain": "",
    "settings": "",
    "protocol": "domain",
    "ledger": "domain",
    "registry": "domain",
    "gateway": "domain",
    "notices": "domain",
    "workflows": "domain, protocol",
    "activities": "domain, protocol, ledger, registry, notices",
    "engine": "domain, protocol, workflows",
    "audit": "domain, protocol, ledger, engine",
    "client": "domain, protocol, engine, ledger, registry",
    "rehearsal": "domain, client, registry, engine",
    "cli": "settings, client, gateway, notices, audit, rehearsal, engine, ledger, registry, activities, workflows",
    "worker": "cli, settings, engine, activities, workflows",
    "starter": "cli, settings",
}
MODULES = {"protocol", "engine", "settings", "worker", "starter"}
FORBIDDEN = {
    "domain": "protocol",
    "protocol": "ledger",
    "workflows": "activities",
    "activities": "engine",
    "ledger": "registry",
    "registry": "protocol",
    "gateway": "registry",
    "notices": "registry",
    "engine": "ledger",
    "audit": "client",
    "client": "workflows",
    "rehearsal": "ledger",
    "settings": "domain",
}


def broken(tmp_path, extra=()):
    """The contracts that a tree of empty rooms breaks, with the legal imports and some more; None if all are kept."""
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    for room, imported in LEGAL.items():
        file = tmp_path / (f"{room}.py" if room in MODULES else f"{room}/__init__.py")
        file.parent.mkdir(exist_ok=True)
        names = [imported, *(name for importer, name in extra if importer == room)]
        file.write_text("".join(f"import {name}\n" for name in names if name), encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [PROJECT / ".ci" / "walls", tmp_path],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode == 0:
        return None
    found = set(re.findall(r"^(.+) BROKEN", done.stdout, re.MULTILINE))
    assert found, done.stdout + done.stderr
    return found


def test_what_the_design_allows_is_allowed(tmp_path):
    """Every import the design names passes, also where a room is reached through another."""
    assert broken(tmp_path) is None


def test_every_wall_turns_red(tmp_path):
    """One forbidden import in each room breaks that room's contract: none of them is idle."""
    found = broken(tmp_path, FORBIDDEN.items())
    for room in FORBIDDEN:
        assert any(name.lower().startswith((f"{room} imports", f"the {room} import")) for name in found), room


@pytest.mark.parametrize(
    ("importer", "imported", "contract"),
    [
        ("cli", "worker", "Nothing imports worker or starter"),
        ("starter", "worker", "Nothing imports worker or starter"),
        ("worker", "starter", "Nothing imports worker or starter"),
        ("domain", "temporalio.workflow", "The domain knows no engine, no database and no log"),
        ("rehearsal", "protocol", "rehearsal imports only domain, client, registry, engine"),
    ],
)
def test_one_forbidden_import_is_named(tmp_path, importer, imported, contract):
    """A single import across a wall breaks exactly the contract that forbids it."""
    assert broken(tmp_path, [(importer, imported)]) == {contract}
