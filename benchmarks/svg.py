"""Charts as plain SVG: axes, lines, dots and words, for pages that load nothing from elsewhere."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

INK: Final = "#24292f"
FAINT: Final = "#d0d7de"
FONT: Final = "font-family='system-ui, sans-serif' font-size='12'"


@dataclass(frozen=True, slots=True)
class Axis:
    """Values between two ends, on a linear or a logarithmic scale, with those that are written beside it."""

    least: float
    most: float
    ticks: Sequence[float]
    logarithmic: bool = False
    written: Callable[[float], str] = "{:g}".format

    def share(self, value: float) -> float:
        """Return how far along the axis a value lies, 0 to 1; what lies beyond an end is put there."""
        scale = math.log if self.logarithmic else float
        value = min(max(value, self.least), self.most)
        return (scale(value) - scale(self.least)) / (scale(self.most) - scale(self.least))


@dataclass(slots=True)
class Panel:
    """A rectangle with two axes, into which lines and dots are drawn, in pixels from the top left of the drawing."""

    left: float
    top: float
    width: float
    height: float
    x: Axis
    y: Axis
    title: str
    parts: list[str] = field(default_factory=list)

    def across(self, value: float) -> float:
        """Return the place of a value on the horizontal axis."""
        return self.left + self.width * self.x.share(value)

    def down(self, value: float) -> float:
        """Return the place of a value on the vertical axis."""
        return self.top + self.height * (1 - self.y.share(value))

    def line(self, points: Iterable[Sequence[float]], colour: str, *, width: float = 1.5, dashes: str = "") -> None:
        """Draw a line through points."""
        path = " ".join(f"{self.across(x):.1f},{self.down(y):.1f}" for x, y in points)
        dashed = f" stroke-dasharray='{dashes}'" if dashes else ""
        self.parts.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='{width}'{dashed}/>")

    def dot(self, x: float, y: float, colour: str, meaning: str, *, radius: float = 4.5, hollow: bool = False) -> None:
        """Draw a dot that says what it means when it is pointed at."""
        fill = f"fill='#fff' stroke='{colour}' stroke-width='2'" if hollow else f"fill='{colour}'"
        place = f"cx='{self.across(x):.1f}' cy='{self.down(y):.1f}' r='{radius}'"
        self.parts.append(f"<circle {place} {fill}><title>{escape(meaning)}</title></circle>")

    def drawn(self) -> str:
        """Return the panel with its axes."""
        grid = [
            f"<line x1='{self.across(tick):.1f}' y1='{self.top}' x2='{self.across(tick):.1f}'"
            f" y2='{self.top + self.height}' stroke='{FAINT}'/>"
            + text(self.across(tick), self.top + self.height + 16, self.x.written(tick), "middle")
            for tick in self.x.ticks
        ]
        grid += [
            f"<line x1='{self.left}' y1='{self.down(tick):.1f}' x2='{self.left + self.width}'"
            f" y2='{self.down(tick):.1f}' stroke='{FAINT}'/>"
            + text(self.left - 6, self.down(tick) + 4, self.y.written(tick), "end")
            for tick in self.y.ticks
        ]
        return "\n".join([*grid, text(self.left, self.top - 8, self.title, bold=True), *self.parts])


def text(x: float, y: float, words: str, anchor: str = "start", *, bold: bool = False) -> str:
    """Return words at a place, of which the anchor is start, middle or end."""
    weight = " font-weight='600'" if bold else ""
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'{weight}>{escape(words)}</text>"


def key(entries: Sequence[tuple[str, str, bool]], left: float, top: float) -> str:
    """Return a row of colours with their names, each hollow or not."""
    parts = []
    for name, colour, hollow in entries:
        fill = f"fill='#fff' stroke='{colour}' stroke-width='2'" if hollow else f"fill='{colour}'"
        parts.append(f"<circle cx='{left:.1f}' cy='{top - 4}' r='4.5' {fill}/>" + text(left + 9, top, name))
        left += 28 + 6.6 * len(name)
    return "\n".join(parts)


def drawing(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """Return a whole drawing, on white, so that it reads on dark pages too."""
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:g} {height:g}' width='{width:g}'"
        f" role='img' fill='{INK}' {FONT}>\n<title>{escape(title)}</title>\n"
        f"<rect width='{width:g}' height='{height:g}' fill='#fff' rx='6'/>\n" + "\n".join(parts) + "\n</svg>\n"
    )
