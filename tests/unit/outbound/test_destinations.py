"""URLs are read strictly, and as one reader would."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from workers.outbound import Destination, InvalidDestination, UrlPolicy, destination_of

WIDE = UrlPolicy(allow_http=True, ports=frozenset({8080}))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com", Destination("https", "example.com", 443, "/")),
        ("HTTPS://Example.COM/a?b=c", Destination("https", "example.com", 443, "/a?b=c")),
        ("https://example.com:443/", Destination("https", "example.com", 443, "/")),
        ("http://example.com:8080/x", Destination("http", "example.com", 8080, "/x")),
        ("https://bücher.example/", Destination("https", "xn--bcher-kva.example", 443, "/")),
        ("https://93.184.216.34/", Destination("https", "93.184.216.34", 443, "/", ip_address("93.184.216.34"))),
        ("https://[2A00::1]/", Destination("https", "2a00::1", 443, "/", ip_address("2a00::1"))),
    ],
)
def test_a_plain_url_is_accepted(url: str, expected: Destination) -> None:
    assert destination_of(url, WIDE) == expected


def test_http_and_other_ports_are_accepted_only_if_allowed() -> None:
    for url in ("http://example.com/", "https://example.com:8080/", "https://example.com:80/"):
        with pytest.raises(InvalidDestination):
            destination_of(url, UrlPolicy())


@pytest.mark.parametrize(
    "host", ["ｅｘａｍｐｌｅ.com", "exampⓛe.com", "example。com", "example．com", "straße.example", "١.example"]
)
def test_characters_that_are_normalised_to_others_are_rejected(host: str) -> None:
    with pytest.raises(InvalidDestination, match="look like others"):
        destination_of(f"https://{host}/", WIDE)


def test_an_invalid_url_is_reported_with_a_fix_and_without_secrets() -> None:
    with pytest.raises(InvalidDestination) as caught:
        destination_of("https://user:hunter2@example.com/?token=abc", UrlPolicy())
    assert caught.value.fix == "write it as a secret of its own"
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=40) | st.from_regex(r"https?://[^/]{0,20}/?", fullmatch=True))
def test_an_accepted_url_is_parsed_alike_by_the_http_client(url: str) -> None:
    try:
        ours = destination_of(url, WIDE)
    except InvalidDestination:
        return
    theirs = URL(ours.url, encoded=True)
    assert (theirs.scheme, theirs.raw_host, theirs.port) == (ours.scheme, ours.host, ours.port)
    assert theirs.user is None
