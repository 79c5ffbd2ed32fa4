"""A provider of OpenID Connect in a process of its own, strict where providers are, and wrong where a test asks for it.

It checks the client, the address to return to, the code (once, for a minute) and PKCE. `POST /wrong` with JSON
changes what it does: `claims` replaces claims of ID tokens, `key` signs with a key that is not published, `new_key`
publishes another one, `algorithm` is another one, `status` is that of the token endpoint, `issuer` what it calls
itself, and `no_groups` leaves them to /userinfo.
"""

import hashlib
import hmac
import secrets
import subprocess
import sys
import time
from base64 import b64encode, urlsafe_b64encode
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import msgspec
import uvicorn
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from htpy import body, button, form, h1, html, input, label  # noqa: A004  # the element
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.kafka import free_ports
from tests.waiting import TIMEOUT, wait_for

CLIENT, SECRET = "leadloop-page", "s3cret of the page"
USERS = {
    "ann": {"sub": "u-1", "preferred_username": "ann", "groups": ["sales", "crm-admins"]},
    "bob": {"sub": "u-2", "preferred_username": "bob", "groups": ["sales"]},
    "eve": {"sub": "u-3", "preferred_username": "eve", "groups": ["press"]},
}


class Provider:
    """The state of one process."""

    def __init__(self, port: int, back: str) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.back = back
        self.wrong: dict[str, Any] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.codes: dict[str, tuple[float, dict[str, str], str]] = {}
        self.tokens: dict[str, str] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.discovery),
                Route("/jwks", self.jwks),
                Route("/authorize", self.ask),
                Route("/authorize", self.sign_in, methods=["POST"]),
                Route("/token", self.token, methods=["POST"]),
                Route("/userinfo", self.user_info),
                Route("/logout", self.logout),
                Route("/wrong", self.be_wrong, methods=["POST"]),
            ]
        )

    async def discovery(self, _: Request) -> Response:
        at = self.issuer
        return JSONResponse(
            {
                "issuer": self.wrong.get("issuer", at),
                "authorization_endpoint": f"{at}/authorize",
                "token_endpoint": f"{at}/token",
                "jwks_uri": f"{at}/jwks",
                "userinfo_endpoint": f"{at}/userinfo",
                "end_session_endpoint": f"{at}/logout",
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def jwks(self, _: Request) -> Response:
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def ask(self, request: Request) -> Response:
        asked = dict(request.query_params)
        needed = {
            "client_id": CLIENT,
            "redirect_uri": self.back,
            "response_type": "code",
            "code_challenge_method": "S256",
        }
        wrong = {name: asked.get(name) for name, value in needed.items() if asked.get(name) != value}
        if wrong or not asked.get("nonce") or "openid" not in asked.get("scope", "").split():
            return JSONResponse({"wrong": wrong or "nonce or scope"}, 400)
        fields = [input(type="hidden", name=name, value=value) for name, value in asked.items()]
        user = label["Name ", input(name="user")]
        page = html(lang="en")[body[h1["Company sign-in"], form(method="post")[fields, user, button["Continue"]]]]
        return HTMLResponse(str(page))

    async def sign_in(self, request: Request) -> Response:
        given = await _fields(request)
        user = given["user"]
        if user not in USERS:
            back = {"error": "access_denied", "error_description": "nobody of that name", "state": given["state"]}
            return RedirectResponse(f"{self.back}?{urlencode(back)}", 303)
        code = secrets.token_urlsafe(16)
        self.codes[code] = time.time() + 60, given, user
        return RedirectResponse(f"{self.back}?{urlencode({'code': code, 'state': given['state']})}", 303)

    async def token(self, request: Request) -> Response:
        if "status" in self.wrong:
            return JSONResponse({"error": "server_error"}, int(self.wrong["status"]))
        given = await _fields(request)
        ends, asked, user = self.codes.pop(given.get("code", ""), (0.0, {}, ""))
        if not _is_client(request) or given.get("redirect_uri") != self.back:
            return JSONResponse({"error": "invalid_client"}, 401)
        if time.time() > ends or create_s256_code_challenge(given.get("code_verifier", "")) != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant", "error_description": "this code is not yours"}, 400)
        access = secrets.token_urlsafe(16)
        self.tokens[access] = user
        token = {"access_token": access, "token_type": "Bearer", "expires_in": 60}
        return JSONResponse({**token, "id_token": self._id_token(asked, user)})

    def _id_token(self, asked: dict[str, str], user: str) -> str:
        now = int(time.time())
        claims = {
            **USERS[user],
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        if self.wrong.get("no_groups"):
            del claims["groups"]
        for name, value in self.wrong.get("claims", {}).items():
            claims[name] = now + value["seconds"] if isinstance(value, dict) and "seconds" in value else value
        claims = {name: value for name, value in claims.items() if value is not None}
        algorithm, kid = self.wrong.get("algorithm", "RS256"), str(self.key.kid)
        key: Any = RSAKey.generate_key(2048, {"kid": kid}) if self.wrong.get("key") else self.key
        if algorithm == "HS256":
            return _signed_with(self.key.as_pem(private=False), {"alg": algorithm, "kid": kid}, claims)
        return jwt.encode({"alg": algorithm, "kid": kid}, claims, key, algorithms=[algorithm])

    async def user_info(self, request: Request) -> Response:
        user = self.tokens[request.headers["authorization"].partition(" ")[2]]
        return JSONResponse({**USERS[user], **self.wrong.get("user_info", {})})

    async def logout(self, request: Request) -> Response:
        asked = request.query_params
        is_known = asked["client_id"] == CLIENT and asked["post_logout_redirect_uri"].startswith(
            self.back.split("/sign")[0]
        )
        return HTMLResponse("signed out of the company" if is_known else "unknown client")

    async def be_wrong(self, request: Request) -> Response:
        self.wrong = await request.json()
        if self.wrong.get("new_key"):
            self.key = RSAKey.generate_key(2048, {"kid": "second"})
        return JSONResponse({})


def _signed_with(secret: bytes, *parts: dict[str, Any]) -> str:
    """A token signed with what everybody knows, which libraries refuse to make."""
    signed = b".".join(urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=") for part in parts)
    signature = urlsafe_b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).rstrip(b"=")
    return (signed + b"." + signature).decode()


async def _fields(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


def _is_client(request: Request) -> bool:
    return request.headers.get("authorization") == "Basic " + b64encode(f"{CLIENT}:{SECRET}".encode()).decode()


class RunningProvider:
    """The process."""

    def __init__(self, back: str) -> None:
        (self.port,) = free_ports(1)
        self.back = back
        self.issuer = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", __name__, str(self.port), back]
        self._process = subprocess.Popen(command)

    def __enter__(self) -> Self:
        wait_for(self._answers, TIMEOUT, "the provider answers")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(TIMEOUT)

    def be_wrong(self, **how: Any) -> None:
        """Behave like this until the next call."""
        headers = {"Content-Type": "application/json"}
        with urlopen(HttpRequest(f"{self.issuer}/wrong", msgspec.json.encode(how), headers), timeout=10):  # noqa: S310
            pass

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.issuer}/jwks", timeout=1) as answer:  # noqa: S310
                return int(answer.status) == 200
        except OSError:
            return False


if __name__ == "__main__":
    port = int(sys.argv[1])
    uvicorn.run(Provider(port, sys.argv[2]).app(), host="127.0.0.1", port=port, log_level="warning")
