"""A mutation run over the bundle's verifier: `python -m bench.mutations`; its report is `docs/verifier-mutations.md`.

Each mutant meets the tests that run its line, quickest killers first, until one fails. What became of it is kept under
the text of its function: a second run does only what is new. Whoever survives is named in the report with the reason in
`bench/mutation_reasons.toml`; a survivor without a reason, or a reason without a survivor, is exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from bench.mutants import BODY, CLASS, MODULE, Mutant, Rules, mutants
from bench.mutation_report import Reasons, page
from bench.mutation_runner import KILLED, SURVIVED, Fate, Known, Runner, copied

ROOT: Final = Path(__file__).resolve().parents[1]
MODULE_NAME: Final = "audit.verifier.verify_bundle"
SOURCE: Final = ROOT / "audit" / "verifier" / "verify_bundle.py"
TESTS: Final = ("test_verifier_*.py", "test_bundle_file.py", "test_bundle_tamper.py")
TOO_LONG: Final[frozenset[str]] = frozenset()
"""Tests that take no part; the tamper table over every type of event is a file of its own, outside `TESTS`."""
PAGE: Final = ROOT / "docs" / "verifier-mutations.md"
REASONS: Final = ROOT / "bench" / "mutation_reasons.toml"
RULES: Final = Rules(
    functions=frozenset({"told", "warnings", "Finding.message"}),
    names=frozenset({"SENTENCES"}),
)
BEGINNING: Final = ("test_bundle_file", "test_bundle_tamper", "test_verifier_mutants_command")
"""The tests that begin with a bundle."""
QUICK, SLOW = 0.03, 0.3
"""Seconds of CPU; slow tests try only those whom no quick one killed and who have no reason, slower ones nobody."""
MAKING: Final = frozenset(
    {"local_header", "directory", "bundle_text", "read_events", "digest_of", "Key.parse", "Key.__str__", "Key.key_id"}
)
"""What the program makes bundles with."""


def _controls() -> tuple[Mutant, Mutant]:
    """Return a verifier that always says yes, which must die, and one without a change, which must live."""
    old = b'        """Tell whether nothing was found."""\n        return not self.findings\n'
    source = SOURCE.read_bytes()
    if source.count(old) != 1:
        raise ValueError("the control's place is gone")
    number = source[: source.index(old)].count(b"\n") + 1
    yes, same = source.replace(old, b"        return True\n"), source
    return (
        Mutant("Verdict.verified", "", "control", "always verified", number, BODY, text=yes, key=KILLED),
        Mutant("Verdict.verified", "", "control", "no change", number, BODY, text=same, key=SURVIVED),
    )


CONTROLS: Final = _controls()


def main() -> int:
    """Run what is not known yet, write the report."""
    parser = argparse.ArgumentParser(prog="bench.mutations", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(tempfile.gettempdir()) / "diversion-mutations.json")
    parser.add_argument("--quick", action="store_true", help="leave out the second round, of the slow tests")
    parser.add_argument("--again", action="store_true", help="try those again who survived and have no reason")
    parser.add_argument("--only", nargs="*", default=[], help="functions; all where none is named")
    parser.add_argument("--report", action="store_true", help="write the report only")
    given = parser.parse_args()
    source = SOURCE.read_bytes()
    made = mutants(source, RULES)
    known, reasons = _read(given.state), Reasons.read(REASONS)
    if not given.report:
        wanted = [one for one in made if not given.only or one.function in given.only]
        alive = {one.key for one in wanted if one.key in known and known[one.key].how == SURVIVED}
        again = {one.key for one in wanted if given.again and one.key in alive and reasons.of(one) is None}
        todo = [one for one in wanted if one.key not in known or one.key in again]
        todo.sort(key=lambda one: one.operator == "constant")  # most are found by the first test
        _run(todo, given.state, slow=False)
        known = _read(given.state)
        if not given.quick:
            left = [one for one in wanted if known[one.key].how == SURVIVED and reasons.of(one) is None]
            _run(left, given.state, slow=True)
            known = _read(given.state)
    text, wrong = page(source, made, known, reasons)
    PAGE.write_text(text, encoding="utf-8")
    print("\n".join(wrong) or f"{PAGE.name}: every survivor has its reason")
    return int(bool(wrong))


def _read(state: Path) -> dict[str, Fate]:
    return {key: Fate(*fate) for key, fate in json.loads(state.read_text()).items()} if state.is_file() else {}


def _write(state: Path, known: dict[str, Fate]) -> None:
    new = state.with_suffix(".new")
    new.write_text(json.dumps({key: [fate.how, fate.test] for key, fate in known.items()}))
    new.replace(state)


def _run(todo: Sequence[Mutant], state: Path, *, slow: bool) -> None:
    """Run mutants in processes of their own: those of functions' bodies first, then those that need a fresh start."""
    if not todo:
        return
    folder = Path(tempfile.mkdtemp(prefix="mutations-"))
    try:
        tree = copied(ROOT, folder)
        files = [
            str(file.relative_to(tree)) for name in TESTS for file in sorted((tree / "tests" / "audit").glob(name))
        ]
        for fresh in (False, True):
            part = [*CONTROLS, *(one for one in todo if (one.where == CLASS) is fresh)]
            if len(part) > len(CONTROLS) and (child := os.fork()):
                if os.waitpid(child, 0)[1]:
                    raise RuntimeError("the run broke off")
            elif len(part) > len(CONTROLS):
                _work(tree, files, part, state, fresh=fresh, slow=slow)
    finally:
        shutil.rmtree(folder)


def _work(tree: Path, files: list[str], todo: Sequence[Mutant], state: Path, *, fresh: bool, slow: bool) -> NoReturn:
    owner = os.getpid()
    bundle = Prepared(tree.parent / "prepared")
    runner = Runner(tree, MODULE_NAME, files, fresh=fresh, child=bundle.put, without=TOO_LONG)

    def work() -> None:
        bundle.make()
        code = _each(runner, todo, state, slow=slow)
        if os.getpid() == owner:
            os._exit(code)

    runner.run(work)
    os._exit(1)


class Prepared:
    """The bundle that the tests begin with, made once: it takes longer than most of them.

    Only where the mutated function has no part in making a bundle; what it takes to make one is made anew.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: Any = None

    def make(self) -> None:
        """Make it."""
        if "bundle_maker" in sys.modules:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir()
            log, small, maker = (sys.modules[name] for name in ("audit_log_tools", "audit_small_log", "bundle_maker"))
            self._made = asyncio.run(maker.made(self._folder, log.sealed(small.good())))

    def put(self, mutant: Mutant | None) -> None:
        """Hand it to the tests of a child."""
        if self._made is not None and (mutant is None or mutant.function not in MAKING):
            for name in BEGINNING:
                vars(sys.modules[name]).update(good=lambda: None, sealed=lambda _: self._made.streams, made=self._copy)

    async def _copy(self, folder: Path, _: object) -> Any:
        path = Path(shutil.copy(self._made.path, folder))
        return dataclasses.replace(self._made, path=path)


def _each(runner: Runner, todo: Sequence[Mutant], state: Path, *, slow: bool) -> int:
    """Try each mutant; in a forked child, return at once."""
    began = time.monotonic()
    known = runner.baseline(state.with_suffix(f".{runner.digest()[:16]}"))
    if known is None:
        return 0
    print(f"{len(known.seconds)} tests, {sum(known.seconds.values()):.0f} s of CPU")
    told = _read(state)
    killers: dict[str, Counter[str]] = {}
    for one in mutants(SOURCE.read_bytes(), RULES):
        if one.key in told and told[one.key].how == KILLED:
            killers.setdefault(one.function, Counter())[told[one.key].test] += 1
    for number, one in enumerate(todo):
        own = killers.setdefault(one.function, Counter())
        fate = runner.fate(one, _order(known, _covering(known, one), own, slow=slow))
        if fate is None:
            return 0
        if fate.how == KILLED:
            own[fate.test] += 1
        print(f"{time.monotonic() - began:6.0f} {runner.used:6.1f} {number} {fate.how:8} {one.function}: {one.change}")
        sys.stdout.flush()
        if one in CONTROLS and fate.how != one.key:
            print("a control fails: the tests do not use the mutant, or find what is not there", file=sys.stderr)
            return 1
        if one not in CONTROLS:
            told[one.key] = fate
        _write(state, told)
    return 0


def _covering(known: Known, one: Mutant) -> set[str]:
    """Return the tests that run a mutant's line, or the nearest one before it; all where that is none's."""
    if one.function != MODULE:
        for line in range(one.number, one.number - 12, -1):
            tests = {test for test, lines in known.lines.items() if line in lines}
            if tests:
                return tests
    return set(known.seconds)


def _order(known: Known, tests: set[str], killers: Counter[str], *, slow: bool) -> list[str]:
    """Return who killed most here first, then the quick tests or the slow ones, the quickest first."""
    first = [test for test, _ in killers.most_common(4) if test in tests]
    least, most = (QUICK, SLOW) if slow else (-1.0, QUICK)
    rest = [test for test in tests if test not in first and least < known.seconds[test] <= most]
    rest.sort(key=lambda test: (known.seconds[test], test))
    return first + rest


if __name__ == "__main__":
    raise SystemExit(main())
