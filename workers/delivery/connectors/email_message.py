"""Kind `email`: escalations as an e-mail, by SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS from the start (RFC 8314).

Plain text only, and headers without upstream text, so that nothing in a lead can add a header. Mail programs may make a
link of an id that looks like an address. `Message-ID` is derived from the ids of the deliveries in the message: a mail
system that removes duplicates recognises a repeat.
The server's name is resolved, vetted and dialled like a URL; its certificate is verified.

250 after the data: *accepted*, the server has taken responsibility. Replies of RFC 5321: 4yz is temporary and retried;
5yz about the sender, the recipients or the message is *refused*. 5yz before that is about the connection or the
credentials (530, 534, 535, 538): retried, because a person can fix it meanwhile. If only some recipients are refused,
the others have the message: *accepted*, with the number of those who have not. Whether a mailbox gets it, or a spam
filter does, cannot be verified. No limit is documented; the preset is ours.
"""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses
from typing import Annotated, ClassVar, Literal, Self

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponse,
    SMTPResponseException,
    SMTPSenderRefused,
)
from pydantic import AfterValidator, Field, model_validator

from streams.runtime.documents import violation
from workers.outbound import Client, ForbiddenAddress, UrlPolicy, redacted
from workers.secret import Secret

from ..attempts import Accepted, Outcome, Rejected, Retry
from ..target import Limits
from .http_target import check_url
from .notification import Notification, NotificationConnector, NotificationTarget

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_PERMANENT = range(500, 600)
_CREDENTIALS = frozenset({530, 534, 535, 538})
_QUIT_SECONDS = 2.0


def _mailbox(text: str) -> Address:
    """`Sales <sales@example.com>`, or the address alone. ASCII without control characters."""
    (name, address), *others = getaddresses([text]) or [("", "")]
    try:
        if others or not (text.isascii() and text.isprintable() and address):
            raise ValueError  # noqa: TRY301  one error for all
        found = Address(name, addr_spec=address)
    except (ValueError, IndexError):  # HeaderParseError is a ValueError; the parser fails on some texts otherwise
        found = None
    if found is None or not found.username or "." not in found.domain:
        raise violation("this is not an e-mail address", "write sales@example.com, or 'Sales <sales@example.com>'")
    return found


def _checked(text: str) -> str:
    _mailbox(text)
    return text


Mailbox = Annotated[str, Field(max_length=320), AfterValidator(_checked)]


class EmailTarget(NotificationTarget):
    """Mailboxes, and the SMTP server that takes mail for them. `tls`: `starttls`, from the start, or none."""

    PRESET: ClassVar[Limits] = Limits(per_second=1, burst=5, concurrency=2)

    kind: Literal["email"]
    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: Annotated[str, Field(max_length=320)] | None = None
    password: Secret | None = None
    sender: Mailbox = Field(alias="from")
    to: Annotated[tuple[Mailbox, ...], Field(min_length=1, max_length=50)]

    @property
    def effective_port(self) -> int:
        """The port; without one in the document, the one that is registered for this kind of connection."""
        return _PORTS[self.tls] if self.port is None else self.port

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        check_url(f"https://{self.host}/", UrlPolicy())
        if (self.user is None) != (self.password is None):
            raise violation("a user or a password alone", "write both, or neither for a server without a login")
        if self.password is not None and self.tls == "none":
            raise violation("a password without encryption", "write 'tls: starttls' or 'tls: tls'")
        return self


class Email(NotificationConnector):
    """Sends mail, with a connection for each message. The limit is in bytes of the text."""

    limit = 200_000

    def __init__(self, target: EmailTarget, client: Client, now: Callable[[], float]) -> None:
        super().__init__(target, now)
        self._mail = target
        self._client = client
        self._sender = _mailbox(target.sender)
        self._recipients = [_mailbox(one) for one in target.to]

    def _size(self, notification: Notification) -> int:
        return len(_text(notification).encode())

    async def _send(self, notification: Notification) -> Outcome:
        try:
            async with asyncio.timeout(self._mail.timeout_seconds):
                return await self._mailed(self._message(notification))
        except ForbiddenAddress as error:
            return Retry(f"not dialled: {error}")
        except SMTPRecipientsRefused as error:
            return _refused(error)
        except SMTPResponseException as error:
            return _replied(error)
        except TimeoutError:
            return Retry(f"no reply within {self._mail.timeout_seconds:g} s")
        except (SMTPException, OSError, ValueError) as error:  # OSError: also of TLS; ValueError: a malformed reply
            return Retry(redacted(f"{type(error).__name__}: {error}"))

    async def _mailed(self, message: EmailMessage) -> Outcome:
        target = self._mail
        opened = await self._client.dial(target.host, target.effective_port, target.timeout_seconds)
        smtp = SMTP(
            sock=opened,
            hostname=target.host,
            local_hostname=self._sender.domain,
            username=target.user,
            password=None if target.password is None else target.password.reveal(),
            use_tls=target.tls == "tls",
            start_tls=target.tls == "starttls",
            tls_context=self._client.tls,
            timeout=target.timeout_seconds,
        )
        try:
            await smtp.connect()
            to = [one.addr_spec for one in self._recipients]
            refused, _ = await smtp.send_message(message, sender=self._sender.addr_spec, recipients=to)
            with suppress(SMTPException, OSError):  # the server has the message already
                await smtp.quit(timeout=_QUIT_SECONDS)
        finally:
            # A transport of TLS would wait for the server's farewell. The transport owns the socket.
            if isinstance(smtp.transport, asyncio.WriteTransport):
                smtp.transport.abort()
            smtp.close()
        return _accepted(refused, len(to))

    def _message(self, notification: Notification) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self._sender, self._recipients
        message["Subject"] = f"Leadloop: {notification.title}"
        message["Date"] = format_datetime(datetime.fromtimestamp(self._now(), UTC))
        identity = hashlib.sha256("\n".join(sorted(notification.message_ids)).encode()).hexdigest()[:32]
        message["Message-ID"] = f"<{identity}@{self._sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic replies
        message.set_content(_text(notification))
        return message


def _text(notification: Notification) -> str:
    items = [
        f"{item.lead}\n  {item.text}\n{f'  {item.link}' if item.link else ''}".rstrip() for item in notification.items
    ]
    return "\n\n".join(filter(None, [f"{notification.title}.", *items, notification.more])) + "\n"


def _accepted(refused: dict[str, SMTPResponse], recipients: int) -> Outcome:
    if not refused:
        return Accepted(250)
    first = next(iter(refused.values()))
    text = redacted(f"{first.code} {first.message}")
    return Accepted(250, f"{len(refused)} of {recipients} recipients were refused, the first with {text}")


def _refused(error: SMTPRecipientsRefused) -> Outcome:
    """No recipient is accepted: final if none of the replies is temporary."""
    for one in error.recipients:
        if one.code not in _PERMANENT or one.code in _CREDENTIALS:
            return _replied(one)
    return _replied(error.recipients[0]) if error.recipients else Retry("all recipients were refused")


def _replied(error: SMTPResponseException) -> Outcome:
    text = redacted(f"{error.code} {error.message}")
    is_about_message = isinstance(error, SMTPSenderRefused | SMTPDataError | SMTPRecipientRefused)
    if is_about_message and error.code in _PERMANENT and error.code not in _CREDENTIALS:
        return Rejected(error.code, text)
    return Retry(text, error.code)
