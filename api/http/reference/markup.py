"""HTML that cannot be broken by what is put into it: all text is escaped, unless it is HTML of ours already."""

import re
from html import escape
from typing import Final

_CODE: Final = re.compile(r"`([^`]+)`")
_VOID: Final = frozenset({"link", "meta"})


class Html(str):
    """Text that is HTML."""

    __slots__ = ()


def joined(*parts: str) -> Html:
    """Return the parts behind one another, with those escaped that are mere text."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


def element(name: str, /, *children: str, **attributes: str) -> Html:
    """Return an element; `class_` stands for `class`, `aria_label` for `aria-label`; empty attributes are left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items() if value
    )
    return Html(f"<{name}{written}>" + ("" if name in _VOID else f"{joined(*children)}</{name}>"))


def link(target: str, /, *children: str, **attributes: str) -> Html:
    """Return a link."""
    return element("a", *children, href=target, **attributes)


def code(text: str) -> Html:
    """Return text as code."""
    return element("code", text)


def prose(text: str) -> Html:
    """Return a sentence, with what stands between backticks as code."""
    parts = _CODE.split(text)
    return joined(*(code(part) if place % 2 else part for place, part in enumerate(parts)))
