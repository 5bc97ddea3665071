"""The pages of the API: complete, whole in themselves, and with examples that the service would take."""

import json
import re
import shlex
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from api.http.kinds import FAULT, KINDS
from api.http.openapi import document
from api.http.reference.endpoints import curl, operations
from api.http.reference.markup import element, prose
from api.http.reference.pages import HEADERS, problem_page, problems_page, reference_page
from api.http.validation import read_body, read_path, read_query
from mobile_schemas.endpoint import Endpoint
from mobile_schemas.endpoints import ENDPOINTS
from mobile_schemas.fields import Model

DOCUMENT = document(ENDPOINTS, "Chaffinch", "1")
OPERATIONS = {operation.name: operation for operation in operations(DOCUMENT)}
KNOWN = {kind.name for kind in (*KINDS.values(), FAULT)}
VOID = {"meta"}


@dataclass
class Page(HTMLParser):
    """What a browser would find in a page."""

    content: bytes
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    text: str = ""
    style: str = ""
    still_open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.still_open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in {"href", "src", "srcset", "action", "style"} or name.startswith("on"):
                self.loaded.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        assert self.still_open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.still_open and self.still_open[-1] == "style":
            self.style += data
        else:
            self.text += data


@pytest.fixture(scope="module")
def reference() -> Page:
    return Page(reference_page(DOCUMENT))


def every_page() -> list[bytes]:
    pages = [problem_page(name, DOCUMENT) for name in sorted(KNOWN)]
    return [reference_page(DOCUMENT), problems_page(), *(page for page in pages if page is not None)]


def test_every_endpoint_and_every_model_is_on_the_page(reference: Page) -> None:
    models = {f"model-{name}" for name in DOCUMENT["components"]["schemas"]}

    assert {endpoint.name for endpoint in ENDPOINTS} | models <= set(reference.ids)
    assert all(endpoint.path in reference.text for endpoint in ENDPOINTS)


def test_no_id_is_given_twice(reference: Page) -> None:
    assert [name for name, times in Counter(reference.ids).items() if times > 1] == []


def test_every_link_leads_somewhere(reference: Page) -> None:
    here = {f"#{name}" for name in reference.ids}
    there = {"/docs", "/problems", "/openapi.json"} | {f"/problems/{name}" for name in KNOWN}
    there |= {f"/docs#{name}" for name in reference.ids}

    for content in every_page():
        page = Page(content)
        assert set(page.links) <= there | (here if content == reference.content else {"#content"})


def test_no_page_loads_anything_or_runs_a_script() -> None:
    for content in every_page():
        page = Page(content)
        assert page.loaded == []
        assert not {"script", "img", "iframe", "object", "form", "base"} & set(page.tags)
        assert "url(" not in page.style
        assert "@import" not in page.style
        assert page.still_open == []


def test_the_policy_allows_the_style_of_the_page_and_nothing_else(reference: Page) -> None:
    policy = dict(HEADERS)[b"content-security-policy"].decode()

    digest = b64encode(sha256(reference.style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "unsafe" not in policy


def test_what_is_put_into_a_page_cannot_break_out_of_it() -> None:
    assert element("p", "<script>", title='"><b>') == '<p title="&quot;&gt;&lt;b&gt;">&lt;script&gt;</p>'
    assert prose("a `<b>` & c") == "a <code>&lt;b&gt;</code> &amp; c"


def test_every_type_of_problem_has_its_page_and_no_other_has() -> None:
    for kind in (*KINDS.values(), FAULT):
        content = problem_page(kind.name, DOCUMENT)
        assert content is not None
        assert f"/problems/{kind.name}" in Page(content).text
    assert problem_page("no-such-problem", DOCUMENT) is None


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_the_service_would_take_what_the_example_sends(endpoint: Endpoint) -> None:
    words = shlex.split(curl(OPERATIONS[endpoint.name], DOCUMENT).replace("\\\n", ""))

    url = urlsplit(words[-1])
    assert ("Authorization: Bearer $TOKEN" in words) is (endpoint.access != "public")
    if endpoint.query is not None:
        read_query(endpoint.query, url.query.encode())
    if endpoint.parameters is not None:
        read_path(endpoint.parameters, path_parameters(endpoint.path, url.path))
    if endpoint.body is not None and issubclass(endpoint.body, Model):
        sent = words[words.index("-d") + 1]
        assert json.loads(sent) is not None
        read_body(endpoint.body, sent.encode())


def path_parameters(template: str, path: str) -> dict[str, Any]:
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+?)", re.escape(template))
    match = re.fullmatch(pattern, path)
    assert match is not None
    return match.groupdict()


def test_an_example_asks_for_no_more_than_it_must() -> None:
    url = urlsplit(curl(OPERATIONS["labels"], DOCUMENT).split()[-1])

    assert parse_qs(url.query) == {}
