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
        self._in_texts: dict[str, str] = {}
        self._lengths: dict[str, list[int]] = defaultdict(list)

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
            found = self._at(text, word) if word.start() >= done else None
            if found is not None:
                pseudonym, end = found
                parts += text[done : word.start()], pseudonym
                done = end
        return "".join([*parts, text[done:]])

    def _at(self, text: str, word: re.Match[str]) -> tuple[str, int] | None:
        """The pseudonym of the longest name that begins at a word, and where the name ends."""
        for length in self._lengths.get(word[0].casefold(), ()):
            end = word.start() + length
            pseudonym = self._in_texts.get(text[word.start() : end].casefold())
            ends_inside = bool(_WORD.fullmatch(text[end - 1 : end]) and _WORD.match(text[end : end + 1]))
            if pseudonym is not None and not ends_inside:
                return pseudonym, end
        return None

    def _remember(self, name: str, pseudonym: str) -> None:
        self._pseudonyms[name], self._names[pseudonym] = pseudonym, name
        if first := _WORD.search(name):
            # By words and lengths, not by names: of 100,000 owners all can have the same first word.
            core = name[first.start() :]
            self._in_texts.setdefault(core.casefold(), pseudonym)
            lengths = self._lengths[first[0].casefold()]
            if len(core) not in lengths:
                lengths.append(len(core))
                lengths.sort(reverse=True)
