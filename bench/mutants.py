"""Small changes of a program's text, each a fault that somebody could make: what `bench.mutations` runs tests against.

A mutant replaces one stretch of the text, so that it can be written to a file, read by a person, and run as a program
of its own. Positions come from the syntax tree; nothing is made that only spells the same thing otherwise.
"""

from __future__ import annotations

import ast
import bisect
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MODULE: Final = "(module)"
BODY, CONSTANT, CLASS = "body", "constant", "class"
COMPARED: Final = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}  # fmt: skip
COMPUTED: Final = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "//"), ast.FloorDiv: ("//", "*"), ast.Mod: ("%", "*"),
    ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "&"), ast.Pow: ("**", "*"),
}  # fmt: skip
CALLED: Final = {
    "any": "all", "all": "any", "min": "max", "max": "min", "find": "rfind", "rfind": "find", "startswith": "endswith",
    "endswith": "startswith", "partition": "rpartition", "match": "search", "fullmatch": "match",
}  # fmt: skip
PATTERNS: Final = frozenset({"compile", "split", "match"})
REPEATED: Final = re.compile(r"\{\d+(?:,\d+)?\}|\\Z|(?<!\\)[*+]")
WORDING: Final = re.compile(r"\w[,.:;]? \w|[\u3000-\u9fff\uff00-\uffef]")
"""Words that a person reads: what they say is nothing that a program can check."""
LONGEST: Final = 72


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        function: where it is, by its qualified name.
        line: the first changed line of the text, without its indent.
        operator: which kind of fault.
        change: what is replaced by what, for a person.
        number: the line's number in the text.
        where: in a function's body, in a constant of the module or the default of a function, or in a class.
        text: the whole changed text.
        key: the same for the same change of the same function, wherever that stands in the text.
    """

    function: str
    line: str
    operator: str
    change: str
    number: int
    where: str
    text: bytes
    key: str


@dataclass(frozen=True)
class Rules:
    """What is left out: functions that only choose words, and names that hold words."""

    functions: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


def mutants(source: bytes, rules: Rules) -> list[Mutant]:
    """Return every mutant of a program, in the order of its text."""
    found = sorted(_Finder(source, rules).found, key=lambda change: change[:3])
    starts, seen, times = _starts(source), set(), Counter[str]()
    made = []
    for start, end, new, operator, (function, body, where) in found:
        if (start, end, new) in seen:
            continue
        seen.add((start, end, new))
        number = bisect.bisect_right(starts, start)
        begins = starts[number - 1]
        line = source[begins:].split(b"\n", 1)[0].decode().strip()
        change = f"{_short(source[start:end].decode())} → {_short(new) or '(nothing)'}"
        text = source[:start] + new.encode() + source[end:]
        key = hashlib.sha256(f"{function}\n{body}\n{line}\n{operator}\n{change}\n".encode()).hexdigest()
        made.append(Mutant(function, line, operator, change, number, where, text, f"{key}/{times[key]}"))
        times[key] += 1
    return made


def _starts(source: bytes) -> list[int]:
    return [0, *(at + 1 for at, byte in enumerate(source) if byte == ord("\n"))]


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


class _Finder(ast.NodeVisitor):
    """Walks the tree and notes changes: (start, end, new text, operator, (function, its text, where))."""

    def __init__(self, source: bytes, rules: Rules) -> None:
        self.found: list[tuple[int, int, str, str, tuple[str, str, str]]] = []
        self._source, self._rules = source, rules
        self._starts = _starts(source)
        self._names: list[str] = []
        self._place = (MODULE, "", CONSTANT)
        self._bound: set[str] = set()
        for statement in ast.parse(source).body:
            in_class = isinstance(statement, ast.ClassDef)
            self._place = (MODULE, self._text(statement), CLASS if in_class else CONSTANT)
            self.visit(statement)

    # -- text --

    def _at(self, line: int | None, column: int | None) -> int:
        assert line is not None
        assert column is not None
        return self._starts[line - 1] + column

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _note(self, start: int, end: int, new: str, operator: str) -> None:
        self.found.append((start, end, new, operator, self._place))

    def _instead(self, node: ast.expr | ast.stmt, new: str, operator: str) -> None:
        self._note(*self._span(node), new, operator)

    def _between(self, left: ast.expr, right: ast.expr, signs: tuple[str, str], operator: str) -> None:
        """Change the sign between two expressions."""
        start, end = self._span(left)[1], self._span(right)[0]
        at = self._source.index(signs[0].encode(), start, end)
        self._note(at, at + len(signs[0]), signs[1], operator)

    # -- what is walked --

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Walk a function's defaults and body."""
        self._names.append(node.name)
        name, before = ".".join(self._names), (self._place, self._bound)
        if name not in self._rules.functions:
            body = self._text(node)
            self._bound = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
            self._place = (name, body, CLASS if "." in name else CONSTANT)
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    self.visit(default)
            self._place = (name, body, CLASS if "super()" in body else BODY)
            for child in _without_docstring(node.body):
                self.visit(child)
        self._place, self._bound = before
        self._names.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Walk a class's fields and methods."""
        self._names.append(node.name)
        for child in _without_docstring(node.body):
            self.visit(child)
        self._names.pop()

    def visit_Import(self, node: ast.Import) -> None:
        """Leave imports."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Leave imports."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Leave what only tells the type checker something."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Empty a text that is put together; the tree of Python 3.11 does not say where its parts stand."""
        if not WORDING.search("".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))):
            self._instead(node, '""', "constant")

    # -- statements --

    def visit_Expr(self, node: ast.Expr) -> None:
        """Leave out a call that is there for its effect; a bare string is a description."""
        if not isinstance(node.value, ast.Constant):
            self._instead(node, "pass", "statement")
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Leave out a change of what had a value before."""
        names = [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        if any(name in self._rules.names for name in names):
            return
        plain = all(isinstance(target, (ast.Name, ast.Tuple)) for target in node.targets)
        if self._names and (not plain or self._bound.issuperset(names)):
            self._instead(node, "pass", "statement")
        self.visit(node.value)
        self._bound |= set(names)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Walk the value, not the type."""
        if isinstance(node.target, ast.Name):
            if node.target.id in self._rules.names:
                return
            self._bound.add(node.target.id)
        if node.value is not None:
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Leave it out, or compute otherwise."""
        self._instead(node, "pass", "statement")
        if isinstance(node.target, ast.Name) and type(node.op) in COMPUTED:
            old, new = COMPUTED[type(node.op)]
            self._between(node.target, node.value, (f"{old}=", f"{new}="), "arithmetic")
        self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Let pass what was refused; walk the arguments, which name code and place."""
        self._instead(node, "pass", "raise")
        if node.exc is not None:
            self.visit(node.exc)

    def visit_Continue(self, node: ast.Continue) -> None:
        """Go on with what was to be left."""
        self._instead(node, "pass", "statement")

    def visit_Break(self, node: ast.Break) -> None:
        """Go on with what was to end."""
        self._instead(node, "pass", "statement")

    def visit_Return(self, node: ast.Return) -> None:
        """Return nothing."""
        if node.value is None:
            self._instead(node, "pass", "statement")
        elif not isinstance(node.value, ast.Constant) or node.value.value:  # None, False and "" mostly say the same
            self._instead(node.value, "None", "return")
        if node.value is not None:
            self.visit(node.value)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """Catch one type less."""
        if isinstance(node.type, ast.Tuple):
            for left_out in node.type.elts:
                kept = [self._text(one) for one in node.type.elts if one is not left_out]
                self._instead(node.type, f"({', '.join(kept)},)", "except")
        elif node.type is not None:
            self._instead(node.type, "()", "except")
        for child in node.body:
            self.visit(child)

    # -- conditions --

    def _forced(self, test: ast.expr, *values: bool) -> None:
        for value in values:
            self._instead(test, str(value), "condition")

    def visit_If(self, node: ast.If) -> None:
        """Take always one way."""
        self._forced(node.test, True, False)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Take always one way."""
        self._forced(node.test, True, False)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        """Never begin; a loop that never ends would be found by the clock alone."""
        self._forced(node.test, False)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """Take all."""
        for test in node.ifs:
            self._forced(test, True)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Move a boundary, or turn a comparison round."""
        for left, sign, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            self._between(left, right, COMPARED[type(sign)], "comparison")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Ask for both in place of one, or for one in place of both."""
        signs = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between(left, right, signs, "boolean")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """Leave out a `not`, or a sign."""
        start = self._span(node)[0]
        self._note(start, start + (3 if isinstance(node.op, ast.Not) else 1), "", "boolean")
        self.generic_visit(node)

    # -- values --

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Compute otherwise."""
        if type(node.op) in COMPUTED:
            self._between(node.left, node.right, COMPUTED[type(node.op)], "arithmetic")
        self.generic_visit(node)

    def visit_Slice(self, node: ast.Slice) -> None:
        """Leave out a bound."""
        for bound in (node.lower, node.upper):
            if bound is not None:
                self._instead(bound, "", "slice")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Call the function's counterpart; mutate a pattern inside, where a text at its end would say nothing."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        end = self._span(node.func)[1]
        if name in CALLED and (isinstance(node.func, ast.Attribute) or name in ("any", "all", "min", "max")):
            self._note(end - len(name), end, CALLED[name], "call")
        if name == "sorted":
            self._instead(node, f"list({self._text(node.args[0])})", "call")
        first = node.args[0] if node.args else None
        if name in PATTERNS and isinstance(first, ast.Constant):
            self._pattern(first)
            node.args = node.args[1:]
        node.keywords = [keyword for keyword in node.keywords if keyword.arg not in ("help", "metavar", "errors")]
        self.generic_visit(node)

    def _pattern(self, node: ast.Constant) -> None:
        value, binary = node.value, isinstance(node.value, bytes)
        text = value.decode() if isinstance(value, bytes) else str(value)
        for part in REPEATED.finditer(text):
            new = {"*": "+", "+": "*", "\\Z": ""}.get(part[0])
            if new is None:
                new = re.sub(r"\d+(?=\})", lambda number: str(int(number[0]) + 1), part[0])
            changed = f"{text[: part.start()]}{new}{text[part.end() :]}"
            self._instead(node, repr(changed.encode() if binary else changed), "pattern")

    def visit_Constant(self, node: ast.Constant) -> None:
        """Take another number, the other truth, a longer text."""
        value = node.value
        if isinstance(value, bool):
            self._instead(node, str(not value), "constant")
        elif isinstance(value, int):
            self._instead(node, str(value + 1), "constant")
        elif isinstance(value, bytes):
            self._instead(node, repr(value + b"X"), "constant")
        elif isinstance(value, str) and not WORDING.search(value):
            self._instead(node, repr(value + "X"), "constant")


def _without_docstring(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    return (one for one in body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)))
