"""Drawings (SVG) from elsewhere: which of them may stand in a page as they are."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

from core.shapes import is_say

ELEMENTS = {"svg", "g", "line", "polyline", "path", "rect", "circle", "text", "tspan"}
NUMBERS = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "points", "d"}
SAID = {"data-say", "data-say-aria-label"}
ENDS = {"data-x0", "data-x1", "data-y0", "data-y1", "data-low", "data-high"}  # of a chart's axes
ATTRIBUTES = {"class", "viewBox", "role", "aria-label", "text-anchor"}
CLASSES = re.compile(r"(chart(-[a-z]+)*|first|second|third|fourth|signal|noise|difference)?")
DEEP = 8  # elements within one another


def harm(svg: str) -> str:
    """Why a drawing must not enter a page, in a few words; "" where it may.

    What is not on the lists above is harm: no script, style, address, event or foreign element is
    let in. Comments, CDATA, doctypes and entities are read in one way by XML and in another by the
    HTML parser of a browser, so none of them may be there either; what is left both read alike.
    """
    if "<!" in svg or "<?" in svg:
        return "has a comment, a doctype or an instruction"
    try:
        root = ElementTree.fromstring(svg)
    except (ElementTree.ParseError, ValueError) as error:
        return f"is not well-formed ({error})"
    if root.tag != "svg":
        return "is no svg"
    waiting = [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        if element.tag not in ELEMENTS or depth > DEEP:
            return f"has an element {element.tag[:40]} that is not allowed there"
        for name, value in element.attrib.items():
            if not is_allowed(name, value):
                return f"has an attribute {name[:40]} that is not allowed so"
        waiting += ((each, depth + 1) for each in element)
    return ""


def is_allowed(name: str, value: str) -> bool:
    """Whether an attribute is on the list and can do no harm."""
    if name == "class":
        return all(CLASSES.fullmatch(each) for each in value.split())
    if name in SAID:
        try:
            return is_say(json.loads(value))
        except (ValueError, RecursionError):
            return False
    return name in NUMBERS | ENDS | ATTRIBUTES
