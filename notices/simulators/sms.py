"""An SMS gateway that speaks our contract (docs/notices.md): one message a key, whatever it says about it."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from domain.signing import SIGNATURE, TIMESTAMP, sign
from notices.simulators.lies import Lie
from notices.simulators.server import Liar, Reply, Request, Simulator, hung_up

PATH: Final = "/v1/messages"

ANSWERS: Final = {
    Lie.ACCEPTED_WITHOUT_STATUS: Reply(200),
    Lie.BAD_REQUEST_DURING_OUTAGE: Reply(400, b"<html>Bad Request</html>", {"Content-Type": "text/html"}),
    Lie.FAULT_AFTER_TAKING: Reply(500),
    Lie.MUTED_TEN_MINUTES: Reply(429, None, {"Retry-After": "600"}),
    Lie.TOO_OFTEN: Reply(429),
    Lie.TEMPLATE_REFUSED: Reply(422, {"code": "TEMPLATE_REFUSED"}),
    Lie.NOBODY: Reply(422, {"code": "NUMBER_INVALID"}),
    Lie.TOKEN_EXPIRED: Reply(401, {"code": "SIGNATURE_WRONG"}),
}
"""Lie → what is said in place of the truth."""


@dataclass
class _Known:
    """A message that it has.

    Attributes:
        request: as it came first; a repeat must say the same.
        state: accepted, delivered or failed.
        late: its receipt waits for `call_back_late`.
    """

    request: Mapping[str, Any]
    provider_id: str
    segments: int
    state: str = "accepted"
    code: str | None = None
    late: bool = False


class SmsSimulator(Simulator):
    """The gateway; lies are chosen by the number that a message is for.

    Attributes:
        now: its clock.
        receipts: what it would post to our endpoint, in the order in which it would; whoever posts them takes them out.
    """

    def __init__(
        self, secret: bytes, lie: Liar | None = None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__(lie)
        self._secret = secret
        self.now = now
        self._known: dict[str, _Known] = {}
        self._reported = 0
        self.receipts: list[dict[str, Any]] = []

    async def answer(self, request: Request) -> Reply | None:
        """Answer to a submit or a question."""
        content = request.body if request.method == "POST" else request.path.encode()
        expected = sign(self._secret, request.headers.get(TIMESTAMP, ""), content)
        if not hmac.compare_digest(expected, request.headers.get(SIGNATURE, "")):
            return Reply(401, {"code": "SIGNATURE_WRONG"})
        if request.method == "POST" and request.path == PATH:
            return await self._submitted(request.json())
        return self._told(request.path.removeprefix(f"{PATH}/"))

    def deliver(self, *, late: bool = False) -> None:
        """Let what is under way arrive, and report it.

        Args:
            late: those too whose receipts come late.
        """
        for key, known in self._known.items():
            if known.state == "accepted" and (late or not known.late):
                lie = self.lie(str(known.request["to"]), 0)
                known.state = "failed" if lie is Lie.RECYCLED_NUMBER else "delivered"
                known.code = "NUMBER_RECYCLED" if lie is Lie.RECYCLED_NUMBER else None
                for _ in range(2 if lie is Lie.SUCCESS_TWICE else 1):
                    self._report(key, known)

    def fail(self, code: str) -> None:
        """Let what is under way not arrive, for one of the contract's reasons, and report it."""
        for key, known in self._known.items():
            if known.state == "accepted":
                known.state, known.code = "failed", code
                self._report(key, known)

    async def _submitted(self, asked: Mapping[str, Any]) -> Reply | None:
        key, to, text = str(asked["key"]), str(asked["to"]), str(asked["text"])
        self.calls[key] += 1
        lie = self._next_lie(to)
        again = self._known.get(key)
        if again is not None and again.request != asked:
            return Reply(409, {"code": "KEY_TAKEN"})
        if again is None:
            await self._take(key, to, text, lie)
            if self.taken and self.taken[-1].key == key:
                segments = 1 if len(text) <= 70 else -(-len(text) // 67)  # noqa: PLR2004 - DOMAIN §5.4
                again = _Known(dict(asked), f"sim-{len(self.taken)}", segments)
                again.late = lie is Lie.LATE_CALLBACK
                self._known[key] = again
        if hung_up(lie) or (lie is Lie.SUCCESS_TWICE and self.calls[key] == 1):
            return None
        if lie in ANSWERS:
            return ANSWERS[lie]
        assert again is not None
        return Reply(202, {"provider_id": again.provider_id, "segments": again.segments})

    def _told(self, key: str) -> Reply:
        known = self._known.get(key)
        if known is None:
            return Reply(404, {"code": "KEY_UNKNOWN"})
        told = {"state": known.state, "provider_id": known.provider_id, "segments": known.segments}
        return Reply(200, {**told, "code": known.code})

    def _report(self, key: str, known: _Known) -> None:
        self._reported += 1
        receipt = {"receipt_id": f"rcp-{self._reported}", "key": key, "provider_id": known.provider_id}
        receipt |= {"state": known.state, "at": self.now().isoformat()}
        self.receipts.append(receipt | ({} if known.code is None else {"code": known.code}))
