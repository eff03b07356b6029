"""The mutation run's own parts: which faults it makes, and that its report hides no survivor."""

from __future__ import annotations

import types

import pytest

from bench.mutants import BODY, CLASS, CONSTANT, Rules, mutants
from bench.mutation_report import Reason, Reasons, page
from bench.mutation_runner import CLOCK, KILLED, SURVIVED, Fate, put_in_place

SOURCE = b'''"""A program."""
LIMIT: int = 5


def worded():
    return "a word or two"


class Box:
    """Holds."""

    @property
    def size(self) -> int:
        """Count."""
        return len(self.held)

    def take(self, thing: str, most: int = 3) -> bool:
        """Take."""
        if self.size >= most and not thing:
            raise ValueError("no more of it")
        self.held.append(thing[1:])
        return True


def seen(text: str) -> str:
    try:
        number = int(text) + LIMIT
    except (ValueError, TypeError):
        return ""
    return f"{number}" if number in {6, 7} else "x"
'''


def test_each_kind_of_fault_is_made_once_at_its_place():
    """And nothing in types, descriptions, wording, or functions that are left out."""
    made = mutants(SOURCE, Rules(functions=frozenset({"worded"})))
    assert [(one.function, one.operator, one.change) for one in made] == [
        ("(module)", "constant", "5 → 6"),
        ("Box.size", "return", "len(self.held) → None"),
        ("Box.take", "constant", "3 → 4"),
        ("Box.take", "condition", "self.size >= most and not thing → False"),
        ("Box.take", "condition", "self.size >= most and not thing → True"),
        ("Box.take", "comparison", ">= → >"),
        ("Box.take", "boolean", "and → or"),
        ("Box.take", "boolean", "not → (nothing)"),
        ("Box.take", "raise", 'raise ValueError("no more of it") → pass'),
        ("Box.take", "statement", "self.held.append(thing[1:]) → pass"),
        ("Box.take", "slice", "1 → (nothing)"),
        ("Box.take", "constant", "1 → 2"),
        ("Box.take", "constant", "True → False"),
        ("Box.take", "return", "True → None"),
        ("seen", "arithmetic", "+ → -"),
        ("seen", "except", "(ValueError, TypeError) → (TypeError,)"),
        ("seen", "except", "(ValueError, TypeError) → (ValueError,)"),
        ("seen", "constant", "\"\" → 'X'"),
        ("seen", "constant", 'f"{number}" → ""'),
        ("seen", "return", 'f"{number}" if number in {6, 7} else "x" → None'),
        ("seen", "condition", "number in {6, 7} → False"),
        ("seen", "condition", "number in {6, 7} → True"),
        ("seen", "comparison", "in → not in"),
        ("seen", "constant", "6 → 7"),
        ("seen", "constant", "7 → 8"),
        ("seen", "constant", "\"x\" → 'xX'"),
    ]
    assert len({one.key for one in made}) == len(made)
    for one in made:
        compile(one.text, "mutant", "exec")
        assert one.text.count(b"\n") == SOURCE.count(b"\n")
    assert [(one.change, one.where) for one in made if one.where != BODY] == [("5 → 6", CONSTANT), ("3 → 4", CLASS)]


def test_a_change_keeps_its_key_when_the_text_around_it_moves():
    """So a second run does only what is new; a change in its own function makes it new."""
    keys = {one.key for one in mutants(SOURCE, Rules())}
    moved = {one.key for one in mutants(b"import os\n\n" + SOURCE, Rules())}
    assert moved == keys
    other = {one.key for one in mutants(SOURCE.replace(b"{6, 7}", b"{6, 8}"), Rules())}
    assert len(keys - other) == sum(one.function == "seen" for one in mutants(SOURCE, Rules()))


def test_a_mutant_takes_the_functions_place_for_everybody_who_holds_it():
    """A function, a method, a property."""
    module = types.ModuleType("program")
    module.__file__ = "program.py"
    exec(compile(SOURCE, "program.py", "exec"), module.__dict__)
    held, box = module.seen, module.Box()
    box.held = ["a"]
    assert (held("1"), box.size, box.take("xy")) == ("6", 1, True)
    by_change = {(one.function, one.change): one for one in mutants(SOURCE, Rules())}
    put_in_place(module, by_change["seen", "number in {6, 7} → False"])
    put_in_place(module, by_change["Box.size", "len(self.held) → None"])
    put_in_place(module, by_change["Box.take", "True → False"])
    assert (held("1"), box.size) == ("x", None)
    put_in_place(module, by_change["(module)", "5 → 6"])
    assert module.LIMIT == 6
    put_in_place(module, by_change["Box.take", "self.size >= most and not thing → True"])
    with pytest.raises(ValueError, match="no more"):
        box.take("xy")


def test_the_report_names_every_survivor_and_what_is_wrong():
    """A survivor without a reason, a reason without a survivor, a mutant that was not run."""
    made = mutants(SOURCE, Rules())
    fates = {one.key: Fate(KILLED, "t") for one in made}
    text, wrong = page(SOURCE, made, fates, Reasons())
    assert wrong == []
    assert f"{len(made)} were killed (0 of them by the clock)" in text
    assert "100.0 %" in text
    one, two, three = made[1], made[2], made[3]
    fates[one.key] = fates[two.key] = Fate(SURVIVED)
    fates[three.key] = Fate(CLOCK)
    equal = Reason(equivalent=True, text="nobody can tell")
    reasons = Reasons({(one.function, one.line, one.change): equal, ("gone", "x", ""): equal})
    text, wrong = page(SOURCE, made, fates, reasons)
    assert wrong == [
        f"no reason: {two.function}:{two.number}: {two.change}", "no survivor: ('gone', 'x', '')",
    ]  # fmt: skip
    assert "(1 of them by the clock), 1 are equivalent, and 1 live" in text
    assert "nobody can tell" in text
    assert "NO REASON GIVEN" in text
    assert page(SOURCE, made, fates, reasons)[0] == text
    del fates[three.key]
    assert f"not run: {three.function}:{three.number}: {three.change}" in page(SOURCE, made, fates, reasons)[1]


def test_a_reason_may_stand_for_a_line_or_for_single_changes(tmp_path):
    """Two that speak of the same place are refused."""
    file = tmp_path / "reasons.toml"
    entry = '[[survivor]]\nfunction = "f"\nline = "x"\nequivalent = false\nreason = "r"\n'
    file.write_text(entry + 'changes = ["a → b"]\n' + entry)
    assert Reasons.read(file).by_place == {
        ("f", "x", "a → b"): Reason(equivalent=False, text="r"), ("f", "x", ""): Reason(equivalent=False, text="r"),
    }  # fmt: skip
    file.write_text(entry + entry)
    with pytest.raises(ValueError, match="two reasons"):
        Reasons.read(file)
    assert Reasons.read(tmp_path / "none").by_place == {}
