"""Writes what became of the verifier's mutants: the same mutants, fates and reasons give the same page."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.mutants import Mutant
from bench.mutation_runner import CLOCK, SURVIVED, Fate

HEAD: Final = """\
# Mutations of the verifier

Written by `python -m bench.mutations`; do not edit. Reasons come from `bench/mutation_reasons.toml`.

A mutation run changes one small thing of `audit/verifier/verify_bundle.py` at a time (a comparison's boundary, a check
that is always or never true, a statement left out) and runs the tests `test_verifier_*`, `test_bundle_file` and
`test_bundle_tamper` under `tests/audit`. A mutant that no test notices is a check that nobody would miss. Whoever
verifies a bundle trusts this one file, so every survivor is named here, with the reason why it stays.

## How

The operators and the runner are `bench/mutants.py` and `bench/mutation_runner.py`. Two well-kept tools were looked at:

- mutmut 3.8 puts all variants of a function into the file, which then imports mutmut and grows to 4.6 MB. The
  verifier is one file that starts itself anew as `python -I -S`, and travels in the bundle: that copy does not start
  any more. mutmut leaves out properties and whatever stands outside functions (limits, patterns), and has no operator
  for a statement or a refusal that is left out.
- cosmic-ray 8 starts the tests' command anew for each mutant. Loading the tests takes some three seconds of CPU, and
  most mutants die within a tenth of one: two hours in place of a quarter of one.

Here pytest loads the tests once, and each mutant runs in a process that is forked from there. A mutant in a function's
body takes that function's code in place, so that everybody who holds the function runs the mutant; one outside takes
the constants in place; one in a class's own statements is loaded before the tests are. It is written to the file as
well, for the tests that start the file as a program. Two controls precede each run: a
verifier that always says yes dies, and one without a change lives.

The bundle that most tests begin with is made once by the original, unless the mutated function has a part in making it.
The clock kills a test that takes more than three seconds and six times its CPU time, or that waits for twenty. Tests of
more than 0.03 s try only those whom no quicker one kills and of whom nobody knows why they live. Tests of more than
0.3 s, or that need a ledger or an engine (`test_bundle_heads`, `test_bundle_running`), take no part: what only they
kill counts as alive.

Left out by rule: what is only worded (`SENTENCES`, the functions `told`, `warnings` and `Finding.message`, sentences in
the text, help texts), types, descriptions, imports, and what is inside an f-string, which is emptied as a whole. No
mutant returns None where False or an empty text is returned: callers ask only whether it is true.
"""


@dataclass(frozen=True)
class Reason:
    """Why a mutant may live: `equivalent` says that no input tells it from the original."""

    equivalent: bool
    text: str


@dataclass(frozen=True)
class Reasons:
    """Reasons by (function, line, change); a reason for every change of a line stands under an empty change."""

    by_place: Mapping[tuple[str, str, str], Reason] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Reasons:
        """Read the file of reasons.

        Raises:
            ValueError: two speak of the same place.
        """
        listed = tomllib.loads(path.read_text(encoding="utf-8"))["survivor"] if path.is_file() else []
        found: dict[tuple[str, str, str], Reason] = {}
        for entry in listed:
            for change in entry.get("changes", [""]):
                place = (entry["function"], entry["line"], change)
                if place in found:
                    raise ValueError(f"two reasons for {place}")
                found[place] = Reason(entry["equivalent"], entry["reason"])
        return cls(found)

    def of(self, mutant: Mutant) -> tuple[tuple[str, str, str], Reason] | None:
        """Return the reason of a mutant, with its place."""
        for change in (mutant.change, ""):
            place = (mutant.function, mutant.line, change)
            if place in self.by_place:
                return place, self.by_place[place]
        return None


@dataclass
class _Sum:
    made: int = 0
    killed: int = 0
    equivalent: int = 0
    alive: int = 0

    def row(self, name: str) -> str:
        return f"| {name} | {self.made} | {self.killed} | {self.equivalent} | {self.alive} |"


def page(source: bytes, made: Sequence[Mutant], fates: Mapping[str, Fate], reasons: Reasons) -> tuple[str, list[str]]:
    """Return the page, and what is wrong: mutants not run, survivors without a reason, reasons without a survivor."""
    told = [(one, fates.get(one.key)) for one in made]
    alive = [one for one, fate in told if fate is not None and fate.how == SURVIVED]
    given = {one.key: reasons.of(one) for one in alive}
    equal = {key for key, found in given.items() if found is not None and found[1].equivalent}
    wrong = [f"not run: {one.function}:{one.number}: {one.change}" for one, fate in told if fate is None]
    wrong += [f"no reason: {one.function}:{one.number}: {one.change}" for one in alive if given[one.key] is None]
    used = {found[0] for found in given.values() if found is not None}
    wrong += [f"no survivor: {place}" for place in reasons.by_place if place not in used]
    whole = _summed(told, equal, lambda _: "")[""]
    checked = whole.made - whole.equivalent
    clock = sum(fate is not None and fate.how == CLOCK for _, fate in told)
    share = f"{1000 * whole.killed // checked / 10:.1f} %" if checked else "-"
    parts = [
        HEAD,
        "## What came of it\n",
        (
            f"Of {whole.made:,} mutants {whole.killed:,} were killed ({clock} of them by the clock), "
            f"{whole.equivalent} are equivalent, and {whole.alive} live.\n"
            f"Killed are {share} of those that could be.\n"
        ),
        f"SHA-256 of the verifier: `{hashlib.sha256(source).hexdigest()}`.\n",
        _table("Fault", _summed(told, equal, lambda one: one.operator)),
        _table("Function", _summed(told, equal, lambda one: f"`{one.function}`")),
        _survivors("Survivors that tests could kill", [one for one in alive if one.key not in equal], given),
        _survivors("Equivalent mutants", [one for one in alive if one.key in equal], given),
    ]
    return "\n".join(parts).rstrip() + "\n", wrong


def _summed(
    told: Iterable[tuple[Mutant, Fate | None]], equal: set[str], by: Callable[[Mutant], str]
) -> dict[str, _Sum]:
    sums: dict[str, _Sum] = {}
    for one, fate in told:
        own = sums.setdefault(by(one), _Sum())
        own.made += 1
        if fate is not None and fate.how != SURVIVED:
            own.killed += 1
        elif one.key in equal:
            own.equivalent += 1
        else:
            own.alive += 1
    return sums


def _table(title: str, sums: Mapping[str, _Sum]) -> str:
    rows = [own.row(name) for name, own in sorted(sums.items())]
    return "\n".join((f"| {title} | mutants | killed | equivalent | alive |", "|---|--:|--:|--:|--:|", *rows, ""))


def _survivors(
    title: str, alive: Sequence[Mutant], given: Mapping[str, tuple[tuple[str, str, str], Reason] | None]
) -> str:
    """Return survivors by function and line, several changes of a line with one reason together."""
    lines = [f"## {title}\n"]
    together: dict[tuple[str, str, str], Counter[str]] = {}
    for one in alive:
        found = given[one.key]
        reason = found[1].text if found is not None else "NO REASON GIVEN"
        together.setdefault((one.function, one.line, reason), Counter())[one.change] += 1
    for (function, line, reason), changes in together.items():
        shown = ", ".join(f"{_code(change)}{f' ({times} times)' * (times > 1)}" for change, times in changes.items())
        lines.append(f"- `{function}`: {_code(line)}\n  {shown}\n  {reason}")
    return "\n".join([*lines, "" if together else "None.\n"])


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"
