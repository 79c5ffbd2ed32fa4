"""The client of an OpenID Connect provider: authorization code with PKCE, state and nonce; discovery; ID tokens.

The protocol (PKCE, client authentication, claims) is Authlib's, signatures are joserfc's. The transport is aiohttp, as
for all other outbound calls. Only the configured issuer, and what its discovery document names, is called.

    ProviderAway      it does not answer, or not as OpenID Connect demands: try again later, or correct the settings
    ProviderRefused   this sign-in is refused: what the provider returned proves nothing
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import aiohttp
from authlib.oauth2 import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from streams.runtime.page_settings import OidcSettings

CALLBACK = "/sign-in/oidc/callback"
CLOCK_SKEW_SECONDS = 120
REQUEST_SECONDS = 10.0
METADATA_SECONDS = 3600.0
MOST_BYTES = 1_048_576
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""With a key pair: none of those where who verifies a token could also make one."""
_WELL_KNOWN = "/.well-known/openid-configuration"


class ProviderAway(Exception):
    """The provider cannot be used now. The message says why."""


class ProviderRefused(Exception):
    """A sign-in is refused. The message says why."""


class Flow(NamedTuple):
    """What a sign-in is begun with, and what its end is checked by."""

    state: str
    nonce: str
    verifier: str


class Person(NamedTuple):
    """Who signed in: what people call them, the provider's lasting name of them, and their groups."""

    name: str
    subject: str
    groups: tuple[str, ...]


class OidcProvider:
    """One provider.

    Args:
        settings: Of OpenID Connect.
        address: Of the page.
        clock: Epoch seconds.
    """

    def __init__(self, settings: OidcSettings, address: str, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._redirect = address + CALLBACK
        self._clock = clock
        self._known: tuple[float, Mapping[str, Any]] = (0.0, {})
        self._keys: KeySet | None = None
        self._looking = asyncio.Lock()

    async def authorization_url(self, flow: Flow) -> str:
        """Where the browser goes to sign in. Raises ProviderAway."""
        metadata = await self._metadata()
        return str(
            prepare_grant_uri(
                metadata["authorization_endpoint"],
                self._settings.client_id,
                "code",
                redirect_uri=self._redirect,
                scope=self._settings.scopes,
                state=flow.state,
                nonce=flow.nonce,
                code_challenge=create_s256_code_challenge(flow.verifier),
                code_challenge_method="S256",
            )
        )

    async def logout_url(self, back: str) -> str | None:
        """Where a browser ends its session at the provider and returns to `back`; None if that cannot be known."""
        try:
            endpoint = (await self._metadata()).get("end_session_endpoint")
        except ProviderAway:
            return None
        if not isinstance(endpoint, str) or not self._is_allowed(endpoint):
            return None
        given = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back}
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(given)}"

    async def person(self, code: str, flow: Flow) -> Person:
        """Exchange a code for the person that signed in. Raises ProviderAway, ProviderRefused."""
        token = await self._exchange(code, flow)
        claims = await self._verified(token, flow)
        claim = self._settings.groups_claim
        if _at(claims, claim) is None or not _name(claims):
            claims = {**await self._user_info(token, str(claims["sub"])), **claims}
        subject = str(claims["sub"])
        return Person(_name(claims) or subject, subject, _texts(_at(claims, claim)))

    async def _exchange(self, code: str, flow: Flow) -> Mapping[str, Any]:
        metadata = await self._metadata()
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        auth = ClientAuth(self._settings.client_id, self._settings.client_secret, method)
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect}
        form = urlencode({**given, "code_verifier": flow.verifier})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        uri, headers, form = auth.prepare("POST", metadata["token_endpoint"], headers, form)
        status, answer = await self._call("POST", uri, headers, form)
        if status >= 500:  # noqa: PLR2004  # its own error
            raise ProviderAway(f"the sign-in service answers {status}")
        if status != 200:  # noqa: PLR2004  # OK
            said = answer.get("error_description") or answer.get("error") or f"status {status}"
            raise ProviderRefused(f"the sign-in service did not accept the code: {str(said)[:200]}")
        return answer

    async def _verified(self, token: Mapping[str, Any], flow: Flow) -> Mapping[str, Any]:
        """The claims of an ID token that this provider made for us, now, and for this sign-in."""
        metadata = await self._metadata()
        named = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        algorithms = [one for one in ALGORITHMS if one in named]
        parsed = await self._decoded(str(token.get("id_token", "")), algorithms)
        expected: Any = {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }
        params = {
            "nonce": flow.nonce,
            "client_id": self._settings.client_id,
            "access_token": token.get("access_token"),
        }
        claims = CodeIDToken(parsed.claims, parsed.header, expected, params)
        try:
            claims.validate(now=int(self._clock()), leeway=CLOCK_SKEW_SECONDS)
        except JoseError as error:
            raise ProviderRefused(
                f"the identity token is not valid here ({error.error}: {error.description}); if it is its time, the "
                "clocks of the sign-in service and of this server differ"
            ) from error
        return dict(claims)

    async def _decoded(self, token: str, algorithms: list[str]) -> jwt.Token:
        try:
            try:
                return jwt.decode(token, await self._key_set(), algorithms=algorithms)
            except InvalidKeyIdError:  # the provider has a new key
                self._keys = None
                return jwt.decode(token, await self._key_set(), algorithms=algorithms)
        except (JoseError, ValueError) as error:
            raise ProviderRefused(f"the identity token is not signed by the sign-in service: {error}") from error

    async def _user_info(self, token: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
        endpoint = (await self._metadata()).get("userinfo_endpoint")
        if not isinstance(endpoint, str) or not self._is_allowed(endpoint):
            return {}
        status, answer = await self._call("GET", endpoint, {"Authorization": f"Bearer {token.get('access_token', '')}"})
        return answer if status == 200 and answer.get("sub") == subject else {}  # noqa: PLR2004  # OK

    async def _key_set(self) -> KeySet:
        if self._keys is None:
            status, answer = await self._call("GET", (await self._metadata())["jwks_uri"], {})
            if status != 200:  # noqa: PLR2004  # OK
                raise ProviderAway(f"the keys of the sign-in service cannot be read: status {status}")
            try:
                self._keys = KeySet.import_key_set(answer)  # type: ignore[arg-type]  # what it is, it checks itself
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise ProviderAway(f"the keys of the sign-in service cannot be used: {error}") from error
        return self._keys

    async def _metadata(self) -> Mapping[str, Any]:
        async with self._looking:
            read_at, metadata = self._known
            if not metadata or time.monotonic() - read_at > METADATA_SECONDS:
                metadata = await self._discovered()
                self._known = time.monotonic(), metadata
                self._keys = None
        return metadata

    async def _discovered(self) -> Mapping[str, Any]:
        issuer = self._settings.issuer
        status, metadata = await self._call("GET", issuer.rstrip("/") + _WELL_KNOWN, {})
        if status != 200:  # noqa: PLR2004  # OK
            raise ProviderAway(f"{issuer}{_WELL_KNOWN} answers {status}: is LEADLOOP_OIDC_ISSUER right?")
        if metadata.get("issuer") != issuer:
            raise ProviderAway(f"the issuer calls itself {metadata.get('issuer')!r}: set LEADLOOP_OIDC_ISSUER to that")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(metadata.get(name), str) or not self._is_allowed(metadata[name]):
                raise ProviderAway(f"the discovery document of {issuer} has no usable {name}")
        return metadata

    def _is_allowed(self, address: str) -> bool:
        """Whether an address of the discovery document is as safe as that of the issuer."""
        return urlsplit(address).scheme in {"https", urlsplit(self._settings.issuer).scheme}

    async def _call(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object of a response; redirects are not followed."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as client,
                client.request(
                    method,
                    url,
                    data=body,
                    headers={**headers, "Accept": "application/json"},
                    allow_redirects=False,
                ) as response,
            ):
                content = await response.content.read(MOST_BYTES)
                while len(content) < MOST_BYTES and (more := await response.content.read(MOST_BYTES - len(content))):
                    content += more
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ProviderAway(f"{urlsplit(url).netloc} does not answer ({type(error).__name__})") from error
        try:
            parsed = json.loads(content)
        except ValueError:
            parsed = {}
        return response.status, parsed if isinstance(parsed, dict) else {}


def _at(claims: Mapping[str, Any], name: str) -> Any:
    """A claim; with dots, one inside others: `realm_access.roles`."""
    if name in claims or "." not in name:
        return claims.get(name)
    first, _, rest = name.partition(".")
    inner = claims.get(first)
    return _at(inner, rest) if isinstance(inner, dict) else None


def _name(claims: Mapping[str, Any]) -> str:
    found = (claims.get(one) for one in ("preferred_username", "email", "name"))
    return next((one[:200] for one in found if isinstance(one, str) and one and one.isprintable()), "")


def _texts(value: Any) -> tuple[str, ...]:
    several = value if isinstance(value, list) else [value]
    return tuple(one for one in several if isinstance(one, str))
