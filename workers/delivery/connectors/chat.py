"""Kinds `slack` and `teams`: escalations as messages in a channel, through an incoming webhook.

The URL of such a webhook is a secret: whoever knows it can post. It is read from a file or a variable like others.

**Slack** (docs.slack.dev: "Sending messages using incoming webhooks", "Formatting message text", "Rate limits"; errors:
the changelog of 2016-05-17). `POST` of `{text}` in Slack's mrkdwn, in which `&`, `<` and `>` of upstream text are
escaped, so that nobody is notified by `<!channel>`; `*`, `_` and `~` cannot be escaped and change looks only,
and Slack makes a link of an address. No blocks: they have lower limits (50 blocks, of 3,000 characters) than `text`
(40,000 characters). 200: the message is posted. 404 (`no_service`, `channel_not_found`) and 410
(`channel_is_archived`): the webhook is gone, which disables the endpoint. 400 (`invalid_payload`): *refused*. Limit:
one message a second.

**Teams** (learn.microsoft.com: "Create incoming webhooks with Workflows", "Teams connector: known issues and limits";
adaptivecards.io: RichTextBlock). `POST` of a message with one Adaptive Card to the URL of a workflow "When a Teams
webhook request is received"; the connectors of Microsoft 365, the predecessors, are retired. The card has upstream text
in TextRuns only, where Markdown is not interpreted. 202: the workflow has the request, and whether it posts the card
cannot be seen: *unverified*; a workflow with a Response action answers 200. Limits: 28 KB a message, four requests a
second. Messages end at 20,000 bytes, because the service adds to what it is sent: 413 was reported from 21 KB on.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from schemas.json_value import JsonObject, JsonValue
from workers.outbound import Client, HttpResponse
from workers.secret import Secret

from ..attempts import Accepted, Gone, Outcome, Unverified
from ..target import Limits
from .http_target import CalledTarget, check_url
from .notification import Notification, NotificationConnector, NotificationItem, NotificationTarget
from .response_policy import failure_outcome, is_success, summary_of, to_json

_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_SLACK_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class ChatTarget(NotificationTarget, CalledTarget):
    """A channel. `url`: of its incoming webhook, as a secret."""

    url: Secret

    @model_validator(mode="after")
    def _is_reachable(self) -> Self:
        check_url(self.url.reveal(), self.url_policy)
        return self


class SlackTarget(ChatTarget):
    """A channel in Slack."""

    PRESET: ClassVar[Limits] = Limits(per_second=0.9, burst=1, concurrency=1)

    kind: Literal["slack"]


class TeamsTarget(ChatTarget):
    """A channel or chat in Microsoft Teams."""

    PRESET: ClassVar[Limits] = Limits(per_second=1, burst=3, concurrency=1)

    kind: Literal["teams"]


class ChatConnector(NotificationConnector):
    """Posts a message as JSON."""

    def __init__(self, target: ChatTarget, client: Client, now: Callable[[], float]) -> None:
        super().__init__(target, now)
        self._channel = target
        self._client = client

    async def _send(self, notification: Notification) -> Outcome:
        reply = await self._client.request(
            "POST",
            self._channel.url.reveal(),
            headers={"content-type": "application/json; charset=utf-8"},
            body=to_json(self._message(notification)),
            url_policy=self._channel.url_policy,
            timeout_seconds=self._channel.timeout_seconds,
        )
        if isinstance(reply, HttpResponse) and is_success(reply):
            return self._posted(reply.status)
        if isinstance(reply, HttpResponse) and reply.status in _GONE:
            return Gone(reply.status, summary_of(reply))
        return failure_outcome(reply, self._now())

    @abstractmethod
    def _message(self, notification: Notification) -> JsonObject:
        """Render a message."""

    def _posted(self, status: int) -> Outcome:
        return Accepted(status)


class Slack(ChatConnector):
    """Posts to Slack. The limit is in characters."""

    limit = 40_000

    def _size(self, notification: Notification) -> int:
        return len(_slack_text(notification))

    def _message(self, notification: Notification) -> JsonObject:
        return {"text": _slack_text(notification), "unfurl_links": False, "unfurl_media": False}


class Teams(ChatConnector):
    """Posts to Teams. The limit is in bytes."""

    limit = 20_000

    def _size(self, notification: Notification) -> int:
        return len(to_json(self._message(notification)))

    def _message(self, notification: Notification) -> JsonObject:
        return {"type": "message", "attachments": [_attachment(notification)]}

    def _posted(self, status: int) -> Outcome:
        if status == HTTPStatus.OK:
            return Accepted(status)
        return Unverified(status, "the workflow has it; whether it posts the message cannot be seen")


def _slack_text(notification: Notification) -> str:
    lines = [f"*{notification.title}*", *map(_slack_line, notification.items), notification.more]
    return "\n".join(filter(None, lines))


def _slack_line(item: NotificationItem) -> str:
    lead = item.lead.translate(_SLACK_ENTITIES)
    link = item.link.translate(_SLACK_ENTITIES)
    return f"• {f'<{link}|{lead}>' if link else lead}: {item.text.translate(_SLACK_ENTITIES)}"


def _attachment(notification: Notification) -> JsonObject:
    title: JsonObject = {
        "type": "TextBlock",
        "text": notification.title,
        "weight": "Bolder",
        "size": "Medium",
        "wrap": True,
    }
    rest: list[JsonValue] = [{"type": "TextBlock", "text": notification.more}] if notification.more else []
    card: JsonObject = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [title, *map(_rich_text, notification.items), *rest],
    }
    return {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}


def _rich_text(item: NotificationItem) -> JsonObject:
    action: Mapping[str, JsonValue] = (
        {"selectAction": {"type": "Action.OpenUrl", "url": item.link}} if item.link else {}
    )
    lead: JsonObject = {"type": "TextRun", "text": item.lead, "weight": "Bolder", **action}
    return {"type": "RichTextBlock", "inlines": [lead, {"type": "TextRun", "text": f": {item.text}"}]}
