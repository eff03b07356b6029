"""The worker process: composition root of workflows, activities, ledger and registry."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import os
import signal
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

from activities.directory import CodeFor
from activities.dispatch import DispatchActivities
from activities.histories import HistoryActivities
from activities.people import PeopleActivities
from activities.record import RecordActivities
from activities.summaries import SummaryActivities
from cli.logs import configure_logging
from cli.run_main import run_main
from domain.time import SHANGHAI
from engine import WORKFLOWS, connect, export_history, give_back_large_blocks, running_engine, sandbox
from gateway.codes import Gateway, good_until
from gateway.store import Binding
from ledger.store import Ledger
from notices.compose import CodeRequest
from notices.mail import MailChannel, SmtpServer
from protocol import TASK_QUEUE
from registry.database import load_pepper
from registry.store import Registry
from settings import Settings

DRAIN = timedelta(seconds=10)

log = structlog.get_logger("worker")


def build(
    client: Client,
    ledger: Ledger,
    registry: Registry,
    *,
    interceptors: Sequence[Interceptor] = (),
    dispatch: DispatchActivities | None = None,
    max_cached_workflows: int = 2_000,
    failing: Sequence[type[BaseException]] = (),
) -> Worker:
    """Put a worker together.

    Args:
        client: where the engine is.
        ledger: where the append and the archive write.
        registry: where cohort and proposals come from.
        interceptors: for tests and metrics.
        dispatch: sends notices; None leaves them in the outbox.
        max_cached_workflows: 0 replays each workflow at each task, which finds non-determinism at once.
        failing: exception types that fail a workflow instead of blocking its task; rehearsals and tests only.
    """
    record = RecordActivities(ledger)
    people = PeopleActivities(registry)
    histories = HistoryActivities(functools.partial(export_history, client), ledger)
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=[
            record.append,
            people.cohort,
            people.proposals,
            SummaryActivities(registry).compare,
            histories.archive,
            *([dispatch.drain] if dispatch else []),
        ],
        workflow_runner=sandbox(),
        interceptors=list(interceptors),
        max_cached_workflows=max_cached_workflows,
        max_concurrent_activities=50,
        graceful_shutdown_timeout=DRAIN,
        workflow_failure_exception_types=list(failing),
    )


async def serve(settings: Settings) -> int:
    """Run a worker until SIGINT or SIGTERM, then let running activities end."""
    address = settings.engine_address or running_engine(settings.data) or "127.0.0.1:7233"
    client = await connect(address, settings.namespace, wait=30)
    ledger = await Ledger.open(settings.ledger_url)
    pepper = load_pepper(settings.data / "pepper")
    registry = await Registry.open(settings.registry_url, pepper)
    gateway = await Gateway.open(settings.gateway_url, settings.gateway_key)
    mail = MailChannel(SmtpServer(**settings.smtp.model_dump())) if settings.smtp else None
    dispatch = DispatchActivities(ledger, registry, mail, codes_of(gateway), key=pepper, lang=settings.lang)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    worker = build(client, ledger, registry, dispatch=dispatch)
    log.info("worker ready", queue=TASK_QUEUE, pid=os.getpid())
    async with worker:
        await stopping.wait()
        log.info("worker draining")
    with contextlib.suppress(Exception):
        await ledger.close()
    await registry.close()
    await gateway.close()
    return 0


def codes_of(gateway: Gateway) -> CodeFor:
    """Return where letters' codes come from; they serve the year of graduation, and a while after a late letter."""

    async def code_for(asked: Sequence[CodeRequest]) -> list[str]:
        """Have the codes of one campaign's letters made: a batch has no other's."""
        expires_at = good_until(asked[0].campaign, datetime.now(SHANGHAI))
        bindings = [Binding.model_validate(dataclasses.asdict(one)) for one in asked]
        return await gateway.issue_all(bindings, expires_at)

    return code_for


def main() -> None:
    """Entry point of the worker process."""
    give_back_large_blocks()
    settings = Settings.from_environment(os.environ)
    configure_logging(settings.log_level, json=True)
    run_main(functools.partial(serve, settings))


if __name__ == "__main__":
    main()
