"""CVAT: "CVAT for images 1.1" for upload and import, and the labels of the task.

Boxes are in pixels of the picture as shown, which is upright; a rotated box is rotated clockwise about its
centre. Source: https://docs.cvat.ai/docs/manual/advanced/xml_format/
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

import defusedxml.ElementTree as defused
from defusedxml import DTDForbidden

from crowdmask.data.labelling.corrections import Correction, Shape
from crowdmask.data.labelling.drafts import COLOURS, TOOL_LABELS, Draft
from crowdmask.errors import DataError

MAX_XML = 500_000_000
"""Maximum bytes of the annotations in a zip; more would fill the memory."""

_CHUNK = 1 << 20


def labels_text() -> str:
    """Return the labels to paste into the tab "Raw" of a new task."""
    unsure = {
        "name": "unsure",
        "input_type": "checkbox",
        "mutable": False,
        "values": ["false"],
        "default_value": "false",
    }
    labels = [
        {"name": name, "color": COLOURS[name], "type": "rectangle", "attributes": [unsure]}
        for name in TOOL_LABELS
    ]
    return json.dumps(labels, indent=2) + "\n"


def to_xml(drafts: Iterable[Draft]) -> bytes:
    """Return all photos and their faces as one file to upload.

    Raises:
        DataError: a photo's name has a character that XML cannot represent.
    """
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    meta = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    ElementTree.SubElement(meta, "mode").text = "annotation"
    labels = ElementTree.SubElement(meta, "labels")
    for name in TOOL_LABELS:
        ElementTree.SubElement(ElementTree.SubElement(labels, "label"), "name").text = name
    for number, draft in enumerate(drafts):
        photo = draft.photo
        if not photo.photo.isprintable():
            raise DataError(f"{photo.photo!r}: XML cannot hold this name: rename the photo")
        size = {"width": str(photo.width), "height": str(photo.height)}
        image = ElementTree.SubElement(root, "image", {"id": str(number), "name": photo.photo, **size})
        for face in draft.faces:
            edges = zip(("xtl", "ytl", "xbr", "ybr"), (f"{edge:.2f}" for edge in face.box), strict=True)
            about = {"label": face.label, "source": "auto", "occluded": "0", **dict(edges), "z_order": "0"}
            box = ElementTree.SubElement(image, "box", about)
            ElementTree.SubElement(box, "attribute", {"name": "unsure"}).text = str(face.unsure).lower()
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def read_export(content: bytes, name: str) -> Iterator[Correction]:
    """Read an export "CVAT for images 1.1": the XML, or a zip with it.

    Args:
        name: of the file, for messages.
    Raises:
        DataError: it is not such an export.
    """
    if zipfile.is_zipfile(io.BytesIO(content)):
        content = _unzip(content, name)
    try:
        root = parse_xml(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DataError(f"{name}: not readable as XML ({error})") from error
    version = root.findtext("version", "")
    if root.tag != "annotations" or not version.startswith("1."):
        raise DataError(f"{name}: not of the format 'CVAT for images 1.1'")
    if root.find("track") is not None:
        raise DataError(f"{name}: it holds tracks of a video: export the task as 'CVAT for images 1.1'")
    for image in root.iter("image"):
        yield _correction(image)


def parse_xml(content: bytes) -> ElementTree.Element:
    """Parse untrusted XML.

    Annotations need no document type. Without one no entity can be declared, so none can expand endlessly
    or read a file.

    Raises:
        ValueError: it has a document type.
        ElementTree.ParseError: it is not well-formed.
    """
    try:
        return defused.fromstring(content, forbid_dtd=True)
    except DTDForbidden as error:
        raise ValueError("it declares a document type; refused") from error


def _unzip(content: bytes, name: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [i for i in archive.infolist() if i.filename.rpartition("/")[2] == "annotations.xml"]
            if len(members) != 1:
                raise DataError(f"{name}: the zip holds {len(members)} files annotations.xml, not one")
            parts = []
            size = 0
            with archive.open(members[0]) as file:
                # The size stated in the zip may be wrong.
                while part := file.read(_CHUNK):
                    size += len(part)
                    if size > MAX_XML:
                        raise DataError(f"{name}: its annotations.xml has more than {MAX_XML:,} bytes")
                    parts.append(part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise DataError(f"{name}: not readable as a zip ({error})") from error
    return b"".join(parts)


def _correction(image: ElementTree.Element) -> Correction:
    shapes = []
    problems = []
    for item in image:
        if item.tag != "box":
            problems.append(f"a {item.tag}, not a box")
            continue
        try:
            left, top, right, bottom = (float(item.attrib[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
            turn = float(item.get("rotation", "0"))
            xywh = (left, top, right - left, bottom - top)
            shapes.append(Shape(item.attrib["label"], xywh, turn, "centre"))
        except KeyError as error:
            problems.append(f"a box without {error}")
        except ValueError as error:
            problems.append(f"a box that is not a number ({error})")
    size = None
    try:
        size = (float(image.attrib["width"]), float(image.attrib["height"]))
    except (KeyError, ValueError):
        problems.append("no width and height")
    return Correction(tuple(filter(None, [image.get("name")])), tuple(shapes), size, problems=tuple(problems))
