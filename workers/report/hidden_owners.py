"""The read model and the policy as the page reads them where the names of owners are hidden.

Everything that a view shows comes through one of both: no view knows whether names are hidden.
"""

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, cast
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet, InvalidToken
from pydantic import BaseModel

from streams.domain.policy import Policy
from streams.domain.policy.patterns import is_exact
from workers.http.problems import Problem
from workers.read_model.escalations import EscalationState
from workers.read_model.index import ESCALATED_BY, RecycleState

from . import api_models, funnel_models
from .explanation_model import ExplanationModel
from .generation_reader import ListRange
from .lead_query import LeadQuery
from .owner_pseudonyms import SHAPE, OwnerPseudonyms
from .policy_in_use import PolicyInUse
from .queries import ReadModel

if TYPE_CHECKING:
    from schemas.events import LeadSnapshot
    from streams.domain.policy import Rule

M = TypeVar("M", bound=api_models.ApiModel)
P = TypeVar("P", api_models.LeadPage, api_models.RecyclePage, api_models.EscalationPage, funnel_models.FunnelPage)
OWNER_FIELDS = frozenset({"owner", "owner_id", "lead_owner_id"})
TEXT_FIELDS = frozenset({"note", "detail", "text", "rule"})
"""Fields with sentences, in which names of owners may stand."""
OWNER_ROWS = frozenset({"owner", ESCALATED_BY})
HIDDEN_PATTERN = "(hidden)"
LOOK_SECONDS = 60.0
_AT_ONCE = 5_000
_NOBODY = "\0"


def hidden_owners(model: ReadModel, policy: PolicyInUse, secret: str) -> tuple[ReadModel, PolicyInUse]:
    """Both without names. `secret` of the page."""
    names = OwnerPseudonyms(secret)
    hidden = HiddenPolicy(policy, names)
    return HiddenOwners(model, hidden, names, secret), hidden


class HiddenPolicy(PolicyInUse):
    """A policy that names no owner.

    Attributes:
        real: What leads are explained by.
    """

    def __init__(self, real: PolicyInUse, names: OwnerPseudonyms) -> None:
        self.real = real
        self.log = real.log
        self._names = names

    @property
    def policy(self) -> Policy | None:
        policy = self.real.policy
        return None if policy is None else self.shown(policy)

    def shown(self, policy: Policy) -> Policy:
        intake = replace(policy.intake, owner=self._names.of(policy.intake.owner), away=frozenset())
        rules = [replace(rule, when={name: self._patterns(rule, name) for name in rule.when}) for rule in policy.rules]
        named = tuple(replace(rule, name=self._names.in_text(rule.name)) for rule in rules)
        return replace(policy, intake=intake, rules=named)

    def _patterns(self, rule: "Rule", dimension: str) -> tuple[str, ...]:
        patterns = rule.when[dimension]
        if dimension != "owner":
            return patterns
        return tuple(self._names.of(one) if is_exact(one) else HIDDEN_PATTERN for one in patterns)

    @property
    def zone(self) -> ZoneInfo:
        return self.real.zone

    def wall_ms(self) -> int:
        return self.real.wall_ms()

    def now(self, lead: "LeadSnapshot") -> int:
        return self.real.now(lead)


class HiddenOwners(ReadModel):
    """The read model with a pseudonym for each owner, in what it returns and in what it is asked for.

    Cursors are encrypted: that of a list by owner has a name in it.
    """

    def __init__(self, model: ReadModel, policy: HiddenPolicy, names: OwnerPseudonyms, secret: str) -> None:
        super().__init__(model.redis, model.app_id, model.codec, model.costs)
        self._policy = policy
        self._names = names
        key = hashlib.sha256(b"leadloop-cursor" + (secret or secrets.token_urlsafe(32)).encode()).digest()
        self._box = Fernet(urlsafe_b64encode(key))
        self._looked_at = -LOOK_SECONDS

    async def lead(self, lead_id: str) -> api_models.LeadDetail | None:
        found = await super().lead(lead_id)
        return None if found is None else await self._hidden_texts(self._hidden(found))

    async def explanation(self, lead_id: str, policy: PolicyInUse, zone: ZoneInfo | None) -> ExplanationModel | None:  # noqa: ARG002
        """By the real policy, whose rules and absences are about the real names."""
        found = await super().explanation(lead_id, self._policy.real, zone)
        if found is None or await self.lead(lead_id) is None:  # knows the names of its owners then
            return None
        return await self._hidden_texts(found)

    async def leads(self, query: LeadQuery, cursor: str | None, limit: int) -> api_models.LeadPage:
        asked = query._replace(owner=await self._name(query.owner))
        return self._sealed(self._hidden(await super().leads(asked, self._opened(cursor), limit)))

    async def recycles(self, state: RecycleState | None, cursor: str | None, limit: int) -> api_models.RecyclePage:
        found = await super().recycles(state, self._opened(cursor), limit)
        return self._sealed(await self._hidden_texts(found))

    async def escalations(
        self, state: EscalationState | None, owner: str | None, cursor: str | None, limit: int
    ) -> api_models.EscalationPage:
        found = await super().escalations(state, await self._name(owner), self._opened(cursor), limit)
        return self._sealed(self._hidden(found))

    async def funnel(
        self,
        by: api_models.FunnelDimension,
        pass_label: api_models.PassLabel | None,
        cursor: str | None,
        limit: int,
    ) -> funnel_models.FunnelPage:
        return self._sealed(self._hidden_rows(await super().funnel(by, pass_label, self._opened(cursor), limit)))

    async def largest(
        self, by: api_models.FunnelDimension, pass_label: api_models.PassLabel | None, most: int
    ) -> funnel_models.FunnelPage:
        return self._hidden_rows(await super().largest(by, pass_label, most))

    async def rows(self, by: str) -> AsyncIterator[tuple[str, dict[str, int]]]:
        async for value, counts in super().rows(by):
            yield self._names.of(value) if by in OWNER_ROWS else value, counts

    async def values(self, by: api_models.FunnelDimension, most: int) -> list[str]:
        found = await super().values(by, most)
        return sorted(map(self._names.of, found)) if by == "owner" else found

    async def overview(self, now: int, zone: ZoneInfo) -> api_models.Overview:
        found = self._hidden(await super().overview(now, zone))
        return found.model_copy(update={"owners": sorted(found.owners, key=lambda one: one.owner)})

    def _hidden(self, model: M) -> M:
        """With pseudonyms in the fields that have an owner."""
        return _mapped(model, lambda name, text: self._names.of(text) if name in OWNER_FIELDS else text)

    async def _hidden_texts(self, model: M) -> M:
        """With pseudonyms in sentences, too."""
        self._policy.policy  # noqa: B018  # makes the pseudonyms of whom the policy names
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            await self._look()
        return _mapped(model, lambda name, text: self._names.in_text(text) if name in TEXT_FIELDS else text)

    def _hidden_rows(self, page: funnel_models.FunnelPage) -> funnel_models.FunnelPage:
        if page.by != "owner":
            return page
        rows = [row.model_copy(update={"value": self._names.of(row.value)}) for row in page.rows]
        return page.model_copy(update={"rows": rows})

    async def _name(self, asked: str | None) -> str | None:
        """Whose pseudonym was asked for.

        Raises:
            Problem: 422, it is none; a name is not taken, so that nobody can try names.
        """
        if not asked:
            return asked
        if not SHAPE.fullmatch(asked):
            raise Problem("invalid", "owner: names are hidden here, give the pseudonym as it stands on the page")
        if self._names.name_of(asked) is None:
            await self._look()
        return self._names.name_of(asked) or _NOBODY

    async def _look(self) -> None:
        """Make the pseudonyms of all owners that the read model lists."""
        reading = await self._reader.begin()
        for by in OWNER_ROWS:
            within, last = ListRange(f"rows:{by}"), None
            while members := await self._reader.members(reading, within, last, most=_AT_ONCE):
                for member in members:
                    self._names.of(member.decode())
                last = members[-1]
        self._looked_at = time.monotonic()

    def _sealed(self, page: P) -> P:
        if page.next is None:
            return page
        return page.model_copy(update={"next": self._box.encrypt(page.next.encode()).decode().rstrip("=")})

    def _opened(self, cursor: str | None) -> str | None:
        if cursor is None:
            return None
        try:
            return self._box.decrypt(cursor + "=" * (-len(cursor) % 4)).decode()
        except (InvalidToken, ValueError) as error:
            raise Problem(
                "invalid", "cursor: give `next` of the former page as it was, with the same filters"
            ) from error


def _mapped(model: M, each: Callable[[str, str], str]) -> M:
    """A model with other texts, by the names of their fields."""
    return cast("M", _changed(model, each, ""))


def _changed(value: object, each: Callable[[str, str], str], name: str) -> object:
    match value:
        case BaseModel():
            return value.model_copy(update={field: _changed(one, each, field) for field, one in value})
        case dict():
            return {key: _changed(one, each, str(key)) for key, one in value.items()}
        case list():
            return [_changed(one, each, name) for one in value]
        case str():
            return each(name, value)
    return value
