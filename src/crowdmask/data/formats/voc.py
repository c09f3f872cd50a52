"""Pascal VOC: one XML file a picture."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import defusedxml.ElementTree as defused
from defusedxml import EntitiesForbidden

from crowdmask.data.formats.annotation import Annotation, RawBox
from crowdmask.data.formats.box_rules import IGNORE
from crowdmask.data.formats.finding import (
    below,
    find_files,
    first_files,
    first_folder,
    picture_for,
    read_head,
)
from crowdmask.data.formats.item import Item, by_split, write_text
from crowdmask.data.problems import Problems, Reason

MAX_XML_BYTES = 20_000_000
"""An annotation of one picture with more is not read."""

_ROOT = re.compile(r"<annotation[\s>]")


def read_voc(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read Pascal VOC: ``annotations/*.xml`` (or ``Annotations``) beside ``images`` (or ``JPEGImages``).

    Folders below these are read too (``train/annotations`` beside ``train/images``), and so is a folder
    with both kinds of files side by side. ``<ignore>1</ignore>`` in an object is ours: a region that is
    not judged; ``difficult`` is not read, since annotation tools set it freely.
    """
    xml_folder = first_folder(folder, ("annotations", "Annotations", "."))
    picture_folder = first_folder(folder, ("images", "JPEGImages", "."))
    for path in find_files(xml_folder, "*.xml", problems):
        try:
            if path.stat().st_size > MAX_XML_BYTES:
                problems.add(path, f"more than {MAX_XML_BYTES:,} bytes of XML for one picture", Reason.BROKEN)
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            # Entities can expand to gigabytes while they are parsed; no annotation needs one.
            root = defused.fromstring(text)
        except EntitiesForbidden:
            problems.add(path, "declares XML entities; refused", Reason.ENTITIES)
            continue
        except (ElementTree.ParseError, ValueError, OSError) as error:
            problems.add(path, f"not readable as XML ({error})", Reason.BROKEN)
            continue
        boxes, unreadable = [], 0
        for item in root.iter("object"):
            try:
                edges = [float(_text(item, f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax")]
                ignore = (item.findtext("ignore") or "").strip() == "1"
                boxes.append(RawBox(_text(item, "name"), (edges[0], edges[1], edges[2], edges[3]), ignore))
            except ValueError as error:
                problems.add(path, f"an object without a usable box or name ({error})", Reason.UNUSABLE)
                unreadable += 1
        mirrored = picture_folder / path.parent.relative_to(xml_folder)
        beside = (path.parent.parent / name for name in ("images", "JPEGImages"))
        places = (mirrored, path.parent, picture_folder, *beside)
        picture = picture_for(places, path.stem, root.findtext("filename"))
        if picture is None:
            problems.add(path, "its picture is missing", Reason.NO_PICTURE)
            continue
        yield Annotation(below(picture, folder), tuple(boxes), unreadable=unreadable)


def write_voc(folder: Path, items: list[Item]) -> None:
    """Write ``Annotations/NAME.xml`` and ``ImageSets/Main/SPLIT.txt``; photos lie in ``JPEGImages``."""
    for item in items:
        root = ElementTree.Element("annotation")
        _add(root, folder="JPEGImages", filename=item.name)
        _add(ElementTree.SubElement(root, "source"), database=item.photo.source)
        size = ElementTree.SubElement(root, "size")
        _add(size, width=item.photo.width, height=item.photo.height, depth=3)
        _add(root, segmented=0)
        for face in item.photo.faces or ():
            x1, y1, x2, y2 = map(_number, face.box)
            node = ElementTree.SubElement(root, "object")
            _add(node, name=face.label or IGNORE, pose="Unspecified", truncated=0)
            _add(node, difficult=int(face.ignore), ignore=int(face.ignore))
            _add(ElementTree.SubElement(node, "bndbox"), xmin=x1, ymin=y1, xmax=x2, ymax=y2)
        ElementTree.indent(root)
        text = ElementTree.tostring(root, encoding="unicode") + "\n"
        write_text(folder / "Annotations" / f"{item.stem}.xml", text)
    for split, members in by_split(items).items():
        text = "".join(f"{item.stem}\n" for item in members)
        write_text(folder / "ImageSets" / "Main" / f"{split}.txt", text)


def recognise(folder: Path) -> bool:
    """Whether a folder holds XML files of single pictures."""
    return any(_ROOT.search(read_head(path)) for path in first_files(folder, "*.xml"))


def place_of(item: Item) -> str:
    """Return where a photo lies in the export."""
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
