"""Runs tests against mutants of one module, each in a process of its own that is forked from a warm one.

The tree is copied first, so that a mutant is a file like any other: what starts the module as a program, or reads its
text, gets the mutant too. In the forked process the mutant is loaded before any module that imports it, and the tests
are collected only then.
"""

from __future__ import annotations
import __future__

import gc
import hashlib
import importlib
import importlib.util
import json
import os
import resource
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, NoReturn

import coverage
import pytest

from bench.mutants import BODY, Mutant

LEFT_OUT: Final = shutil.ignore_patterns(".git", ".venv", "var", ".mypy_cache", ".ruff_cache", ".pytest_cache")
MEMORY: Final = 12 * 2**30
"""Bytes that a mutant may ask for; one that forgets a limit must not take the machine."""
WAITING: Final = 20
"""Seconds that a test may take where it waits for something: two processes may wait for each other for ever."""
PATIENCE: Final = 90
"""Seconds for all tests of one mutant, whatever it does: it may start processes without end."""
PLUGINS_OUT: Final = ("xdist", "xdist.looponfail", "timeout", "cacheprovider", "pytest_cov", "hypothesispytest")
KILLED, SURVIVED, CLOCK, IMPORT, ERROR = "killed", "survived", "clock", "import", "error"


@dataclass
class Known:
    """What the run without a change showed.

    Attributes:
        seconds: CPU time of each test, by its id.
        lines: the lines of the module that each test runs.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, set[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Fate:
    """What became of a mutant: how it ended, and by which test."""

    how: str
    test: str = ""


class Runner:
    """A pytest session that stops before it collects, and forks from there.

    Args:
        tree: the copy of the project.
        module: the mutated module's dotted name.
        files: the test files, relative to the tree.
        fresh: load the mutant and collect the tests anew in each child, as a change of a class needs; else the tests
            are collected once, and the mutated function's code, or constants, take the place of the original's.
        without: names of tests that are left out.
        child: what to do in each child before its tests, with the mutant; it may speed up what they begin with.
    """

    def __init__(
        self,
        tree: Path,
        module: str,
        files: Sequence[str],
        *,
        fresh: bool,
        child: Callable[[Mutant | None], None],
        without: frozenset[str] = frozenset(),
    ) -> None:
        self.known = Known()
        self._fresh, self._child, self._without = fresh, child, without
        self._tree, self._module, self._files = tree, module, files
        self._path = tree / f"{module.replace('.', '/')}.py"
        self._source = self._path.read_bytes()
        self._wanted: list[str] | None = None
        self._pipe = -1
        self._cover: coverage.Coverage | None = None
        self._session: Any = None
        self.used = 0.0

    def run(self, work: Callable[[], None]) -> None:
        """Start pytest, and do the work where it would collect."""
        self._work = work
        os.chdir(self._tree)
        sys.path[:] = [str(self._tree), *(place for place in sys.path if Path(place or ".").resolve() != _here())]
        out = [part for name in PLUGINS_OUT for part in ("-p", f"no:{name}")]
        options = ["--assert=plain", "--capture=sys", "-q", "-x", f"--basetemp={self._tree.parent / 'tmp'}"]
        places = ["tests"] if self._fresh else self._files  # a conftest beside the files may import the module
        pytest.main([*out, *options, "-W", "ignore", *places], plugins=[self])

    # -- in the parent --

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Warm up in the parent, then fork for each piece of work; in a child, go on and collect."""
        self._session = session
        if not self._fresh:
            return
        sys.path[:0] = sorted({str(self._tree / Path(file).parent) for file in self._files})
        for file in self._files:  # what they import stays loaded, but for what has to do with the module
            importlib.import_module(Path(file).stem)
        for name in _who_imports(self._module, self._tree):
            if name.rpartition(".")[2] == "conftest":
                raise RuntimeError("a conftest imports the mutated module: it would keep the original")
            del sys.modules[name]
        self._work()
        if self._pipe < 0:
            os._exit(0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Fork for each piece of work; in a child, go on and run what is wanted."""
        if self._fresh:
            return
        self._work()
        if self._pipe < 0:
            os._exit(0)
        self._choose(session.items)

    def digest(self) -> str:
        """Return what stands for the module and the tests as they are."""
        texts = [self._source, *((self._tree / file).read_bytes() for file in self._files)]
        return hashlib.sha256(b"".join(hashlib.sha256(text).digest() for text in texts)).hexdigest()

    def baseline(self, kept: Path) -> Known | None:
        """Run all tests without a change, unless a file holds what that showed; None in the child.

        Raises:
            RuntimeError: a test fails.
        """
        if not kept.is_file():
            fate = self._forked(None, None, str(kept))
            if fate is None:
                return None
            if fate.how != SURVIVED:
                raise RuntimeError(f"red without any change: {fate}")
        told = json.loads(kept.read_text())
        self.known = Known(told["seconds"], {name: set(lines) for name, lines in told["lines"].items()})
        return self.known

    def fate(self, mutant: Mutant, tests: Sequence[str]) -> Fate | None:
        """Run tests against a mutant until one fails; None in the child, which must return to pytest at once."""
        if not tests:
            return Fate(SURVIVED)
        self._path.write_bytes(mutant.text)
        try:
            return self._forked(mutant, list(tests))
        finally:
            if self._pipe < 0:
                self._path.write_bytes(self._source)

    def _forked(self, mutant: Mutant | None, tests: list[str] | None, kept: str = "") -> Fate | None:
        reading, writing = os.pipe()
        gc.freeze()  # what is there already is looked at by no child
        child = os.fork()
        if not child:
            os.close(reading)
            self._begin(mutant, tests, writing, kept)
            return None
        os.close(writing)
        with os.fdopen(reading) as pipe:
            if not select.select([pipe], [], [], None if kept else PATIENCE)[0]:
                _end_group(child)
            told = pipe.read()
        _end_group(child)
        _, status, used = os.wait4(child, 0)
        self.used += used.ru_utime + used.ru_stime
        if os.WIFSIGNALED(status):
            return Fate(CLOCK, f"signal {os.WTERMSIG(status)}")
        how, _, test = told.partition(" ")
        return Fate(how, test) if how in (KILLED, SURVIVED, IMPORT) else Fate(KILLED, "pytest itself broke off")

    # -- in a child --

    def _begin(self, mutant: Mutant | None, tests: list[str] | None, pipe: int, kept: str) -> None:
        os.setsid()
        gc.disable()
        self._kept = kept
        self._pipe, self._wanted = pipe, tests
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        for clock in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(clock, signal.SIG_DFL)
        if kept:
            self._cover = coverage.Coverage(include=[str(self._path)], data_file=None, config_file=False)
            self._cover.start()
        if mutant is not None and self._fresh:
            signal.setitimer(signal.ITIMER_PROF, 5)
            try:
                self._load(mutant.text)
            except BaseException:  # noqa: BLE001 - whatever a mutant raises, it is found
                self._end(Fate(IMPORT))
        elif mutant is not None:
            try:
                put_in_place(sys.modules[self._module], mutant)
            except Exception:
                if mutant.where == BODY:
                    raise
                self._end(Fate(IMPORT))  # it cannot even be loaded
        if not self._fresh:
            self._child(mutant)
        wanted = self._files if tests is None else [test.partition("::")[0] for test in tests]
        self._session.config.args = list(dict.fromkeys(wanted))

    def _load(self, text: bytes) -> None:
        package, _, name = self._module.rpartition(".")
        spec = importlib.util.spec_from_file_location(self._module, self._path)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[self._module] = module
        exec(compile(text, str(self._path), "exec"), module.__dict__)
        setattr(importlib.import_module(package), name, module)

    def _end(self, fate: Fate) -> NoReturn:
        os.write(self._pipe, f"{fate.how} {fate.test}".encode())
        os._exit(0)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Take the tests that are wanted, in that order."""
        items[:] = [item for item in items if item.name.partition("[")[0] not in self._without]
        self._choose(items)

    def _choose(self, items: list[pytest.Item]) -> None:
        if self._wanted is not None:
            found = {item.nodeid: item for item in items}
            items[:] = [found[name] for name in self._wanted if name in found]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Give a test some times the CPU time that it took before."""
        began = time.process_time()
        if self._cover is not None:
            self._cover.switch_context(item.nodeid)
        else:
            signal.setitimer(signal.ITIMER_PROF, 3 + 6 * self.known.seconds.get(item.nodeid, 0))
            signal.setitimer(signal.ITIMER_REAL, WAITING)
        result = yield
        self.known.seconds[item.nodeid] = time.process_time() - began
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
        """End at the first failure, before anything is formatted."""
        if call.excinfo is not None:
            self._end(Fate(KILLED, item.nodeid))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tests that cannot even be collected have found the mutant."""
        if report.failed:
            self._end(Fate(KILLED, report.nodeid))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Nothing failed, but perhaps the runner itself."""
        if self._pipe < 0:
            return  # the parent, of which something is wrong
        if self._cover is not None:
            self._cover.stop()
            data = self._cover.get_data()
            by_line = data.contexts_by_lineno(str(self._path))
            lines = {name: [line for line, names in by_line.items() if name in names] for name in self.known.seconds}
            told = {"seconds": self.known.seconds, "lines": lines}
            Path(self._kept).write_text(json.dumps(told))
        self._end(Fate(SURVIVED if exitstatus == pytest.ExitCode.OK else ERROR))


def put_in_place(module: ModuleType, mutant: Mutant) -> None:
    """Give a function the mutant's code: whoever holds the function, by whatever name, runs the mutant.

    Of a mutant outside functions, all constants take the place of the original's wherever they were imported.
    """
    if mutant.where != BODY:
        _put_constants(module, mutant)
        return
    code = compile(
        _statement_of(mutant), str(module.__file__), "exec", __future__.annotations.compiler_flag, dont_inherit=True
    )
    held: Any = module
    for name in mutant.function.split("."):
        code = next(one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == name)
        held = vars(held)[name]
    function: Any = held.fget if isinstance(held, property) else getattr(held, "__func__", held)
    function.__code__ = code


def _put_constants(module: ModuleType, mutant: Mutant) -> None:
    made: dict[str, Any] = {"__name__": module.__name__, "__file__": module.__file__}
    exec(compile(mutant.text, str(module.__file__), "exec", dont_inherit=True), made)
    for name, old in list(vars(module).items()):
        new: Any = made.get(name)
        if isinstance(old, FunctionType) and old.__module__ == module.__name__:
            old.__defaults__, old.__kwdefaults__ = new.__defaults__, new.__kwdefaults__
        elif not isinstance(old, (type, ModuleType)) and not name.startswith("__") and new != old:
            if isinstance(new, dict):  # of functions, which stay the original's
                new = {key: vars(module).get(getattr(value, "__name__", ""), value) for key, value in new.items()}
            for other in [module, *sys.modules.values()]:
                if getattr(other, "__dict__", {}).get(name) is old:
                    setattr(other, name, new)


def _statement_of(mutant: Mutant) -> str:
    """Return the function or class that a mutant is in: compiling all else would take longer than most tests."""
    lines = mutant.text.decode().split("\n")
    begin = mutant.number - 1
    while not lines[begin].startswith(("def ", "class ")):
        begin -= 1
    end = begin + 1
    while end < len(lines) and (not lines[end] or lines[end][0] in " )"):
        end += 1
    return "\n".join(lines[begin:end])


def copied(root: Path, folder: Path) -> Path:
    """Copy a project into a folder, for mutants to be written into."""
    return Path(shutil.copytree(root, folder / "tree", ignore=LEFT_OUT))


def _here() -> Path:
    return Path(__file__).resolve().parents[1]


def _end_group(leader: int) -> None:
    """End what a child may have left running."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _who_imports(module: str, tree: Path) -> set[str]:
    """Return the loaded modules of the tree that have anything of a module's, at whatever distance."""
    ours: dict[str, ModuleType] = {
        name: loaded
        for name, loaded in sys.modules.items()
        if str(getattr(loaded, "__file__", "") or "").startswith(str(tree))
    }
    found = {module}
    while True:
        more = {
            name
            for name, loaded in ours.items()
            if name not in found and any(_is_of(value, found) for value in list(vars(loaded).values()))
        }
        if not more:
            return found & set(ours)
        found |= more


def _is_of(value: object, modules: set[str]) -> bool:
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return isinstance(name, str) and name in modules
