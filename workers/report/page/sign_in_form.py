"""The form of the sign-in, and where a sign-in may lead to."""

from urllib.parse import urlsplit

from htpy import Node, a, button, code, form, input, label, p  # noqa: A004  # the element

from workers.http.problems import Problem

from .frame import Shown, mark
from .phrases import address, plural

OIDC_PATH = "/sign-in/oidc"
QUESTION = "Sign in to Leadloop"


def local_target(target: str) -> str:
    """The path to return to: one of this site, otherwise that of the first view."""
    is_path = target.startswith("/") and not target.startswith("//")
    is_plain = target.isprintable() and target.isascii() and "\\" not in target and " " not in target
    parts = urlsplit(target) if is_path and is_plain else None
    if parts is None or parts.scheme or parts.netloc or parts.path.startswith(("//", "/sign-")):
        return "/"
    return target


def sign_in_form(target: str, *, has_oidc: bool, refused: Problem | None = None, tries: int = 0) -> Shown:
    """The form; after a key that was `refused`, with how many tries are left."""
    wrong = None if refused is None else p("#wrong.wrong")[mark("stalled"), _wrong(tries)]
    answer: Node = "Sales and marketing see the same leads here."
    if not has_oidc:
        answer = "Sales and marketing see the same leads here. You need a read key."
    if refused is not None and refused.status == 403:  # noqa: PLR2004  # Forbidden
        answer = "That key may not read. Ask whoever runs Leadloop for one with the scope read."
    elif refused is not None:
        answer = (
            "That key was not accepted. Check that it was copied whole, or ask whoever runs Leadloop for a new one."
        )
    content = [
        p[a(".button", href=address(OIDC_PATH, next=target))["Sign in with your work account"]] if has_oidc else None,
        form(".sign-in", method="post", action="/sign-in")[
            input(type="hidden", name="next", value=target),
            label(for_="key")["Read key"],
            p("#hint.soft")[
                "It begins with ",
                code["llk_"],
                ". Whoever runs Leadloop makes one with ",
                code["leadloop keys new --scope read"],
                ".",
            ],
            wrong,
            input(
                "#key",
                type="password",
                name="key",
                autocomplete="current-password",
                required=True,
                spellcheck="false",
                aria_describedby="hint wrong" if wrong else "hint",
                aria_invalid="true" if wrong else None,
            ),
            button(type="submit")["Sign in"],
        ],
        p(".soft")[
            "Your browser keeps a cookie that ends after twelve hours. The key itself is not kept, and never stands in "
            "an address."
        ],
    ]
    return Shown(QUESTION, answer, content, status=refused.status if refused else 200)


def _wrong(tries: int) -> str:
    if not tries:
        return "The key was not accepted. The next try is possible in a minute."
    return (
        f"The key was not accepted. {tries} {plural(tries, 'try is', 'tries are')} left before a pause of one minute."
    )


def signed_out(logout_url: str | None) -> Shown:
    """After a sign-out: the provider still knows the reader. A form may not lead to another site, a link may."""
    also = p[a(href=logout_url)["Sign out there, too"]] if logout_url else None
    return Shown(
        QUESTION,
        "You are signed out of Leadloop. With your work account you are still signed in where you came from.",
        [also, p[a(href="/sign-in")["Sign in again"]]],
    )
