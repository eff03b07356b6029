"""What is said to a mail server once it has been greeted: commands in groups, where it takes them so (RFC 2920).

The library connects, encrypts and signs in; it says one command at a time and drops whatever comes beside one answer. A
mail asks for four answers. In a group the sender, the recipients and the wish to hand the text over go out together, so
that a mail costs two journeys in place of four or more, to a far server as well as to a busy one.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

MOST_BYTES: Final = 32 * 1024
"""Of answers that nobody has read yet; a server that says more than this is not listened to any further."""

PIECE: Final = 4 * 1024
"""Bytes that are read at once; an answer has some dozens."""

CODE: Final = 3
"""Digits that an answer begins with (RFC 5321 §4.2)."""


class Reply(NamedTuple):
    """One answer of the server.

    Attributes:
        code: three digits (RFC 5321 §4.2.1).
        text: its words, the lines of a long one joined; never for a log or a record as they are.
    """

    code: int
    text: str


class Conversation(asyncio.BufferedProtocol):
    """Takes a connection over that is idle: the server has answered whatever was said before."""

    def __init__(self, transport: asyncio.Transport, *, grouped: bool, seconds: float) -> None:
        """Listen from now on.

        Args:
            transport: the open connection.
            grouped: whether the server takes commands in groups; where not, each waits for the answer before it.
            seconds: how long an answer is waited for.
        """
        self._transport = transport
        self._grouped = grouped
        self._seconds = seconds
        self._heard = b""
        self._lines: list[str] = []
        self._replies: list[Reply] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._late: asyncio.TimerHandle | None = None
        self._counted_from = 0.0
        self._over = False
        self._piece = memoryview(bytearray(PIECE))
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Tell whether the next mail can be sent: not after a word that nobody asked for, which is a good-bye."""
        return not (self._over or self._replies or self._lines or self._heard or self._transport.is_closing())

    async def say(self, *commands: bytes) -> list[Reply]:
        """Say commands and return their answers; fewer where the connection ended or the server fell silent.

        Args:
            commands: without their line ends; what must be the last of a group (RFC 2920 §3.1) comes last.
        """
        replies: list[Reply] = []
        for group in [commands] if self._grouped else [(one,) for one in commands]:
            if not self.is_open:
                break
            self._transport.write(b"\r\n".join((*group, b"")))
            replies += await self._answers(len(group))
        return replies

    async def hand_over(self, content: bytes) -> Reply | None:
        """Send a mail's text, which the server has asked for; None where nobody knows what became of it.

        Args:
            content: lines that end with CR LF; a line that begins with a period is kept (RFC 5321 §4.5.2).
        """
        stuffed = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
        self._transport.write(stuffed + b".\r\n")
        return next(iter(await self._answers(1)), None)

    def close(self) -> None:
        """End the connection without a word."""
        self._over = True
        self._stop_the_clock()
        self._transport.close()

    # -- what the connection calls ----------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next piece is to be put: without it the loop makes room for 256 KB each time."""
        del sizehint
        return self._piece

    def buffer_updated(self, nbytes: int) -> None:
        """Read answers, which come in any pieces."""
        self._hear(bytes(self._piece[:nbytes]))

    def _hear(self, data: bytes) -> None:
        *lines, self._heard = (self._heard + data).split(b"\n")
        unread = len(self._heard) + sum(map(len, self._lines)) + sum(len(reply.text) for reply in self._replies)
        if unread > MOST_BYTES or not all(map(self._read, lines)):
            self.close()  # no mail server, or one that has lost its way: which answer is whose nobody can tell
        if self._over or len(self._replies) >= self._wanted:
            self._wake()
        elif lines:  # each answer has its own time
            self._wait_anew()

    def connection_lost(self, error: Exception | None) -> None:
        """Let whoever waits know that no more answers come."""
        del error
        self._over = True
        self._stop_the_clock()
        self._wake()

    # -- inside -----------------------------------------------------------------------------------------------

    def _read(self, line: bytes) -> bool:
        """Take one line of an answer; False where it is none."""
        code = line[:CODE]
        if len(code) < CODE or not code.isdigit():
            return False
        self._lines.append(line[CODE + 1 :].strip().decode("utf-8", "replace"))
        if line[CODE : CODE + 1] != b"-":
            self._replies.append(Reply(int(code), "\n".join(self._lines)))
            self._lines.clear()
        return True

    async def _answers(self, count: int) -> list[Reply]:
        """Wait for so many answers."""
        self._wanted = count
        if not self._over and len(self._replies) < count:
            self._waiter = asyncio.get_running_loop().create_future()
            self._wait_anew()
            try:
                await self._waiter
            except asyncio.CancelledError:  # its answers would be taken for the next command's
                self.close()
                raise
            finally:
                self._waiter = None
        found, self._replies = self._replies[:count], self._replies[count:]
        return found

    def _wait_anew(self) -> None:
        """Begin to count the time anew; the timer is left running and looks when it fires, for an answer takes less."""
        loop = asyncio.get_running_loop()
        self._counted_from = loop.time()
        if self._late is None:
            self._late = loop.call_later(self._seconds, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        """Wait no longer for a server that has said nothing for so long."""
        self._late = None
        loop = asyncio.get_running_loop()
        left = self._counted_from + self._seconds - loop.time()
        if self._waiter is None:
            return
        if left > 0:
            self._late = loop.call_later(left, self._look_at_the_clock)
        else:
            self.close()
            self._wake()

    def _stop_the_clock(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
