"""A worker that sends notices to the test's mail server until it is killed.

The environment names CRASH_DATA (with `ledger.db`), CRASH_ADDRESS and CRASH_MAIL_PORT. Time-outs are short: a dead
worker's batch is given to the next after seconds in place of half a minute, and its lease ends as soon.
"""

from __future__ import annotations

import asyncio
import functools
import os
from datetime import timedelta
from pathlib import Path

from temporalio.common import RetryPolicy
from temporalio.worker import Interceptor, Worker, WorkflowInboundInterceptor, WorkflowOutboundInterceptor

import activities.dispatch
from activities.dispatch import DispatchActivities
from engine import connect, sandbox
from ledger.outbox import Tries
from ledger.store import Ledger
from notices.mail import MailChannel, SmtpServer
from registry.records import Guardian, HeldSchool, Household
from workflows.dispatch import NoticeDispatchWorkflow

QUEUE = "crash-mail"
SENDER = "notices@county.invalid"
SCHOOL = "9900010001"
SILENCE = timedelta(milliseconds=500)
SOON = RetryPolicy(initial_interval=timedelta(milliseconds=100), backoff_coefficient=1.0)
TRIES = Tries(lease=timedelta(seconds=3), pauses=(timedelta(milliseconds=100),) * 10)
"""More attempts than kills: what is tried here is that none is lost, not when a notice is given up."""


class Families:
    """A registry in which each pupil's family follows from the reference."""

    async def households(self, refs):
        """Return families."""
        return {ref: self._household(ref) for ref in refs}

    def _household(self, ref):
        address = f"{ref.removeprefix('stu_')}@family.invalid"
        guardian = Guardian(f"gdn_{ref}", ref, "家长", "13900000000", address)
        return Household(ref, "2025-01", SCHOOL, "学生", "", "", (guardian,))

    async def schools(self, campaign):
        """Return the one school of any campaign."""
        return (HeldSchool(SCHOOL, f"{campaign}第一中学", 600),)


class Impatient(Interceptor):
    """Lets the engine notice a dead batch soon."""

    def workflow_interceptor_class(self, input):  # noqa: A002 - the SDK's name
        """Stand inside each workflow."""
        del input
        return Inside


class Inside(WorkflowInboundInterceptor):
    """The way out."""

    def init(self, outbound):
        """Put the way out in its place."""
        super().init(Outbound(outbound))


class Outbound(WorkflowOutboundInterceptor):
    """Shortens the heartbeat's time-out and the pause after it; they are no part of what is decided."""

    def start_activity(self, input):  # noqa: A002
        """Start an activity that is missed soon."""
        input.heartbeat_timeout = SILENCE
        input.retry_policy = SOON
        return super().start_activity(input)


async def serve():
    """Run until killed."""
    environ = os.environ
    activities.dispatch.HEARTBEAT_SECONDS = SILENCE.total_seconds() / 4
    client = await connect(environ["CRASH_ADDRESS"], wait=60)
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{Path(environ['CRASH_DATA'])}/ledger.db")
    server = SmtpServer("127.0.0.1", int(environ["CRASH_MAIL_PORT"]), "none", SENDER)
    sending = DispatchActivities(ledger, Families(), MailChannel(server), None, key=b"k" * 32, tries=TRIES)
    building = functools.partial(Worker, client, task_queue=QUEUE, workflow_runner=sandbox())
    async with building(
        workflows=[NoticeDispatchWorkflow],
        activities=[sending.drain],
        interceptors=[Impatient()],
        default_heartbeat_throttle_interval=SILENCE / 3,
        max_heartbeat_throttle_interval=SILENCE / 3,
        sticky_queue_schedule_to_start_timeout=timedelta(milliseconds=300),
    ):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
