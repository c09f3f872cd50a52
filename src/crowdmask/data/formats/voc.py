"""Pascal VOC: one XML file a picture."""

from __future__ import annotations

import codecs
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import defusedxml.ElementTree as defused
from defusedxml import EntitiesForbidden

from crowdmask.data.formats.annotation import Annotation, RawBox, stated_size
from crowdmask.data.formats.box_rules import IGNORE
from crowdmask.data.formats.finding import (
    below,
    find_files,
    first_files,
    first_folder,
    picture_for,
    read_head,
    safe_relative,
)
from crowdmask.data.formats.item import Item, by_split, faces_of, is_ignored, write_text
from crowdmask.data.problems import Problems, Reason
from crowdmask.drawing import palette
from crowdmask.labels import LABELS

MAX_XML_BYTES = 20_000_000
"""Maximum size of the annotation of one picture."""

_ROOT = re.compile(r"<annotation[\s>]", re.IGNORECASE)
_ENCODING = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_OTHERS = {"dataset": ", as dlib's imglab writes it", "annotations": ", as CVAT writes its own XML"}


def read_voc(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read Pascal VOC: ``annotations/*.xml`` (or ``Annotations``) beside ``images`` (or ``JPEGImages``).

    Subfolders are read, too (``train/annotations`` beside ``train/images``), and also a folder with
    both kinds of files. ``<ignore>1</ignore>`` in an object is our extension: an ignored region; so is
    ``<origin>1</origin>``: left and top edges count from 1. ``difficult`` is not read, since annotation tools
    use it in different ways.
    """
    xml_folder = first_folder(folder, ("annotations", "Annotations", "."))
    picture_folder = first_folder(folder, ("images", "JPEGImages", "Images", "."))
    for path in find_files(xml_folder, "*.xml", problems):
        try:
            if path.stat().st_size > MAX_XML_BYTES:
                problems.add(path, f"more than {MAX_XML_BYTES:,} bytes of XML for one picture", Reason.BROKEN)
                continue
            # Entities can expand to gigabytes during parsing; no annotation needs them.
            root = _plain(defused.fromstring(decode_xml(path.read_bytes())))
        except EntitiesForbidden:
            problems.add(path, "declares XML entities; refused", Reason.ENTITIES)
            continue
        except (ElementTree.ParseError, ValueError, OSError, LookupError) as error:
            problems.add(path, f"not readable as XML ({error})", Reason.BROKEN)
            continue
        if root.tag != "annotation":
            looks = _OTHERS.get(root.tag, "")
            problems.add(path, f"no Pascal VOC: it holds <{root.tag}>{looks}", Reason.BROKEN)
            continue
        boxes, unreadable = _objects(root, path, problems)
        mirrored = picture_folder / path.parent.relative_to(xml_folder)
        beside = [path.parent.parent / name for name in ("images", "JPEGImages", "Images")]
        named = safe_relative(root.findtext("folder") or ".")
        places = (mirrored, path.parent, picture_folder, *beside, path.parent.parent / named, folder / named)
        picture = picture_for(places, path.stem, root.findtext("filename"))
        if picture is None:
            problems.add(path, "its picture is missing", Reason.NO_PICTURE)
            continue
        yield Annotation(
            below(picture, folder),
            tuple(boxes),
            unreadable=unreadable,
            size=stated_size(root.findtext("size/width"), root.findtext("size/height")),
            first_pixel=1 if (root.findtext("origin") or "").strip() == "1" else None,
        )


def decode_xml(data: bytes) -> str:
    """Decode XML with its declared encoding and return it without the declaration."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in data[:4]:
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    else:
        declared = _ENCODING.search(data[:200])
        encoding = declared.group(1).decode("ascii").lower() if declared else "utf-8-sig"
        if encoding.startswith(("utf-8", "utf8", "utf-16", "utf16")):
            encoding = "utf-8-sig"  # it has no zero bytes, so it is not UTF-16
        elif encoding in ("gb2312", "gbk"):
            encoding = "gb18030"
    return _DECLARATION.sub("", data.decode(encoding, "replace"), count=1)


def _plain(root: ElementTree.Element) -> ElementTree.Element:
    """Remove namespaces from a document's names and make them lower case."""
    for node in root.iter():
        if isinstance(node.tag, str):
            node.tag = node.tag.rpartition("}")[2].lower()
    return root


def _objects(root: ElementTree.Element, path: Path, problems: Problems) -> tuple[list[RawBox], int]:
    """Return the boxes of a document, and the number of unusable ones."""
    boxes, unreadable = [], 0
    for item in root.iter("object"):
        try:
            edges = [float(_text(item, f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax")]
            boxes.append(
                RawBox(_text(item, "name"), (edges[0], edges[1], edges[2], edges[3]), _ignored(item))
            )
        except ValueError as error:
            problems.add(path, f"an object without a usable box or name ({error})", Reason.UNUSABLE)
            unreadable += 1
    inside = sum(1 for item in root.iter("object") for _ in item.iter("bndbox"))
    outside = sum(1 for _ in root.iter("bndbox")) - inside
    if outside > 0:
        problems.add(path, f"{outside} boxes that belong to no <object>", Reason.UNUSABLE)
    return boxes, unreadable + max(outside, 0)


def _ignored(item: ElementTree.Element) -> bool:
    """Whether an object is an ignored region, by our extension or by the attributes that other tools keep."""
    attributes = {
        (node.findtext("name") or "").strip(): node.findtext("value") for node in item.iter("attribute")
    }
    return (item.findtext("ignore") or "").strip() == "1" or is_ignored(attributes)


def write_voc(folder: Path, items: list[Item]) -> None:
    """Write ``Annotations/NAME.xml`` and ``ImageSets/Main/SPLIT.txt``; photos lie in ``JPEGImages``."""
    for item in items:
        root = ElementTree.Element("annotation")
        _add(root, folder="JPEGImages", filename=item.name)
        _add(ElementTree.SubElement(root, "source"), database=item.photo.source)
        size = ElementTree.SubElement(root, "size")
        _add(size, width=item.photo.width, height=item.photo.height, depth=3)
        _add(root, segmented=0)
        if item.first_pixel:
            _add(root, origin=item.first_pixel)
        for face in item.photo.faces or ():
            x1, y1, x2, y2 = map(_number, item.edges_of(face))
            node = ElementTree.SubElement(root, "object")
            _add(node, name=face.label or IGNORE, pose="Unspecified", truncated=0)
            _add(node, difficult=int(face.ignore), ignore=int(face.ignore))
            if face.ignore:
                attribute = ElementTree.SubElement(ElementTree.SubElement(node, "attributes"), "attribute")
                _add(attribute, name=IGNORE, value="true")
            _add(ElementTree.SubElement(node, "bndbox"), xmin=x1, ymin=y1, xmax=x2, ymax=y2)
        ElementTree.indent(root)
        text = ElementTree.tostring(root, encoding="unicode") + "\n"
        write_text(folder / "Annotations" / f"{item.stem}.xml", text)
    # Datumaro and CVAT require it: name:colour:parts:actions. A label without a colour loses its boxes where
    # Datumaro writes the set again.
    labels = [*LABELS, *([IGNORE] if any(face.label is None for face in faces_of(items)) else [])]
    rows = ["# label:color_rgb:parts:actions", "background:0,0,0::", *map(_row, labels)]
    write_text(folder / "labelmap.txt", "\n".join(rows) + "\n")
    for split, members in by_split(items).items():
        text = "".join(f"{item.stem}\n" for item in members)
        write_text(folder / "ImageSets" / "Main" / f"{split}.txt", text)


def _row(label: str) -> str:
    red, green, blue = palette.COLOURS.get(label, palette.GREY)
    return f"{label}:{red},{green},{blue}::"


def recognise(folder: Path) -> bool:
    """Whether a folder holds XML files of single pictures."""
    heads = (read_head(path) for path in first_files(folder, "*.xml"))
    return any(_ROOT.search(head) and not _has_outlines_only(head) for head in heads)


def _has_outlines_only(head: str) -> bool:
    """Whether it is of the old LabelMe tool, whose root is the same."""
    return "<polygon>" in head and "<bndbox>" not in head


def place_of(item: Item) -> str:
    """Return a photo's path in the export."""
    return f"JPEGImages/{item.name}"


def _text(item: ElementTree.Element, path: str) -> str:
    value = item.findtext(path)
    if value is None or not value.strip():
        raise ValueError(f"no {path}")
    return value.strip()


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _add(node: ElementTree.Element, **values: object) -> None:
    for name, value in values.items():
        ElementTree.SubElement(node, name).text = str(value)
