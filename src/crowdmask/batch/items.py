"""The outcome of each photo of a batch: a result, or a failure with the photo's name."""

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
        """Its name in results."""

    @property
    def relative(self) -> str:
        """Path of its annotated picture, relative to the output folder."""

    def open_picture(self) -> Picture:
        """Read the photo.

        Raises:
            PictureError: it cannot be read.
        """


@dataclass(frozen=True, eq=False)
class BytesSource:
    """A photo whose file content is in memory.

    Attributes:
        name: its name in results.
        data: the content of its file.
    """

    name: str
    data: bytes

    @property
    def relative(self) -> str:
        """The name: sinks write inside their own folder."""
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
        picture: the opened photo. Sinks draw on this very object, which saves a copy.
        faces: the faces that are shown.
        candidates: all faces down to the lowest confidence that a sink asked for, including those shown.
        model, model_hash: name and hash of the model.
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
    """A photo, folder or pattern that cannot be read.

    Attributes:
        name: of the photo; empty for a folder or a pattern.
        error: the reason; its message includes the name.
    """

    name: str
    error: CrowdmaskError

    @property
    def kind(self) -> str:
        """The kind of failure in a few words, for totals."""
        return self.error.kind.value if isinstance(self.error, PictureError) else "nothing to read"

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON: the photo, why it cannot be read, and the kind of failure."""
        return {"source": self.name, "error": str(self.error), "kind": self.kind}


PhotoItem: TypeAlias = PhotoResult | PhotoFailure
