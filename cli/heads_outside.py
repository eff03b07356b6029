"""Where a deployment puts its signed heads, as its settings say: a directory, the superior bureau's mailbox."""

from __future__ import annotations

import hashlib

from audit.anchors import MAIL, DirectoryAnchor
from audit.keeper import Anchor, HeadKeeper
from audit.signed_note import parse_note
from domain.notices import NoticeState
from domain.time import instant
from ledger.heads import KeptHead
from ledger.store import Ledger
from notices.catalogue import catalogue
from notices.channels import ChannelAwayError, Message
from notices.mail import MailChannel, SmtpServer
from settings import Settings


class MailAnchor:
    """Mails a head to the superior bureau: the signed note alone, so that what is kept there is what was signed.

    A mail whose fate nobody knows is sent again under the same Message-ID.
    """

    newest_only = True

    def __init__(self, channel: MailChannel, address: str) -> None:
        self._channel = channel
        self._address = address

    @property
    def name(self) -> str:
        """Return what the place is called in the ledger."""
        return MAIL

    async def put(self, head: KeptHead) -> str | None:
        """Send one mail; returns the code of what went wrong, as SMTP_UNREACHABLE."""
        origin, size = parse_note(head.note.encode()).text.split("\n")[:2]
        message = Message(
            notice_id="head_" + hashlib.sha256(head.note.encode()).hexdigest()[:32],
            addresses=(self._address,),
            lang="zh",
            subject=f"检查点 signed head {origin} {size}",
            text=head.note,
            planned_at=instant(head.made_at),
            to_staff=True,
        )
        try:
            async with self._channel.session() as session:
                delivery = await session.send(message)
        except ChannelAwayError as error:
            return error.code
        if delivery.outcome is NoticeState.ACCEPTED:
            return None
        return delivery.code or delivery.outcome.upper()


def keeper_of(settings: Settings, ledger: Ledger) -> HeadKeeper:
    """Return who keeps a deployment's heads up to date; opening nothing yet."""
    anchors: list[Anchor] = []
    if settings.heads_dir is not None:
        anchors.append(DirectoryAnchor(settings.heads_dir))
    if settings.heads_mail_to is not None and settings.smtp is not None:
        channel = MailChannel(SmtpServer(**settings.smtp.model_dump()))
        anchors.append(MailAnchor(channel, settings.heads_mail_to))
    return HeadKeeper(ledger, settings.audit_key, anchors, templates=lambda: catalogue().digests)
