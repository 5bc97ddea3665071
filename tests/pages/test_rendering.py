"""Pages become HTML that is safe to show, whatever is written in them."""

from dataclasses import dataclass

import pytest

from api.pages import Rendered, entries, first_picture, steps, summary, whole


@dataclass(frozen=True)
class Picture:
    url: str
    width: int = 640
    height: int = 480


URL = f"/media/{'a' * 64}/640"
SHOWN = {"images/arc.png": Picture(URL)}


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<iframe src='https://evil.example'></iframe>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<javascript:alert(1)>",
        '[x](https://a.example "\\" onmouseover=alert(1)")',
        "![x](javascript:alert(1))",
        '![" onerror="alert(1)](images/arc.png)',
        "![x](https://evil.example/track.png)",
        "```html\n<script>alert(1)</script>\n```",
        "<svg><style><!--</style><img src=x onerror=alert(1)>",
        "## <a href='javascript:alert(1)'>x</a>",
    ],
)
def test_nothing_that_runs_or_loads_from_elsewhere_comes_out(text: str) -> None:
    tags = whole(text, SHOWN).replace("&quot;", "").split("<")[1:]

    for tag in (each.partition(">")[0] for each in tags):
        assert tag.split()[0].strip("/") in {"p", "a", "img", "pre", "code", "h2"}
        names = [part.partition("=")[0] for part in tag.split('"')[::2]]
        assert not [name for name in names if name.strip().startswith("on")]
        assert "script:" not in tag.lower()
        assert "src" not in tag or f'src="{URL}"' in tag


def test_links_open_elsewhere_and_tell_nothing() -> None:
    assert whole("[x](https://a.example) <mailto:ada@a.example>", {}) == (
        '<p><a href="https://a.example" target="_blank" rel="noopener noreferrer">x</a> '
        '<a href="mailto:ada@a.example" target="_blank" rel="noopener noreferrer">mailto:ada@a.example</a></p>'
    )


def test_a_picture_in_running_text_comes_in_its_size_and_an_unknown_one_as_its_text() -> None:
    html = whole("Look: ![A blue *arc*](./images/arc.png) and ![a ring](ring.png)", SHOWN)

    assert html == (
        f'<p>Look: <img src="{URL}" width="640" height="480" alt="A blue arc" loading="lazy"> and a ring</p>'
    )


def test_a_title_is_for_readers_of_the_file() -> None:
    assert whole("# Lenses\n\nText.\n\n# More", {}) == "<p>Text.</p>\n<h1>More</h1>"


def test_tables_and_strikethrough_are_known() -> None:
    html = whole("| a | b |\n|---|--:|\n| ~~x~~ | 2 |", {})

    assert '<th align="right">b</th>' in html
    assert "<td><s>x</s></td>" in html


def test_steps_have_their_picture_beside_their_text() -> None:
    found = steps(
        "# Title\n\n## One\n\n![An arc](images/arc.png)\n\nText.\n\n### More\n\nx\n\n## Two {a}\n\n- y\n", SHOWN
    )

    assert found == [
        Rendered("one", "One", "<p>Text.</p>\n<h3>More</h3>\n<p>x</p>", "images/arc.png", "An arc", None),
        Rendered("two-a", "Two {a}", "<ul>\n<li>y</li>\n</ul>", None, None, None),
    ]


def test_entries_have_ids_of_their_own_and_say_what_they_are_examples_of() -> None:
    text = "## Blue arcs {arc=yes}\nx\n## Blue *arcs* {arc=no}\nx\n## Blåe!\nx\n## ?\nx\n## Blue arcs 2\nx"

    found = [(each.id, each.title, each.example) for each in entries(text, {})]

    assert found == [
        ("blue-arcs", "Blue arcs", ("arc", "yes")),
        ("blue-arcs-2", "Blue arcs", ("arc", "no")),
        ("blåe", "Blåe!", None),
        ("entry", "?", None),
        ("blue-arcs-2-2", "Blue arcs 2", None),
    ]


def test_of_an_entry_only_the_first_picture_is_taken_out() -> None:
    text = "## Arcs\nText ![One](images/arc.png)\nand\n\n[![Two](images/arc.png)](https://a.example)"

    [entry] = entries(text, SHOWN)

    assert (entry.picture, entry.alt) == ("images/arc.png", "One")
    assert entry.html.startswith("<p>Text \nand</p>\n<p><a href=")
    assert entry.html.count("<img") == 1


def test_a_picture_that_was_all_of_a_link_takes_the_link_along() -> None:
    [entry] = entries("## Arcs\n[![One](images/arc.png)](https://a.example)\n\nText", SHOWN)

    assert entry.html == "<p>Text</p>"


def test_a_summary_is_the_first_paragraph_cut_at_a_word() -> None:
    long = "word " * 80

    assert summary("# Title\n\n![An arc](arc.png)\n\nA *blue*\n`arc` &amp; more.\n\nNext.") == "A blue arc & more."
    assert summary(long) == f"{'word ' * 55}word…"
    assert len(summary("x" * 400) or "") == 280
    assert summary("# Title only") is None


def test_the_first_picture_is_found_wherever_it_stands() -> None:
    assert first_picture("a\n\n> - [![x](./a%20b.png)](https://a.example)\n\n![y](c.png)") == "a b.png"
    assert first_picture("none") is None
