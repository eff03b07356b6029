"""A DingTalk robot: it checks the signature, counts twenty messages a minute, and falls silent for ten."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Final

from notices.simulators.lies import Lie
from notices.simulators.server import Liar, Reply, Request, Simulator, hung_up
from notices.simulators.wecom import said

PATH: Final = "/robot/send"
A_MINUTE: Final = 60.0
TEN_MINUTES: Final = 600.0
MOST: Final = 20
AN_HOUR_MS: Final = 3_600_000

NUMBERS: Final = {
    Lie.MUTED_TEN_MINUTES: 130101,
    Lie.TOO_OFTEN: 130101,
    Lie.TOKEN_EXPIRED: 310000,
    Lie.TEMPLATE_REFUSED: 430101,
    Lie.NOBODY: 300001,
}


class DingtalkSimulator(Simulator):
    """The robot; lies are chosen by a text's first line."""

    def __init__(
        self, token: str, secret: str, lie: Liar | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(lie)
        self._token = token
        self._secret = secret
        self._now = now
        self._said: list[float] = []
        self._mute_until = 0.0

    async def answer(self, request: Request) -> Reply | None:
        """Answer to a submit."""
        now = self._now()
        if request.path != PATH or request.query.get("access_token") != self._token:
            return Reply(200, {"errcode": 300001, "errmsg": "made up"})
        if not self._signed(request, now):
            return Reply(200, {"errcode": 310000, "errmsg": "made up"})
        text = str(request.json()["text"]["content"])
        self.calls[text] += 1
        lie = self._next_lie(text.partition("\n")[0])
        if lie is Lie.MUTED_TEN_MINUTES:
            self._mute_until = max(self._mute_until, now + TEN_MINUTES)
        self._said = [at for at in self._said if at > now - A_MINUTE]
        if len(self._said) >= MOST:
            self._mute_until = now + TEN_MINUTES
        if now < self._mute_until:
            return said(Lie.MUTED_TEN_MINUTES, NUMBERS)
        self._said.append(now)
        await self._take(text, "", text, lie)
        if hung_up(lie) or (lie is Lie.SUCCESS_TWICE and self.calls[text] == 1):
            return None
        return said(lie, NUMBERS)

    def _signed(self, request: Request, now: float) -> bool:
        timestamp = request.query.get("timestamp", "")
        if not timestamp.isdigit() or abs(int(timestamp) - now * 1000) > AN_HOUR_MS:
            return False
        mac = hmac.new(self._secret.encode(), f"{timestamp}\n{self._secret}".encode(), hashlib.sha256)
        return hmac.compare_digest(base64.b64encode(mac.digest()).decode(), request.query.get("sign", ""))
