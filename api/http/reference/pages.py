"""The pages: the reference of the API, and what each type of problem means."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.resources import files
from inspect import cleandoc
from typing import Final

from api.http.calls import Headers
from api.http.kinds import FAULT, KINDS, Kind
from api.http.reference.endpoints import SERVICE, Document, Operation, endpoint_section, field, operations
from api.http.reference.markup import Html, code, element, joined, link, prose
from api.http.reference.values import Schema, description, model_anchor, type_in_words

STYLE: Final = files(__package__).joinpath("reference.css").read_text()

HEADERS: Final[Headers] = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'sha256-"
        + b64encode(sha256(STYLE.encode()).digest())
        + b"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
)
"""What goes with every page: nothing but our own style may be loaded, whatever should slip into the text."""

_FAULT_MEANING: Final = "Something happened that nobody foresaw. It is logged under the id in `instance`."

_AGAIN: Final = "Sending the same again is safe: nothing is counted twice."

_ADVICE: Final = {
    400: "Send the body that the reference describes, as JSON in UTF-8.",
    401: "Register, or ask for a token, and send it as `Authorization: Bearer TOKEN`.",
    403: "The same request will be refused again, until somebody grants what is missing.",
    404: "The same request will fail again: look up what there is first.",
    405: "The header `Allow` names the methods of this path.",
    409: "Something is in the way: change what you send, or look at what has changed meanwhile.",
    410: "What was here is gone for good: do not ask again.",
    413: "Send less at a time.",
    415: "Say in `Content-Type` what the reference asks for.",
    422: "`errors` names every field that is wrong, and what would be right. Nothing was stored.",
    500: _AGAIN,
    503: f"Wait for as long as `Retry-After` says, and send the same again. {_AGAIN}",
}
"""What a client does, by the status."""


def reference_page(document: Document) -> bytes:
    """Return the reference of an API as a page."""
    found = operations(document)
    nouns = list(dict.fromkeys(operation.noun for operation in found))
    nouns.sort(key=lambda noun: noun == "service")
    grouped = {noun: [operation for operation in found if operation.noun == noun] for noun in nouns}
    info, models = document["info"], document["components"]["schemas"]
    return _page(
        f"{info['title']} API {info['version']}",
        _contents(grouped),
        _introduction(document),
        *(_noun_section(noun, listed, document) for noun, listed in grouped.items()),
        element(
            "section",
            element("h2", "Models"),
            *(_model(name, models[name]) for name in sorted(models)),
            id="models",
        ),
    )


def problems_page() -> bytes:
    """Return the list of all types of problems as a page."""
    kinds = [
        joined(
            element("dt", link(f"/problems/{kind.name}", code(kind.name))),
            element("dd", element("p", element("b", str(kind.status)), f" {kind.title}. ", prose(meaning))),
        )
        for kind, meaning in _meanings()
    ]
    return _page(
        "Types of problems",
        _way_back(),
        element("h1", "Types of problems"),
        element("p", "Whatever goes wrong is told as a problem document (RFC 9457). Its type is one of these."),
        element("dl", *kinds),
    )


def problem_page(name: str, document: Document) -> bytes | None:
    """Return what one type of problem means as a page, or None if there is no such type."""
    kind, meaning = next(((kind, meaning) for kind, meaning in _meanings() if kind.name == name), (None, ""))
    if kind is None:
        return None
    told = [operation for operation in operations(document) if str(kind.status) in operation.about["responses"]]
    return _page(
        kind.title,
        _way_back(),
        element("h1", kind.title),
        element("p", code(f"/problems/{kind.name}"), " with status ", element("b", str(kind.status))),
        *([element("p", prose(meaning))] if meaning else []),
        element("p", prose(_ADVICE.get(kind.status, ""))),
        element("p", prose("The document's `detail` says what happened this time.")),
        element("h2", f"Endpoints that answer {kind.status}"),
        element("ul", *(element("li", link(f"/docs#{each.name}", code(_named(each)))) for each in told))
        if told
        else element("p", "None: it is about the path or the method itself."),
    )


def _named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def _meanings() -> Iterable[tuple[Kind, str]]:
    """Give every kind of problem with what it means: what its class says of itself, where that is not its title."""
    for error, kind in KINDS.items():
        meaning = " ".join(cleandoc(error.__doc__ or "").split("\n\n")[0].split())
        said = meaning.partition("; `")[0].rstrip(".")  # what follows is about the attributes of the class
        yield kind, "" if said == kind.title else f"{said}."
    yield FAULT, _FAULT_MEANING


def _way_back() -> Html:
    links = [("/docs", "All endpoints"), ("/problems", "All types of problems")]
    return element("nav", *(element("p", link(target, text)) for target, text in links), aria_label="Pages")


def _page(title: str, navigation: Html, *content: Html) -> bytes:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(STYLE)),
    )
    skip = link("#content", "Skip to the content", class_="skip")
    body = element("body", skip, navigation, element("main", *content, id="content"))
    return ("<!doctype html>\n" + element("html", head, body, lang="en")).encode()


def _contents(grouped: dict[str, list[Operation]]) -> Html:
    groups = [
        element("li", link(f"#about-{noun}", noun), element("ul", *map(_entry, listed)))
        for noun, listed in grouped.items()
    ]
    return element(
        "nav",
        element("ul", *groups, element("li", link("#models", "models")), element("li", link("/problems", "problems"))),
        aria_label="Contents",
    )


def _entry(operation: Operation) -> Html:
    method = element("span", operation.method, class_=f"method {operation.method.lower()}")
    return element("li", link(f"#{operation.name}", method, Html(" "), operation.path))


def _introduction(document: Document) -> Html:
    info = document["info"]
    token = "Authorization: Bearer TOKEN"  # noqa: S105  # the word, not a token
    return joined(
        element("h1", f"{info['title']} API ", element("small", info["version"])),
        element("p", prose(info["description"])),
        element(
            "p",
            "A token goes along as ",
            code(token),
            ". The examples speak to ",
            code(SERVICE),
            " and take the token from the variable ",
            code("TOKEN"),
            ". The same as a document for machines: ",
            link("/openapi.json", "OpenAPI 3.1"),
            ". What can go wrong: ",
            link("/problems", "types of problems"),
            ".",
        ),
    )


def _noun_section(noun: str, listed: Sequence[Operation], document: Document) -> Html:
    sections = [endpoint_section(operation, document) for operation in listed]
    return element("section", element("h2", noun.capitalize()), *sections, id=f"about-{noun}")


def _model(name: str, schema: Schema) -> Html:
    needed = set(schema.get("required", ()))
    fields = [
        field(key, about, description(about), required=key in needed)
        for key, about in schema.get("properties", {}).items()
    ]
    about = schema.get("description", "")
    return element(
        "section",
        element("h3", link(f"#{model_anchor(name)}", name, class_="self")),
        *([element("p", prose(about))] if about else []),
        element("dl", *fields) if fields else element("p", type_in_words(schema), class_="facts"),
        id=model_anchor(name),
        class_="model",
    )
