"""How every plot looks, and its way from Matplotlib into the page.

A plot is drawn in names for colours, and the page says what they are by day, at night and in print.
What Matplotlib writes as styles becomes attributes, so that the page allows no inline style.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, RULE, ACCENT, CONTRAST, PAPER = (f"#00000{number}" for number in range(1, 7))
"""Names for colours: no plot shows these values."""
_VARIABLES = {
    INK: "ink",
    QUIET: "quiet",
    RULE: "rule",
    ACCENT: "accent",
    CONTRAST: "contrast",
    PAPER: "paper",
}
_POINTS = 72
"""To the inch: a width in CSS pixels is one in points, drawn at its natural size."""
_MARGINS = 40, 10, 44, 26
"""Left, right, bottom and top of a panel, in CSS pixels."""
_PLACES = {"d", "x", "y", "width", "height", "transform", "points"}
_XLINK = "{http://www.w3.org/1999/xlink}href"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "advdistill",
    "text.parse_math": False,  # a label is what somebody wrote, dollar signs and all
    "font.size": 12,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.labelcolor": QUIET,
    "axes.labelsize": 12,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.titlesize": 12.5,
    "axes.unicode_minus": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "grid.color": RULE,
    "grid.linewidth": 1,
    "lines.linewidth": 1.8,
    "text.color": INK,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "ytick.major.size": 0,
    "xtick.major.size": 3,
}
_FONT = re.compile(r"(?:(?P<weight>bold|\d{3}) )?(?P<size>[\d.]+)px")


@contextmanager
def drawing(width: float, height: float, *, panel: bool = False) -> Iterator[Figure]:
    """Yield an empty figure of so many CSS pixels, in the report's style.

    A panel has the margins of all panels, so that those side by side are in line; any other
    figure is laid out around its labels.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**mpl.rcParamsDefault, "backend": "svg", **_STYLE}):
        size = width / _POINTS, height / _POINTS
        figure = Figure(figsize=size, layout=None if panel else "constrained")
        if panel:
            left, right, bottom, top = _MARGINS
            figure.subplots_adjust(
                left=left / width,
                right=1 - right / width,
                bottom=bottom / height,
                top=1 - top / height,
            )
        yield figure


def quiet_axes(axes: Axes, *, x: str, y: str) -> None:
    """Name the axes: what is measured along the bottom, and what upwards, above the plot."""
    axes.set_xlabel(x)
    axes.set_title(y, loc="left", fontsize=12, color=QUIET)


def few_ticks(axes: Axes, *, most: int = 5, whole: bool = False) -> None:
    """Name at most so many places along the bottom, of whole numbers only if asked."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=most, integer=whole))


def framed() -> dict[str, object]:
    """Return the settings of a text that stands on lines: paper behind it."""
    return {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}


def svg_of(figure: Figure, *, name: str, title: str, description: str) -> str:
    """Return the figure as an element of the page, read out by its title and description.

    `name` is the page's only figure of that name. Must be called while `drawing` is open.
    """
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(text.getvalue())
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    _drop(root, {"metadata", "style", "title"})
    for element in root.iter():
        _settle(element, name)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title {name}-description"}
    for place, (tag, words) in enumerate((("title", title), ("desc", description))):
        said = ElementTree.Element(tag, {"id": f"{name}-{_SAID[tag]}"})
        said.text = words
        root.insert(place, said)
    return ElementTree.tostring(root, encoding="unicode")


_SAID = {"title": "title", "desc": "description"}


def _drop(root: ElementTree.Element, tags: set[str]) -> None:
    for parent in list(root.iter()):
        for child in [one for one in parent if one.tag in tags]:
            parent.remove(child)


def _settle(element: ElementTree.Element, name: str) -> None:
    """Make attributes of the styles, variables of the colours, and the ids the page's own."""
    if "style" in element.attrib:
        element.attrib |= _attributes(element.attrib.pop("style"))
    if _XLINK in element.attrib:
        element.set("href", element.attrib.pop(_XLINK).replace("#", f"#{name}-"))
    if "clip-path" in element.attrib:
        element.set("clip-path", element.attrib["clip-path"].replace("#", f"#{name}-"))
    if "id" in element.attrib:
        element.set("id", f"{name}-{element.attrib['id']}")
    if element.get("transform", "").startswith("rotate(-0 "):
        element.attrib.pop("transform")
    if element.tag == "g":
        element.attrib.pop("id", None)
    for key in _PLACES & element.attrib.keys():
        # A hundredth of a pixel.
        element.set(key, re.sub(r"(?<=\d)\.(\d{2})\d+", r".\1", element.attrib[key]))
    element.text = element.text and (element.text.strip() or None)
    element.tail = None


def _attributes(style: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for declaration in filter(None, map(str.strip, style.split(";"))):
        key, _, value = declaration.partition(":")
        value = value.strip()
        if key == "font":
            found |= _font(value)
        elif not key.startswith("font-family"):
            found[key] = f"var(--{_VARIABLES[value]})" if value in _VARIABLES else value
    return found


def _font(value: str) -> dict[str, str]:
    match = _FONT.match(value)
    assert match, value  # Matplotlib writes the weight, if any, and the size in px
    weight = {"font-weight": match["weight"]} if match["weight"] else {}
    return {"font-size": match["size"], **weight}
