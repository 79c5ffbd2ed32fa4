"""Escalations as e-mail, to a real SMTP server that refuses, throttles, and hangs up."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from schemas.headers import Headers
from tests.certificates import Authority
from tests.component.delivery.connectors.harness import NOW, a_request, an_escalation, target_of
from tests.simulators.mail_server import PASSWORD, USER, MailServer
from workers.delivery.attempts import Accepted, Connector, Outcome, Rejected, Retry
from workers.delivery.connectors import connector_of
from workers.delivery.events import DeliveredEvent
from workers.delivery.target import Endpoint
from workers.outbound import Client

ANA, BEN = "ana@example.com", "ben@example.com"


class Mailing:
    """Connectors that trust the certificates of an authority and may dial loopback."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = Authority(folder)
        self.client = Client([ip_network("127.0.0.0/8")], tls=ssl.create_default_context(cafile=self.authority.ca))

    def server(self, **settings: Any) -> MailServer:
        return MailServer(str(self.authority.vouch("mail")), **settings)

    def to(self, server: MailServer, password: str = PASSWORD, **section: Any) -> Connector:
        base: dict[str, Any] = {"kind": "email", "host": "127.0.0.1", "port": server.port, "from": f"Leads <{ANA}>"}
        base |= {"to": [ANA, BEN]} | section
        if "user" in base:
            path = self._folder / "password"
            path.write_text(password, encoding="utf-8")
            base["password"] = {"file": str(path)}
        return connector_of(Endpoint("mail", target_of(base)), self.client, lambda: NOW, _never)


async def _never(topic: str, event: DeliveredEvent, headers: Headers) -> None:
    raise AssertionError((topic, event, headers))


@pytest.fixture
async def mailing(tmp_path: Path) -> AsyncIterator[Mailing]:
    found = Mailing(tmp_path)
    async with found.client:
        yield found


async def _one(connector: Connector, event: DeliveredEvent | None = None) -> Outcome:
    (outcome,) = await connector.deliver([a_request(event or an_escalation())])
    return outcome


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_mail_lists_the_escalations_over_an_encrypted_connection_with_a_login(
    tls: str, mailing: Mailing
) -> None:
    async with mailing.server(requires_login=True, is_tls_from_the_start=tls == "tls") as server:
        connector = mailing.to(server, tls=tls, user=USER, link="https://crm.example.com/{lead_id}")
        requests = [a_request(an_escalation("7")), a_request(an_escalation("8", "AT_RISK"))]
        assert await connector.deliver(requests) == [Accepted(250), Accepted(250)]
        (mail,) = server.mails
    assert mail.is_encrypted
    assert (mail.sender, mail.recipients) == (ANA, [ANA, BEN])
    assert mail.message["subject"] == "Leadloop: 1 lead to act on and 1 promise at risk"
    assert mail.message["from"] == f"Leads <{ANA}>"
    assert mail.message.get_content_type() == "text/plain"
    lines = mail.message.get_content().splitlines()
    assert lines[0] == "1 lead to act on and 1 promise at risk."
    assert lines[2] == "Act on lead 7"
    assert "https://crm.example.com/8" in lines[-1]


async def test_nothing_in_a_lead_adds_a_header_or_a_recipient(mailing: Mailing) -> None:
    hostile = "7\r\nBcc: eve@example.com\r\n\r\n.\r\nMAIL FROM:<eve@example.com>"
    async with mailing.server() as server:
        event = an_escalation(hostile, reason=hostile, owner_id=hostile)
        assert await _one(mailing.to(server), event) == Accepted(250)
        (mail,) = server.mails
    assert mail.recipients == [ANA, BEN]
    assert "bcc" not in mail.message
    shown = "Act on lead 7 Bcc: eve@example.com . MAIL FROM:<eve@example.com>"
    assert mail.message.get_content().splitlines()[2] == shown


async def test_a_repeat_has_the_same_message_id_and_another_message_has_another(mailing: Mailing) -> None:
    async with mailing.server() as server:
        connector = mailing.to(server)
        seven, eight = a_request(an_escalation("7")), a_request(an_escalation("8"))
        for requests in ([seven, eight], [eight, seven], [seven]):
            await connector.deliver(requests)
        first, again, other = (mail.message["message-id"] for mail in server.mails)
    assert first == again != other


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({"MAIL": "451 try later"}, Retry("451 try later", 451)),
        ({"MAIL": "550 not from you"}, Rejected(550, "550 not from you")),
        ({"MAIL": "530 log in first"}, Retry("530 log in first", 530)),
        ({"DATA": "452 no space"}, Retry("452 no space", 452)),
        ({"DATA": "554 looks like spam"}, Rejected(554, "554 looks like spam")),
        ({ANA: "450 busy", BEN: "550 unknown"}, Retry("450 busy", 450)),
        ({ANA: "550 unknown", BEN: "551 moved"}, Rejected(550, "550 unknown")),
        ({BEN: "550 unknown"}, Accepted(250, "1 of 2 recipients were refused, the first with 550 unknown")),
    ],
)
async def test_temporary_replies_are_retried_and_permanent_ones_are_final(
    replies: dict[str, str], expected: Outcome, mailing: Mailing
) -> None:
    async with mailing.server() as server:
        server.replies = replies
        assert await _one(mailing.to(server)) == expected
        assert len(server.mails) == isinstance(expected, Accepted)


async def test_wrong_credentials_are_retried_because_a_person_can_fix_them(mailing: Mailing) -> None:
    async with mailing.server(requires_login=True) as server:
        outcome = await _one(mailing.to(server, "wrong", user=USER))
        assert isinstance(outcome, Retry)
        assert outcome.status == 535
        assert "wrong" not in outcome.detail


async def test_a_password_is_not_sent_to_a_server_that_offers_no_encryption(mailing: Mailing) -> None:
    async with MailServer() as server:
        assert isinstance(await _one(mailing.to(server, user=USER)), Retry)
        assert server.mails == []


async def test_a_certificate_of_somebody_else_is_refused(mailing: Mailing, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other").vouch("mail")
    for is_implicit in (False, True):
        async with MailServer(str(other), is_tls_from_the_start=is_implicit) as server:
            outcome = await _one(mailing.to(server, tls="tls" if is_implicit else "starttls"))
            assert isinstance(outcome, Retry)
            assert server.mails == []


async def test_a_server_that_hangs_up_after_the_data_is_tried_again(mailing: Mailing) -> None:
    async with mailing.server() as server:
        server.hangs_up = True
        assert isinstance(await _one(mailing.to(server)), Retry)
        assert len(server.mails) == 1  # the price: the repeat is read twice


async def test_a_server_without_tls_takes_mail_if_the_document_says_so(mailing: Mailing) -> None:
    async with MailServer() as server:
        assert await _one(mailing.to(server, tls="none")) == Accepted(250)
        assert not server.mails[0].is_encrypted


@pytest.mark.parametrize("greeting", [b"", b"\xff\xfe\r\n", b"250 hello\r\n", b"554 no mail here\r\n", b"x" * 100_000])
async def test_no_greeting_makes_the_connector_raise(greeting: bytes, mailing: Mailing) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listening:
        server = MailServer()
        server.port = listening.sockets[0].getsockname()[1]
        outcome = await _one(mailing.to(server))
    assert isinstance(outcome, Retry)
    assert len(outcome.detail) <= 200


async def test_a_silent_server_is_given_up_after_the_timeout(mailing: Mailing) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as listening:
        server = MailServer()
        server.port = listening.sockets[0].getsockname()[1]
        outcome = await _one(mailing.to(server, timeout_seconds=1))
    assert isinstance(outcome, Retry)


async def test_an_unreachable_server_is_retried(mailing: Mailing) -> None:
    async with mailing.server() as server:
        connector = mailing.to(server)
    assert isinstance(await _one(connector), Retry)


async def test_a_server_on_a_private_network_that_is_not_allowed_is_not_dialled(mailing: Mailing) -> None:
    async with mailing.server() as server, Client() as client:
        target = target_of({"kind": "email", "host": "127.0.0.1", "port": server.port, "from": ANA, "to": [BEN]})
        outcome = await _one(connector_of(Endpoint("mail", target), client, lambda: NOW, _never))
        assert outcome == Retry("not dialled: 127.0.0.1 must not be dialled: 127.0.0.1 is this machine")
        assert server.mails == []
