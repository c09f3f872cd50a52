"""The table of annotation formats: a new format is a file in this folder and a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crowdmask.data.formats import (
    class_folders,
    coco,
    createml,
    csv_table,
    humans_loop,
    labelme,
    mafa,
    via,
    voc,
    wider,
    yolo,
)
from crowdmask.data.formats.annotation import Reader
from crowdmask.data.formats.foreign import foreign_named, recognise_foreign
from crowdmask.data.formats.item import Item, Writer
from crowdmask.data.formats.lists import keras, openimages
from crowdmask.errors import UsageError


@dataclass(frozen=True)
class Layout:
    """How a format is written.

    Attributes:
        write: writes the annotations of photos into a folder.
        place_of: returns a photo's path inside that folder.
        in_pixels: its boxes are in pixels, so they may count from 0 or 1; False: in parts of the picture.
    """

    write: Writer
    place_of: Callable[[Item], str]
    in_pixels: bool = True


@dataclass(frozen=True, kw_only=True)
class Format:
    """One annotation format.

    Attributes:
        name: as users write it.
        title: its name in messages.
        read: yields the annotations of a folder, and reports what it cannot read as problems.
        recognise: returns whether a folder looks like this format, from a few of its files; None if the
            files cannot show it.
        layout: how it is written; None if it can only be read.
        lies_apart: the annotations may be in another place than the photos.
        is_import_only: it needs information that only an import has, so a data set's YAML cannot use it.
        has_class_folders: each picture is one face, and its folder's name is its class.
        has_faces: False: photos alone, whose faces are not known.
    """

    name: str
    title: str
    read: Reader
    recognise: Callable[[Path], bool] | None = None
    layout: Layout | None = None
    lies_apart: bool = False
    is_import_only: bool = False
    has_class_folders: bool = False
    has_faces: bool = True


FORMATS: tuple[Format, ...] = (
    Format(
        name="voc",
        title="Pascal VOC",
        read=voc.read_voc,
        recognise=voc.recognise,
        layout=Layout(voc.write_voc, voc.place_of),
    ),
    Format(
        name="yolo",
        title="YOLO",
        read=yolo.read_yolo,
        recognise=yolo.recognise,
        layout=Layout(yolo.write_yolo, yolo.place_of, in_pixels=False),
    ),
    Format(
        name="coco",
        title="COCO",
        read=coco.read_coco,
        recognise=coco.recognise,
        layout=Layout(coco.write_coco, coco.place_of),
    ),
    Format(
        name="wider", title="WIDER FACE", read=wider.read_wider, recognise=wider.recognise, lies_apart=True
    ),
    Format(
        name="csv",
        title="a table of boxes",
        read=csv_table.read_csv,
        recognise=csv_table.recognise,
        lies_apart=True,
    ),
    Format(name="createml", title="CreateML", read=createml.read_createml, recognise=createml.recognise),
    Format(name="labelme", title="LabelMe", read=labelme.read_labelme, recognise=labelme.recognise),
    Format(name="via", title="VIA", read=via.read_via, recognise=via.recognise),
    Format(
        name="keras",
        title="keras-yolo3 or keras-retinanet",
        read=keras.read_keras,
        recognise=keras.recognise,
    ),
    Format(
        name="openimages",
        title="Open Images",
        read=openimages.read_openimages,
        recognise=openimages.recognise,
    ),
    Format(
        name="humansloop",
        title="Humans in the Loop",
        read=humans_loop.read_humans_loop,
        recognise=humans_loop.recognise,
    ),
    Format(
        name="mafa",
        title="MAFA",
        read=mafa.read_mafa,
        recognise=mafa.recognise,
        lies_apart=True,
        is_import_only=True,
    ),
    Format(
        name="folders",
        title="folders named by class",
        read=class_folders.read_folders,
        is_import_only=True,
        has_class_folders=True,
    ),
    Format(
        name="photos",
        title="photos without annotations",
        read=class_folders.read_photos,
        is_import_only=True,
        has_faces=False,
    ),
)
"""All formats, in the order of the help texts."""

READERS: dict[str, Reader] = {form.name: form.read for form in FORMATS if not form.is_import_only}
"""The readers of all formats that a data set's YAML and training can use."""


def names() -> list[str]:
    """Return the names of all formats that can be imported."""
    return [form.name for form in FORMATS]


def export_names() -> list[str]:
    """Return the names of the formats that can be written, COCO before the others."""
    return [form.name for form in reversed(FORMATS) if form.layout is not None]


def find_format(name: str) -> Format:
    """Return a format by its name.

    Raises:
        UsageError: there is none of this name.
    """
    for form in FORMATS:
        if form.name == name:
            return form
    foreign = foreign_named(name)
    if foreign is not None:
        raise UsageError(f"`format` {name}: {foreign.title} is not read: {foreign.advice}")
    raise UsageError(f"`format` {name}: choose from {', '.join(names())}")


def find_layout(name: str) -> Layout:
    """Return how a format is written.

    Raises:
        UsageError: there is none of this name that can be written.
    """
    for form in FORMATS:
        if form.name == name and form.layout is not None:
            return form.layout
    raise UsageError(f"`format` {name}: choose from {', '.join(export_names())}")


def hint(folder: Path, name: str) -> str:
    """Return a hint which other format a folder looks like, if nothing in it is in the requested one."""
    found = [form for form in recognise(folder) if form.name != name]
    if found:
        return f"; it looks like {found[0].title}: try `format` {found[0].name}"
    foreign = recognise_foreign(folder)
    return f"; it looks like {foreign.title}, which is not read: {foreign.advice}" if foreign else ""


def recognise(folder: Path) -> list[Format]:
    """Return the formats that a folder looks like, judging by a few of its files; usually one, or none."""
    return [form for form in FORMATS if form.recognise is not None and form.recognise(folder)]
