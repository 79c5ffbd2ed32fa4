"""A real SMTP server (aiosmtpd) that keeps the mail, and refuses what a test tells it to."""

import asyncio
import ssl
import warnings
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

USER, PASSWORD = "leadloop", "correct horse"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that was accepted: its envelope, and what it consists of."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    is_encrypted: bool


@dataclass
class MailServer:
    """On loopback. `replies`: what it answers to MAIL, to DATA, or to RCPT of an address, instead of 250.

    `hangs_up`: it closes the connection after the data, as if it had crashed, whether it keeps the mail or not.
    """

    certificate: str = ""
    requires_login: bool = False
    is_tls_from_the_start: bool = False
    mails: list[Mail] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    hangs_up: bool = False
    _protocols: list[SMTP] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if self.certificate else None
        if context is not None:
            context.load_cert_chain(self.certificate)
        loop = asyncio.get_running_loop()
        implicit = context if self.is_tls_from_the_start else None
        self._server = await loop.create_server(lambda: self._protocol(context), "127.0.0.1", 0, ssl=implicit)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for one in self._protocols:
            if isinstance(one.transport, asyncio.Transport):
                one.transport.abort()
        await asyncio.sleep(0)  # then they close their sockets

    def _protocol(self, context: ssl.SSLContext | None) -> SMTP:
        starts_tls = context is not None and not self.is_tls_from_the_start
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # a login without STARTTLS
            protocol = self._smtp(context if starts_tls else None, requires_tls=starts_tls)
        self._protocols.append(protocol)
        return protocol

    def _smtp(self, context: ssl.SSLContext | None, *, requires_tls: bool) -> SMTP:
        return SMTP(
            self,
            hostname="mail.example.com",
            tls_context=context,
            require_starttls=requires_tls,
            authenticator=self._login,
            auth_required=self.requires_login,
            auth_require_tls=not self.is_tls_from_the_start,
            loop=asyncio.get_running_loop(),
        )

    @staticmethod
    def _login(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        del server, session, envelope, mechanism
        is_known = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_known, handled=False)

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.replies.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        reply = self.replies.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        reply = self.replies.get("DATA", "250 OK")
        if reply.startswith("250"):
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            parsed = message_from_bytes(content, _class=EmailMessage, policy=default)
            is_encrypted = session.ssl is not None or self.is_tls_from_the_start
            self.mails.append(Mail(envelope.mail_from or "", list(envelope.rcpt_tos), parsed, is_encrypted))
        if self.hangs_up and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return reply
