"""Logs of a process: one line per event, on stderr, never with personal data.

Structlog and the standard library's loggers (the Temporal SDK's, and ``workflow.logger``) end in one handler. Inside
a workflow only ``workflow.logger.info(message, extra={...})`` is right: it is silent on replay.
"""

import logging
import os
import sys
from typing import Final

import structlog
from structlog.typing import Processor

_HANDLER: Final = "diversion"


def configure_logging(level: str, json: bool) -> None:
    """Send every log line of this process to stderr; calling it again replaces the earlier configuration.

    Args:
        level: least severe level that is logged, such as ``"INFO"`` (see ``settings.LogLevel``).
        json: one JSON object a line, for programs; else lines for people, coloured on a terminal unless ``NO_COLOR``.

    Raises:
        ValueError: ``level`` is no level of the standard library.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # so that calling this again reaches the loggers already made
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(_HANDLER)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(json=json)],
        )
    )
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if known.get_name() == _HANDLER]:
        root.removeHandler(earlier)
        earlier.close()
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    _quiet_temporal()


def _rendering(*, json: bool) -> list[Processor]:
    # Tracebacks come without local variables in both forms: those hold what a family wrote.
    if json:
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [
            structlog.processors.ExceptionRenderer(frames),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    colours = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return [
        structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback),
    ]


def _quiet_temporal() -> None:
    """Keep the SDK from gluing a dictionary to every message: it is in ``extra`` already, as fields."""
    from temporalio import activity, workflow  # noqa: PLC0415 - 0.4 s that a command without an engine need not pay

    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
