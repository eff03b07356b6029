"""A worker that sends notices to the test's providers until it is killed.

The environment names CRASH_DATA (with `ledger.db`), CRASH_ADDRESS, CRASH_MAIL_PORT, CRASH_SMS_URL and CRASH_ROBOT_URL.
Time-outs are short: a dead worker's batch is given to the next after seconds in place of half a minute, and its leases
end as soon.
"""

from __future__ import annotations

import asyncio
import functools
import os
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from temporalio.common import RetryPolicy
from temporalio.worker import (
    Interceptor,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkflowInboundInterceptor,
    WorkflowOutboundInterceptor,
)

import activities.dispatch
from activities.dispatch import DispatchActivities
from domain.notices import EMAIL, SMS, WECOM_ROBOT
from engine import connect
from ledger.outbox import Tries
from ledger.store import Ledger
from notices.catalogue import catalogue
from notices.http import _certificates
from notices.mail import MailChannel, SmtpServer
from notices.robots import RobotChannel
from notices.sms_gateway import SmsChannel, SmsGateway
from notices.wecom_robot import WecomRobot
from protocol import TASK_QUEUE, dispatch_queue
from registry.records import Guardian, HeldSchool, Household
from workflows.dispatch import NoticeDispatchWorkflow

SENDER = "notices@county.invalid"
SECRET = "what-the-gateway-and-the-robot-know"
SCHOOL = "9900010001"
SILENCE = timedelta(milliseconds=400)
SOON = RetryPolicy(initial_interval=timedelta(milliseconds=100), backoff_coefficient=1.0)
TRIES = Tries(lease=timedelta(seconds=3), pauses=(timedelta(milliseconds=100),) * 40)
"""More attempts than kills: what is tried here is that none is lost, not when a notice is given up."""

for read in (catalogue, _certificates):
    read()  # once, and kept: the processes that die are forked from one that has imported this


def email(number):
    """Return the mailbox of a family: every second one has nothing else."""
    return f"{number:04d}@family.invalid" if number % 2 else ""


def phone(number):
    """Return the telephone of a family: the others have nothing else."""
    return "" if number % 2 else f"139{number:08d}"


class Families:
    """A registry in which each pupil's family follows from the reference; staff has no address but the group's."""

    async def households(self, refs):
        """Return families."""
        return {ref: self._household(ref, int(ref.removeprefix("stu_"))) for ref in refs}

    def _household(self, ref, number):
        guardian = Guardian(f"gdn_{ref}", ref, "家长", phone(number), email(number))
        return Household(ref, "2025-01", SCHOOL, "学生", "", "", (guardian,))

    async def shared_addresses(self, campaign, most):
        """Return what many families give: nobody does."""
        del campaign, most
        return frozenset()

    async def staff(self, campaign):
        """Return nobody."""
        del campaign
        return ()

    async def schools(self, campaign):
        """Return the one school of any campaign."""
        del campaign
        return (HeldSchool(SCHOOL, "第一中学", 600),)


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
    channels = {
        EMAIL: MailChannel(SmtpServer("127.0.0.1", int(environ["CRASH_MAIL_PORT"]), "none", SENDER)),
        SMS: SmsChannel(SmsGateway(environ["CRASH_SMS_URL"], SECRET.encode(), "青山县教体局")),
        WECOM_ROBOT: RobotChannel(WecomRobot(environ["CRASH_ROBOT_URL"], SECRET)),
    }
    sending = DispatchActivities(ledger, Families(), channels, None, key=b"k" * 32, tries=TRIES)
    building = functools.partial(
        Worker,
        client,
        default_heartbeat_throttle_interval=SILENCE / 3,
        max_heartbeat_throttle_interval=SILENCE / 3,
    )
    flows = building(
        task_queue=TASK_QUEUE,
        workflows=[NoticeDispatchWorkflow],
        workflow_runner=UnsandboxedWorkflowRunner(),  # a sandbox imports all workflows anew, in each process that dies
        interceptors=[Impatient()],
        sticky_queue_schedule_to_start_timeout=timedelta(milliseconds=300),
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(flows)
        for name in channels:
            queue = dispatch_queue(name)
            await stack.enter_async_context(building(task_queue=queue, activities=[sending.drain]))
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
