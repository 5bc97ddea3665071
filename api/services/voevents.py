"""Retirements as VOEvents (IVOA, version 2.0): what brokers and telescopes read.

An event of ours becomes a packet if it brings a label of a subject with a place in the sky. Its name is made of the
label, not of the position: `ivo://AUTHORITY/PROJECT#WORKFLOW.SUBJECT.REVISION`, so that a revision can cite the one
before it, which it supersedes. The time is that of the decision; when the picture was taken, only its metadata know.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree import ElementTree

from api.errors import NoVOEventError

NAMESPACE: Final = "http://www.ivoa.net/xml/VOEvent/v2.0"
SCHEMA: Final = "http://www.ivoa.net/xml/VOEvent/VOEvent-v2.0.xsd"
_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"

UNREGISTERED: Final = "chaffinch.local"
"""The authority of those who have not set one: its packets have the role *test*, which no telescope follows."""

SYSTEM: Final = "UTC-ICRS-TOPO"
POSITION_ERROR_DEGREES: Final = 1 / 3600
"""What a position read from a catalogue or a WCS is good for, as far as we can tell."""

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Control characters and lone surrogates."""

ElementTree.register_namespace("voe", NAMESPACE)
ElementTree.register_namespace("xsi", _INSTANCE)

_PARAMS: Final = (
    ("subject", "subject", "string", "meta.id;meta.main", None, "The subject's public id."),
    ("external_id", "external_id", "string", "meta.id", None, "The researcher's own id of the subject."),
    ("workflow", "workflow_name", "string", "meta.id.part", None, "The workflow that asked the question."),
    ("label", "label", "string", "meta.code.class", None, "yes, no, or none: what the workflow concluded."),
    ("p_yes", "p_yes", "float", "stat.probability", None, "Probability of yes by the votes that were counted."),
    ("votes", "counted", "int", "meta.number", "ct", "Votes that counted."),
    ("reason", "reason", "string", "meta.code", None, "Why the subject was retired, in the words of Panoptes."),
    ("revision", "revision", "int", "meta.version", None, "Counts the revisions of this label, from 1."),
    ("version", "version", "int", "meta.version", None, "The version of the cascade that made the label."),
    ("machine_score", "machine_score", "float", "stat.probability", None, "The score that the workflow begins with."),
)
"""Name, field of the label, type, UCD, unit and meaning of what a packet says of a label."""


def voevent(event: Mapping[str, Any], authority: str, question: str | None = None) -> bytes:
    """Return an event, as `api.services.events` views it, as an XML document in UTF-8.

    Raises
    ------
    NoVOEventError
        The event brings no label, or its subject has no place in the sky.
    """
    label, sky = event.get("label"), event.get("sky")
    if label is None or sky is None:
        missing = "it brings no label" if label is None else f"{event['subject']} has no position in the sky"
        raise NoVOEventError(event["position"], missing)
    stream = f"ivo://{authority}/{event['project']}"
    root = ElementTree.Element(
        f"{{{NAMESPACE}}}VOEvent",
        {
            "version": "2.0",
            "role": "test" if authority == UNREGISTERED else "observation",
            "ivorn": _ivorn(stream, label, label["revision"]),
            f"{{{_INSTANCE}}}schemaLocation": f"{NAMESPACE} {SCHEMA}",
        },
    )
    _who(root, stream, event)
    _what(root, label)
    _where_and_when(root, sky, event["at"])
    how = _add(root, "How")
    _add(how, "Description", "Votes of volunteers, weighed and counted by Chaffinch.")
    _why(root, event, label, question)
    if label["revision"] > 1:
        cited = _add(_add(root, "Citations"), "EventIVORN", _ivorn(stream, label, label["revision"] - 1))
        cited.set("cite", "supersedes")
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _ivorn(stream: str, label: Mapping[str, Any], revision: int) -> str:
    return f"{stream}#{label['workflow']}.{label['subject']}.{revision}"


def _who(root: ElementTree.Element, stream: str, event: Mapping[str, Any]) -> None:
    who = _add(root, "Who")
    _add(who, "AuthorIVORN", stream)
    _add(who, "Date", _iso(event["at"]))
    author = _add(who, "Author")
    _add(author, "title", f"Chaffinch, project {event['project']}")
    _add(author, "shortName", event["project"])
    if "author" in event:
        _add(author, "contributor", event["author"])


def _what(root: ElementTree.Element, label: Mapping[str, Any]) -> None:
    what = _add(root, "What")
    for name, field, kind, ucd, unit, meaning in _PARAMS:
        value = label[field]
        if value is None and field != "label":
            continue
        param = _add(what, "Param")
        about = {"name": name, "value": "none" if value is None else str(value), "dataType": kind, "ucd": ucd}
        for key, text in (about | ({"unit": unit} if unit else {})).items():
            param.set(key, _allowed(text))
        _add(param, "Description", meaning)


def _where_and_when(root: ElementTree.Element, sky: Mapping[str, float], at: datetime) -> None:
    where = _add(_add(root, "WhereWhen"), "ObsDataLocation")
    _add(where, "ObservatoryLocation").set("id", "GEOSURFACE")
    location = _add(where, "ObservationLocation")
    _add(location, "AstroCoordSystem").set("id", SYSTEM)
    coordinates = _add(location, "AstroCoords")
    coordinates.set("coord_system_id", SYSTEM)
    time = _add(coordinates, "Time")
    time.set("unit", "s")
    _add(_add(time, "TimeInstant"), "ISOTime", _iso(at))
    position = _add(coordinates, "Position2D")
    position.set("unit", "deg")
    _add(position, "Name1", "RA")
    _add(position, "Name2", "Dec")
    value = _add(position, "Value2")
    _add(value, "C1", repr(sky["ra"]))
    _add(value, "C2", repr(sky["dec"]))
    _add(position, "Error2Radius", f"{POSITION_ERROR_DEGREES:.6f}")


def _why(root: ElementTree.Element, event: Mapping[str, Any], label: Mapping[str, Any], question: str | None) -> None:
    why = _add(root, "Why")
    inference = _add(why, "Inference")
    answer = label["label"]
    if answer is not None:
        probability = label["p_yes"] if answer == "yes" else 1 - label["p_yes"]
        inference.set("probability", f"{probability:.6f}")
    _add(inference, "Name", f"{label['workflow_name']}: {answer or 'no answer'}")
    if question is not None:
        _add(inference, "Concept", question)
    if "why" in event:
        _add(inference, "Description", event["why"])


def _add(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name)
    child.text = None if text is None else _allowed(text)
    return child


def _allowed(text: str) -> str:
    """Leave out what XML 1.0 has no way to say."""
    return _NOT_XML.sub("", text)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
