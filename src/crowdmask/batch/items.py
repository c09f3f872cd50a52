"""What becomes of each photo of a batch: a result, or a failure that names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from crowdmask.detections import Detections
from crowdmask.errors import CrowdmaskError, PictureError
from crowdmask.media.pictures import Picture, read_picture
from crowdmask.media.writers import make_record


class PhotoSource(Protocol):
    """One photo to read: a file (`crowdmask.media.sources.Source`), an upload, a member of an archive."""

    @property
    def name(self) -> str:
        """What results call it."""

    @property
    def relative(self) -> str:
        """Where an annotated picture of it goes, seen from the folder of all."""

    def open_picture(self) -> Picture:
        """Read the photo.

        Raises:
            PictureError: it cannot be read.
        """


@dataclass(frozen=True, eq=False)
class BytesSource:
    """A photo whose file is in memory.

    Attributes:
        name: what results call it.
        data: the content of its file.
    """

    name: str
    data: bytes

    @property
    def relative(self) -> str:
        """The name: a sink keeps it below its folder."""
        return self.name

    def open_picture(self) -> Picture:
        """Read the photo.

        Raises:
            PictureError: it cannot be read.
        """
        return read_picture(self.data, self.name)


@dataclass(frozen=True, eq=False)
class PhotoResult:
    """The faces of one photo.

    Attributes:
        source: which photo.
        picture: opened. A sink that draws does so in this very picture, which spares a copy.
        faces: that are shown.
        candidates: all down to the lowest confidence that a sink asked for, the shown ones included.
        model, model_hash: name and hash of the model that found them.
    """

    source: PhotoSource
    picture: Picture
    faces: Detections
    candidates: Detections
    model: str
    model_hash: str

    def to_record(self) -> dict[str, Any]:
        """Return the JSON record of the photo, see `make_record`."""
        picture = self.picture
        return make_record(
            self.source.name, picture.width, picture.height, self.faces, self.model, self.model_hash
        )


@dataclass(frozen=True, eq=False)
class PhotoFailure:
    """A photo, folder or pattern that nothing could be found in, because it cannot be read.

    Attributes:
        name: of the photo; empty where it was a folder or a pattern.
        error: why; its message names what it is about.
    """

    name: str
    error: CrowdmaskError

    @property
    def kind(self) -> str:
        """The reason in a few words, for totals by kind."""
        return self.error.kind.value if isinstance(self.error, PictureError) else "nothing to read"

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON: which photo, why it cannot be read, and the kind of reason."""
        return {"source": self.name, "error": str(self.error), "kind": self.kind}


PhotoItem: TypeAlias = PhotoResult | PhotoFailure
