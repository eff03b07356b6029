import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def logged(body, *, level="INFO", as_json=True):
    """What a process of its own writes to stderr, after configuring its logs and running the body."""
    program = (
        "import logging, structlog\nfrom cli.logs import configure_logging\n"
        f"configure_logging({level!r}, json={as_json})\n{textwrap.dedent(body)}"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "", "stdout belongs to the command's answer"
    return done.stderr


def lines(body, **options):
    """What was logged, decoded line by line."""
    return [json.loads(line) for line in logged(body, **options).splitlines()]


def test_structlog_writes_one_json_object_a_line():
    """A line has its event, level, logger, UTC time and fields, with Chinese readable."""
    (line,) = lines("structlog.get_logger('sender').info('派发', notices=3)")
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "派发", "level": "info", "logger": "sender", "notices": 3}


def test_the_standard_librarys_loggers_keep_their_extra_fields():
    """What the SDK and workflows say through `extra` arrives as fields, and arguments are filled in."""
    (line,) = lines("logging.getLogger('temporalio.worker').warning('slow by %d', 3, extra={'attempt': 2})")
    assert (line["event"], line["attempt"], line["level"]) == ("slow by 3", 2, "warning")


@pytest.mark.parametrize("logger", ["structlog.get_logger()", "logging.getLogger('x')"])
def test_the_level_is_one_for_both(logger):
    """A level filters ours and everybody else's alike."""
    body = f"log = {logger}\nlog.info('quiet')\nlog.warning('loud')"
    assert [line["event"] for line in lines(body, level="WARNING")] == ["loud"]


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("logger", ["structlog.get_logger()", "logging.getLogger('x')"])
def test_a_traceback_comes_without_local_variables(as_json, logger):
    """A family's words in a local variable do not reach the log with the error."""
    text = logged(
        f"""
        def handle():
            note = "母亲" + "反对"
            raise LookupError("the reason")
        try:
            handle()
        except LookupError:
            {logger}.exception("failed")
        """,
        as_json=as_json,
    )
    assert "LookupError" in text
    assert "the reason" in text
    assert "母亲反对" not in text


def test_for_people_it_is_plain_text_without_escape_codes_in_a_file():
    """The console form carries no colour where stderr is no terminal."""
    text = logged("structlog.get_logger().info('started', port=7233)", as_json=False)
    assert "started" in text
    assert "port=7233" in text
    assert "\x1b" not in text


def test_configuring_twice_does_not_double_the_lines():
    """The later configuration replaces the earlier one, also for loggers already made."""
    body = """
        log = structlog.get_logger()
        log.info("one")
        configure_logging("WARNING", json=True)
        log.info("filtered")
        log.warning("two")
        """
    assert [line["event"] for line in lines(body)] == ["one", "two"]


def test_context_variables_join_every_line():
    """A command id bound once stands in the lines of both kinds of logger."""
    body = """
        structlog.contextvars.bind_contextvars(command_id="c-1")
        structlog.get_logger().info("ours")
        logging.getLogger("theirs").info("theirs")
        """
    assert [line["command_id"] for line in lines(body)] == ["c-1", "c-1"]


def test_python_warnings_are_log_lines():
    """A library's warning does not break a stream of JSON lines."""
    (line,) = lines("import warnings; warnings.warn('old way', stacklevel=1)")
    assert (line["logger"], line["level"]) == ("py.warnings", "warning")
    assert "old way" in line["event"]


def test_the_sdk_glues_no_dictionary_to_messages():
    """Workflow and activity loggers keep their message short; the details are fields already."""
    body = """
        from temporalio import activity, workflow
        assert workflow.logger.workflow_info_on_message is False
        assert activity.logger.activity_info_on_message is False
        """
    assert lines(body) == []


def test_the_module_itself_loads_no_engine():
    """Importing it stays cheap: the SDK is loaded when logs are configured."""
    code = "import sys, cli.logs; sys.exit('temporalio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0


def test_an_unknown_level_is_refused():
    """A misspelt level does not silently log everything or nothing."""
    from cli.logs import configure_logging  # noqa: PLC0415 - importing it configures nothing

    with pytest.raises(ValueError, match="LOUD"):
        configure_logging("LOUD", json=True)
