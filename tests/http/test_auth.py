"""Who may ask: the token, where it comes from, and what stands beside it in a request."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fakes import ServiceWith
from served import GRAIN, TOKEN, serving

from rag.http.auth import MIN_TOKEN, kept_token


@pytest.fixture
def url(service_with: ServiceWith) -> Iterator[str]:
    with serving(service_with({"grain": GRAIN}), TOKEN) as url:
        yield url


def test_the_token_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    token = kept_token(tmp_path / "indexes")
    assert len(token) >= MIN_TOKEN
    assert kept_token(tmp_path / "indexes") == token
    assert kept_token(tmp_path / "others") != token
    if os.name == "posix":
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
        assert modes == {"indexes": 0o700, "others": 0o700, ".token": 0o600}


@pytest.mark.parametrize(
    "damaged", [b"", b"short", b"\xff" * 40, b"with spaces in the middle of it"]
)
def test_a_kept_token_that_is_none_is_made_again(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / ".token").write_bytes(damaged)
    token = kept_token(tmp_path)
    assert (tmp_path / ".token").read_text() == token


def cookie_of(url: str) -> str:
    """The cookie that the address with the token gives."""
    given = httpx.get(f"{url}/?token={TOKEN}")
    assert given.status_code == 303
    assert "HttpOnly" in given.headers["set-cookie"]
    assert given.headers["referrer-policy"] == "no-referrer"
    return given.headers["set-cookie"].partition(";")[0]


@pytest.mark.parametrize(
    "others",
    [
        "theme=dark",
        "a=1; b=2",
        'json={"a":"b;c"}',
        "=; ;;; =x",
        "bad name=1",
        "a[b]=1",
        "rag_token_1=another server's",
        'quoted="never ends',
        "\xff\xfe=\xff",
        "x" * 4000 + "=1",
        "rag_token=an earlier version's",
    ],
)
def test_the_cookies_of_others_do_no_harm(url: str, others: str) -> None:
    """Browsers send to each port of this machine the cookies of all its ports."""
    ours = cookie_of(url)
    for sent in (f"{others}; {ours}", f"{ours}; {others}", f"{ours};{others};{ours}"):
        answer = httpx.get(f"{url}/v1/documents", headers={"cookie": sent.encode("latin-1")})
        assert answer.status_code == 200, sent
    answer = httpx.get(f"{url}/v1/documents", headers={"cookie": others.encode("latin-1")})
    assert answer.status_code == 401


def test_a_cookie_of_our_name_with_another_value_does_not_hide_ours(url: str) -> None:
    ours = cookie_of(url)
    name = ours.partition("=")[0]
    assert re.fullmatch(r"rag_token_\d+", name)
    for sent in (f"{name}=planted; {ours}", f"{ours}; {name}=planted"):
        assert httpx.get(f"{url}/v1/documents", headers={"cookie": sent}).status_code == 200
    answer = httpx.get(f"{url}/v1/documents", headers={"cookie": f"{name}=planted"})
    assert answer.status_code == 401


def test_the_page_says_which_address_opens_it(url: str) -> None:
    answer = httpx.get(url)
    assert answer.status_code == 401
    assert "rag serve" in answer.text
    assert TOKEN not in answer.text
