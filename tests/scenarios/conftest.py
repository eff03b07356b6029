import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "cli"))  # the command line inside the process
from cli_in_process import command_line


@pytest.fixture(scope="session")
def asked():
    """What the command line has answered: a finished ledger is asked the same question once."""
    return {}


@pytest.fixture
def run(monkeypatch, capsys, asked):
    """The command line, from its arguments to the exit code; its JSON."""
    told = command_line(monkeypatch, capsys)

    def call(*arguments, data=None, code=0):
        question = (*arguments, *(() if data is None else ("--data", data)))
        if question not in asked:
            asked[question] = told(*question, "--json")
        answer = asked[question]
        assert answer.code == code, answer
        return answer.json

    return call
