import importlib
import subprocess
import sys

import pytest
from cli_runner import PROJECT, at_once, cli

from cli.commands import COMMANDS, build
from cli.failures import _KNOWN
from cli.language import spoken


def test_importing_the_starter_imports_nothing_heavy():
    """`--help` is instant because engine, databases and models are imported by the commands that use them."""
    code = (
        "import sys, starter, cli.commands; cli.commands.first_page(); "
        "print(sorted({'temporalio', 'sqlalchemy', 'pydantic', 'cyclopts', 'rich', 'settings'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_first_page_names_every_command_in_both_languages():
    """Somebody who knows nothing sees what there is, in Chinese by default."""
    chinese, english, bare = at_once(("--help", "--lang", "zh"), ("--help",), ())
    assert chinese.code == english.code == 0
    assert bare.code == 2
    for entry in COMMANDS:
        assert entry.zh in chinese.out
        assert entry.en in english.out


def test_every_command_in_the_table_exists():
    """The table names commands by their import path; each resolves, and each has a page of help."""
    app = build()
    for entry in COMMANDS:
        module, _, name = entry.path.partition(":")
        assert hasattr(importlib.import_module(module), name)
        assert app[entry.name].name == (entry.name,)


def test_errors_of_other_rooms_are_known_by_their_real_names():
    """The table of failures names classes as text; a renamed class would become an unexpected failure."""
    for path in _KNOWN:
        module, _, name = path.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), name), Exception)


@pytest.mark.parametrize(
    ("arguments", "environ", "language"),
    [
        ((), {}, "zh"),
        ((), {"LANG": "en_GB.UTF-8"}, "en"),
        ((), {"LANG": "de_DE.UTF-8"}, "zh"),
        ((), {"LANG": "en_GB.UTF-8", "DIVERSION_LANG": "zh"}, "zh"),
        (("status", "--lang", "en"), {"DIVERSION_LANG": "zh"}, "en"),
        (("status", "--lang=en"), {}, "en"),
    ],
)
def test_the_language_is_the_options_then_the_settings_then_the_machines(arguments, environ, language):
    """Chinese is the county's own; whoever wants English says so."""
    assert spoken(arguments, environ) == language


def test_wrong_usage_is_told_in_one_form(warm):
    """Unknown commands and options, missing values and malformed codes: exit 2 and an error object."""
    unknown = warm("stauts", "--json")
    option = warm("sample", "x", "--nonsense", "--json")
    missing = warm("stage", "complete", "c", "s", "--json")
    reason = warm("stop", "c", "--by", "stf_x", "--reason", "because", "--json")
    kind = warm("record", "consents", "x.csv", "c", "s", "--by", "stf_x", "--json")
    command_id = warm("stop", "c", "--by", "stf_x", "--command-id", "a b", "--json")
    for run, code in (
        (unknown, "COMMAND_UNKNOWN"),
        (option, "OPTION_UNKNOWN"),
        (missing, "ARGUMENT_MISSING"),
        (reason, "REASON_INVALID"),
        (kind, "RECORD_KIND_UNKNOWN"),
        (command_id, "COMMAND_ID_INVALID"),
    ):
        assert run.code == 2, run
        assert run.json["error"]["code"] == code
        assert set(run.json["error"]) == {"code", "message", "place", "remedy"}
    assert "status" in unknown.json["error"]["remedy"]


def test_shared_options_may_stand_before_the_command(tmp_path):
    """`diversion --json --data DIR status` means what `diversion status --json --data DIR` means."""
    run = cli("--json", "--data", tmp_path, "status")
    assert run.code == 4
    assert run.json["error"]["code"] == "NOTHING_HERE"
