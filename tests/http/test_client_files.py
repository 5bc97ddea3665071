"""The files of the client as they are sent, and the page that comes with its first replies."""

import gzip
import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.errors import DatabaseUnavailableError
from api.http.calls import Reply
from api.http.client_files import ClientFile, ClientFiles
from api.metrics import exposition
from api.routes.client import Client
from api.services.house import Services
from tests.http.garden import problem
from tests.http.shell import FONT, PAGE, SCRIPT, a_built_client

SCRIPT_PATH, FONT_PATH = "/assets/index-1a2b.js", "/assets/serif-3c4d.woff2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_built_client(tmp_path / "client")


@pytest.fixture
def files(folder: Path) -> ClientFiles:
    return ClientFiles(folder)


def accepting(encoding: str) -> list[tuple[bytes, bytes]]:
    return [(b"accept-encoding", encoding.encode())]


def headers(reply: Reply) -> dict[str, str]:
    assert len(dict(reply.headers)) == len(reply.headers)
    return {name.decode(): value.decode() for name, value in reply.headers}


def file(files: ClientFiles, path: str) -> ClientFile:
    found = files.file(path)
    assert found is not None
    return found


def text(reply: Reply) -> str:
    assert isinstance(reply.content, bytes)
    return reply.content.decode()


@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate, br, zstd", "br;q=1, gzip;q=0.8", "br,gzip;q=1.0"])
def test_a_file_is_packed_for_those_who_take_gzip(files: ClientFiles, accepted: str) -> None:
    reply = file(files, SCRIPT_PATH).reply(accepting(accepted))

    assert isinstance(reply.content, bytes)
    assert gzip.decompress(reply.content).decode() == SCRIPT
    assert len(reply.content) < len(SCRIPT)
    assert headers(reply)["content-encoding"] == "gzip"
    assert headers(reply)["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepted", ["", "br", "identity", "gzip;q=0", "gzip;q=0.000, br", "gzip ; q=0 , br", "*"])
def test_a_file_is_sent_as_it_is_to_those_who_do_not(files: ClientFiles, accepted: str) -> None:
    reply = file(files, SCRIPT_PATH).reply(accepting(accepted))

    assert text(reply) == SCRIPT
    assert "content-encoding" not in headers(reply)
    assert headers(reply)["vary"] == "Accept-Encoding"


def test_what_is_packed_already_is_not_packed_again(files: ClientFiles) -> None:
    reply = file(files, FONT_PATH).reply(accepting("gzip"))

    assert reply.content == FONT
    assert "content-encoding" not in headers(reply)


@pytest.mark.parametrize(
    ("path", "media_type", "cached"),
    [
        (SCRIPT_PATH, "text/javascript", "public, max-age=31536000, immutable"),
        (FONT_PATH, "font/woff2", "public, max-age=31536000, immutable"),
        ("/service-worker.js", "text/javascript", "no-cache"),
        ("/manifest.webmanifest", "application/manifest+json", "no-cache"),
    ],
)
def test_what_has_its_hash_in_its_name_is_kept_for_ever(
    files: ClientFiles, path: str, media_type: str, cached: str
) -> None:
    told = headers(file(files, path).reply([]))

    assert (told["content-type"], told["cache-control"]) == (media_type, cached)
    assert told["x-content-type-options"] == "nosniff"


def test_who_has_a_file_is_not_sent_it_again(files: ClientFiles, folder: Path) -> None:
    worker = file(files, "/service-worker.js")
    tag = headers(worker.reply([]))["etag"]
    (folder / "service-worker.js").write_text(SCRIPT + "// a newer one\n")

    same = worker.reply([(b"if-none-match", f'"other", W/{tag}'.encode()), *accepting("gzip")])
    newer = file(ClientFiles(folder), "/service-worker.js").reply([(b"if-none-match", tag.encode())])

    assert (same.status, same.content) == (304, b"")
    assert {"cache-control": "no-cache", "etag": tag, "vary": "Accept-Encoding"}.items() <= headers(same).items()
    assert (newer.status, newer.content) == (200, (folder / "service-worker.js").read_bytes())


@pytest.mark.parametrize("path", ["/", "/index.html", "/assets", "/assets/", "/assets/../index.html", "//assets", ""])
def test_only_what_lies_in_the_build_is_a_file(files: ClientFiles, path: str) -> None:
    assert files.file(path) is None


def test_the_page_may_use_what_is_ours_and_the_styles_that_are_in_it(folder: Path) -> None:
    styles = ["body{margin:0}", "\n  p { color: red }\n"]
    page = PAGE.replace("</head>", f"<style>{styles[1]}</style></head>")
    (folder / "index.html").write_text(page)

    policy = headers(ClientFiles(folder).page([], {}))["content-security-policy"]

    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    hashes = [f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" for style in styles]
    assert rules["style-src"].split() == ["'self'", *hashes]
    assert rules["default-src"] == "'self'"
    assert "script-src" not in rules
    assert "unsafe" not in policy


def test_the_page_is_asked_for_again_each_time_and_packed(files: ClientFiles) -> None:
    plain, packed = files.page([], {"/v1/projects": []}), files.page(accepting("gzip"), {"/v1/projects": []})

    assert isinstance(packed.content, bytes)
    assert gzip.decompress(packed.content).decode() == text(plain)
    assert headers(packed) == headers(plain) | {"content-encoding": "gzip"}
    assert headers(plain)["cache-control"] == "no-cache"
    assert headers(plain)["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "said", ["</script><script>alert(1)</script>", "<!-- <script>", "a\u2028b\u2029c", "&lt; \\u003c", "öß 🐦"]
)
def test_nothing_in_a_reply_ends_the_block_of_data(files: ClientFiles, said: str) -> None:
    replies = {"/v1/projects/finches": {"title": said, said: [said]}}

    page = text(files.page([], replies))

    [block] = re.findall(r'<script type="application/json" id="replies">(.*?)</script>', page, re.DOTALL)
    assert json.loads(block) == replies
    assert not {"<", "\u2028", "\u2029"} & set(block)
    assert page.count("<script") == 2


def test_a_title_is_taken_word_for_word(files: ClientFiles) -> None:
    title, about = r"Finches \1 \g<0>", '<meta property="og:type" />'

    page = text(files.page([], {}, title, about))

    assert page == PAGE.replace("Chaffinch", title).replace("<!--chaffinch-->", about)


def nobody() -> Services:
    raise AssertionError("this page needs no service")


def away() -> Services:
    raise DatabaseUnavailableError(retry_after_seconds=7)


def a_browser(files: ClientFiles, services: Any = nobody) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=Client(services, "off", files))
    return httpx2.AsyncClient(transport=transport, base_url="http://finches")


async def test_a_client_that_is_not_built_says_what_to_do(tmp_path: Path) -> None:
    files = ClientFiles(tmp_path / "nothing")

    async with a_browser(files) as browser:
        told = [problem(await browser.get(path)) for path in ("/", "/p/finches", "/s/S1")]

    assert not files.built
    assert {each["type"] for each in told} == {"/problems/client-not-built"}
    assert all("make client" in each["detail"] for each in told)
    with pytest.raises(LookupError):
        files.page([], {})


async def test_a_page_whose_reply_cannot_be_had_still_comes(files: ClientFiles) -> None:
    async with a_browser(files, away) as browser:
        page = await browser.get("/p/finches")

    assert (page.status_code, page.text) == (503, PAGE.replace("<!--chaffinch-->", ""))


async def test_a_file_that_a_browser_has_gets_no_length(files: ClientFiles) -> None:
    async with a_browser(files) as browser:
        tag = (await browser.get(SCRIPT_PATH)).headers["etag"]
        same = await browser.get(SCRIPT_PATH, headers={"if-none-match": tag})

    assert (same.status_code, same.content) == (304, b"")
    assert "content-length" not in same.headers


async def test_pages_and_files_are_counted_together_whatever_their_address(files: ClientFiles) -> None:
    async with a_browser(files) as browser:
        for path in ("/", "/settings", SCRIPT_PATH, "/p/UPPER"):
            await browser.get(path)

    told = exposition([], "")[0].decode()
    assert 'chaffinch_requests_total{endpoint="client_page",method="GET",status="200"}' in told
    assert 'chaffinch_requests_total{endpoint="client_file",method="GET",status="200"}' in told
    assert not any(path in told for path in ("settings", "1a2b", "UPPER"))
