"""The worker process: composition root of workflows, activities, ledger and registry."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

from activities.dispatch import DispatchActivities
from activities.heads import HeadActivities
from activities.histories import HistoryActivities
from activities.people import PeopleActivities
from activities.preparing import PreparingHere
from activities.preparing_process import PreparingProcess
from activities.record import RecordActivities
from activities.summaries import SummaryActivities
from cli.channels import channels_of
from cli.heads_outside import keeper_of
from cli.logs import configure_logging
from cli.preparing import PROGRAM, codes_of
from cli.run_main import run_main
from domain.notices import CHANNELS
from engine import WORKFLOWS, connect, export_history, give_back_large_blocks, measured, running_engine, sandbox
from gateway.codes import Gateway
from ledger.store import Ledger
from notices.channels import Channel
from protocol import TASK_QUEUE, dispatch_queue
from registry.database import load_pepper
from registry.store import Registry
from settings import Settings

DRAIN = timedelta(seconds=10)

STARTING = 5.0
"""Seconds that the process that writes letters has, so that it is there when the worker is; then it may come later."""

CAMPAIGNS_AT_ONCE = 10
"""Batches of one provider side by side: each campaign has one under way at a time."""

log = structlog.get_logger("worker")


def build(
    client: Client,
    ledger: Ledger,
    registry: Registry,
    *,
    interceptors: Sequence[Interceptor] = (),
    dispatch: DispatchActivities | None = None,
    heads: HeadActivities | None = None,
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
        heads: signs heads; None leaves that to people.
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
            *([heads.look] if heads else []),
        ],
        workflow_runner=sandbox(),
        interceptors=list(interceptors),
        max_cached_workflows=max_cached_workflows,
        max_concurrent_activities=50,
        graceful_shutdown_timeout=DRAIN,
        workflow_failure_exception_types=list(failing),
    )


def build_senders(client: Client, dispatch: DispatchActivities, channels: Mapping[str, Channel]) -> list[Worker]:
    """Put together what serves the channels' own queues: one for each provider, whose rate the server keeps by it.

    All of them are served: a dispatcher whose provider has no settings any more is told so and does not wait for ever.

    Args:
        client: where the engine is.
        dispatch: sends notices.
        channels: the providers of this deployment by the channels' names.
    """
    rates = {name: channels[name].traits.batches_a_minute if name in channels else None for name in CHANNELS}
    return [
        Worker(
            client,
            task_queue=dispatch_queue(name),
            activities=[dispatch.drain],
            max_concurrent_activities=CAMPAIGNS_AT_ONCE,
            max_concurrent_activity_task_polls=1,
            max_task_queue_activities_per_second=None if rate is None else rate / 60,
            graceful_shutdown_timeout=DRAIN,
        )
        for name, rate in rates.items()
    ]


async def serve(settings: Settings) -> int:
    """Run a worker until SIGINT or SIGTERM, then let running activities end."""
    address = settings.engine_address or running_engine(settings.data) or "127.0.0.1:7233"
    runtime = None if settings.metrics is None else measured(settings.metrics)
    client = await connect(address, settings.namespace, wait=30, runtime=runtime)
    ledger = await Ledger.open(settings.ledger_url)
    pepper = load_pepper(settings.data / "pepper")
    registry = await Registry.open(settings.registry_url, pepper)
    gateway = await Gateway.open(settings.gateway_url, settings.gateway_key)
    channels = channels_of(settings)
    codes = codes_of(gateway)
    beside: PreparingProcess | None = None
    if settings.second_process or (settings.second_process is None and channels and (os.cpu_count() or 1) > 1):
        here = PreparingHere.of(ledger, registry, codes, key=pepper, lang=settings.lang)
        beside = PreparingProcess(PROGRAM, settings, here)
        starting = asyncio.create_task(beside.start())
    dispatch = DispatchActivities(ledger, registry, channels, codes, key=pepper, lang=settings.lang, preparing=beside)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    heads = HeadActivities(keeper_of(settings, ledger).look)
    workers = [
        build(client, ledger, registry, dispatch=dispatch, heads=heads),
        *build_senders(client, dispatch, channels),
    ]
    if beside is not None:
        await asyncio.wait({starting}, timeout=STARTING)
    log.info("worker ready", queue=TASK_QUEUE, channels=sorted(channels), pid=os.getpid())
    try:
        await run_until(stopping, workers)
    finally:
        if beside is not None:
            await beside.close()
    with contextlib.suppress(Exception):
        await ledger.close()
    await registry.close()
    await gateway.close()
    return 0


async def run_until(stopping: asyncio.Event, workers: Sequence[Worker]) -> None:
    """Run workers side by side until told to stop, or until one of them cannot go on; then let all of them drain."""
    runs = [asyncio.create_task(worker.run()) for worker in workers]
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait({told, *runs}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    log.info("worker draining")
    await asyncio.gather(*(worker.shutdown() for worker in workers))
    await asyncio.gather(*runs)


def main() -> None:
    """Entry point of the worker process."""
    give_back_large_blocks()
    settings = Settings.from_environment(os.environ)
    configure_logging(settings.log_level, json=True)
    run_main(functools.partial(serve, settings))


if __name__ == "__main__":
    main()
