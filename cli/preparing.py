"""The process beside a worker that looks ways up and writes letters: `python -m cli.preparing`, started by it alone."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Final

from activities.directory import CodeFor
from activities.preparing import PreparingHere
from activities.preparing_process import Questions
from activities.routing import Sought
from cli.logs import configure_logging
from cli.run_main import run_main
from domain.time import SHANGHAI
from gateway.codes import Gateway, good_until
from gateway.store import Binding
from ledger.handover import Unrouted
from ledger.store import Ledger
from notices.catalogue import catalogue
from notices.compose import CodeRequest
from notices.routing import Ways
from registry.database import load_pepper
from registry.store import Registry
from settings import Settings

PROGRAM: Final = "cli.preparing"
"""This module's name, for whoever starts it."""

_NOBODYS: Final = Unrouted("ntc_0", "", "", "#0", "meeting_invitation", "stu_0", "", None, optional=False)
_NO_WAYS: Final = Sought(Ways((), (), ()), date.min, datetime.min.replace(tzinfo=SHANGHAI), frozenset())
"""A question about nobody opens connections and prepares statements, before anybody waits for the answer."""


def codes_of(gateway: Gateway) -> CodeFor:
    """Return where letters' codes come from; they serve the year of graduation, and a while after a late letter."""

    async def code_for(asked: Sequence[CodeRequest]) -> list[str]:
        """Have the codes of one campaign's letters made: a batch has no other's."""
        expires_at = good_until(asked[0].campaign, datetime.now(SHANGHAI))
        bindings = [Binding.model_validate(dataclasses.asdict(one)) for one in asked]
        return await gateway.issue_all(bindings, expires_at)

    return code_for


@contextlib.asynccontextmanager
async def stores(settings: Settings) -> AsyncIterator[tuple[Ledger, Registry, Gateway]]:
    """Open what letters are written from."""
    async with contextlib.AsyncExitStack() as stack:
        ledger = await Ledger.open(settings.ledger_url)
        stack.push_async_callback(ledger.close)
        registry = await Registry.open(settings.registry_url, load_pepper(settings.data / "pepper"))
        stack.push_async_callback(registry.close)
        gateway = await Gateway.open(settings.gateway_url, settings.gateway_key)
        stack.push_async_callback(gateway.close)
        yield ledger, registry, gateway


async def serve(questions: Questions) -> int:
    """Answer until the worker is gone."""
    settings: Settings = questions.told
    configure_logging(settings.log_level, json=True)
    catalogue()  # read and checked before the first question, as the worker does it
    async with stores(settings) as (ledger, registry, gateway):
        key = load_pepper(settings.data / "pepper")
        here = PreparingHere.of(ledger, registry, codes_of(gateway), key=key, lang=settings.lang)
        await here.routings([_NOBODYS], _NO_WAYS)
        await questions.answer(here)
    return 0


if __name__ == "__main__":
    run_main(functools.partial(serve, Questions()))
