"""Pseudonyms of owners: derived from the secret of the page, so that only who has the secret can make them."""

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from collections import defaultdict

SHAPE = re.compile(r"owner [A-Z2-7]{4}-[A-Z2-7]{4}")
_WORD = re.compile(r"\w+")


class OwnerPseudonyms:
    """Makes pseudonyms, and remembers whose they are.

    Args:
        secret: Of the page; empty: a random one of this process, whose pseudonyms nobody else makes.
    """

    def __init__(self, secret: str = "") -> None:
        self._key = hashlib.sha256(b"leadloop-owner" + (secret or secrets.token_urlsafe(32)).encode()).digest()
        self._pseudonyms: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._by_word: dict[str, list[str]] = defaultdict(list)

    def of(self, name: str) -> str:
        """`owner 7F3K-Q2MD`: 40 bits of an HMAC of the name; nobody stays nobody."""
        if not name:
            return ""
        if name not in self._pseudonyms:
            digest = b32encode(hmac.digest(self._key, name.encode(errors="surrogatepass"), "sha256")).decode()
            self._remember(name, f"owner {digest[:4]}-{digest[4:8]}")
        return self._pseudonyms[name]

    def name_of(self, pseudonym: str) -> str | None:
        """Whose it is; None: of nobody whose pseudonym was made here so far."""
        return self._names.get(pseudonym)

    def in_text(self, text: str) -> str:
        """The text with pseudonyms for the names so far, where one stands as words of its own, in any case."""
        parts, done = list[str](), 0
        for word in _WORD.finditer(text):
            name = self._at(text, word) if word.start() >= done else None
            if name is not None:
                parts += text[done : word.start()], self._pseudonyms[name]
                done = word.start() + len(_from_word(name))
        return "".join([*parts, text[done:]])

    def _at(self, text: str, word: re.Match[str]) -> str | None:
        """The longest name that begins at a word."""
        for name in self._by_word.get(word[0].casefold(), ()):
            core = _from_word(name)
            end = word.start() + len(core)
            ends_inside = bool(_WORD.fullmatch(core[-1:]) and _WORD.match(text[end : end + 1]))
            if text[word.start() : end].casefold() == core.casefold() and not ends_inside:
                return name
        return None

    def _remember(self, name: str, pseudonym: str) -> None:
        self._pseudonyms[name], self._names[pseudonym] = pseudonym, name
        if first := _WORD.search(name):
            alike = self._by_word[first[0].casefold()]
            alike.append(name)
            alike.sort(key=len, reverse=True)


def _from_word(name: str) -> str:
    """A name from its first word on."""
    found = _WORD.search(name)
    return name[found.start() :] if found else name
