"""WeCom as far as notices go: tokens, messages of an application with its duplicate check, and a group's robot."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from notices.simulators.lies import Lie
from notices.simulators.server import Liar, Reply, Request, Simulator, hung_up

TO_STAFF: Final = "/cgi-bin/message/send"
TO_PARENTS: Final = "/cgi-bin/externalcontact/message/send"
ROBOT: Final = "/cgi-bin/webhook/send"

HALF_AN_HOUR: Final = 1800
FOUR_HOURS: Final = 14_400

NUMBERS: Final = {
    Lie.MUTED_TEN_MINUTES: 45009,
    Lie.TOO_OFTEN: 45009,
    Lie.NOBODY: 81013,
    Lie.TOKEN_EXPIRED: 42001,
    Lie.TEMPLATE_REFUSED: 40008,
}
ANSWERS: Final = {
    Lie.ACCEPTED_WITHOUT_STATUS: Reply(200),
    Lie.BAD_REQUEST_DURING_OUTAGE: Reply(400, b"<html>Bad Request</html>", {"Content-Type": "text/html"}),
    Lie.FAULT_AFTER_TAKING: Reply(502),
}


def said(lie: Lie, numbers: Mapping[Lie, int], **more: Any) -> Reply:
    """Return what is answered: the truth, or what a lie puts in its place."""
    if lie in ANSWERS:
        return ANSWERS[lie]
    number = numbers.get(lie, 0)
    return Reply(200, {"errcode": number, "errmsg": "made up", **(more if number == 0 else {})})


class WecomSimulator(Simulator):
    """The provider for one application; lies are chosen by the users that a message is for.

    Attributes:
        unknown: ids of users that it does not have.
        tokens: how many it has given out; only the last is good.
        now: its clock, in seconds.
    """

    def __init__(self, corp_id: str, secret: str, lie: Liar | None = None, *, unknown: tuple[str, ...] = ()) -> None:
        super().__init__(lie)
        self._login = {"corpid": corp_id, "corpsecret": secret}
        self.unknown = unknown
        self.tokens = 0
        self.now: Callable[[], float] = time.time
        self._seen: dict[str, float] = {}

    async def answer(self, request: Request) -> Reply | None:
        """Answer to the question for a token, or to a submit."""
        if request.path == "/cgi-bin/gettoken":
            if request.query != self._login:
                return Reply(200, {"errcode": 40001, "errmsg": "made up"})
            self.tokens += 1
            return Reply(200, {"errcode": 0, "access_token": self._token, "expires_in": 7200})
        if request.path not in (TO_STAFF, TO_PARENTS):
            return Reply(404)
        if request.query.get("access_token") != self._token:
            return Reply(200, {"errcode": 40014, "errmsg": "made up"})
        return await self._submitted(request)

    @property
    def _token(self) -> str:
        return f"token-{self.tokens}"

    async def _submitted(self, request: Request) -> Reply | None:
        asked = request.json()
        parents = request.path == TO_PARENTS
        users = asked["to_parent_userid"] if parents else asked["touser"].split("|")
        key = hashlib.sha256(request.body).hexdigest()
        self.calls[key] += 1
        lie = self._next_lie("|".join(users))
        lost = [user.lower() for user in users if user in self.unknown]
        if len(lost) == len(users) and not parents:
            lie = Lie.NOBODY
        reached = [user for user in users if user not in self.unknown]
        if reached and not self._repeated(asked, key):
            before = len(self.taken)
            await self._take(key, "|".join(reached), asked["text"]["content"], lie)
            if len(self.taken) > before:
                self._seen[key] = self.now()
        if hung_up(lie) or (lie is Lie.SUCCESS_TWICE and self.calls[key] == 1):
            return None
        if parents:
            return said(lie, NUMBERS, invalid_parent_userid=lost)
        return said(lie, NUMBERS, msgid=f"sim-{key[:12]}", invaliduser="|".join(lost))

    def _repeated(self, asked: Mapping[str, Any], key: str) -> bool:
        """Tell whether the duplicate check finds the request: it is asked for, for so long, four hours at most."""
        kept = min(int(asked.get("duplicate_check_interval", HALF_AN_HOUR)), FOUR_HOURS)
        return asked.get("enable_duplicate_check") == 1 and self.now() - self._seen.get(key, -math.inf) < kept


class WecomRobotSimulator(Simulator):
    """A robot in a group: it knows no key and says everything again; lies are chosen by a text's first line."""

    def __init__(self, key: str, lie: Liar | None = None) -> None:
        super().__init__(lie)
        self._key = key

    async def answer(self, request: Request) -> Reply | None:
        """Answer to a submit."""
        if request.path != ROBOT or request.query.get("key") != self._key:
            return Reply(200, {"errcode": 93000, "errmsg": "made up"})
        text = str(request.json()["text"]["content"])
        first = text.partition("\n")[0]
        self.calls[text] += 1
        lie = self._next_lie(first)
        await self._take(text, "", text, lie)
        if hung_up(lie) or (lie is Lie.SUCCESS_TWICE and self.calls[text] == 1):
            return None
        return said(lie, NUMBERS)
