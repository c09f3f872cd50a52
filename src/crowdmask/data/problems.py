"""Problems found while reading data: listed, and counted by reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath


class Reason(StrEnum):
    """Why something was rejected, as shown in tables."""

    BROKEN = "broken file"
    ENTITIES = "XML that declares entities"
    NO_PICTURE = "missing picture"
    NO_ANNOTATION = "missing annotation"
    TWICE = "annotated twice"
    UNUSABLE = "unreadable box"
    CLASS = "unknown class"
    SIZE = "annotation of another size"
    OUTSIDE = "box outside the picture"
    NO_AREA = "box without area"
    LEFT_EMPTY = "photo whose boxes were all rejected"
    OTHER = "other"


@dataclass
class Problems:
    """What could not be read, each as ``where: why``, with its reason and place."""

    lines: list[str] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    def add(self, where: object, why: str, reason: Reason = Reason.OTHER) -> None:
        """Add one problem, as one line."""
        self.lines.append(f"{where}: {' '.join(why.split())}")
        self.reasons.append(reason)
        self.places.append(str(where))

    def stems(self, *reasons: Reason) -> set[str]:
        """Return the file names, without suffix, of everything rejected for one of these reasons."""
        pairs = zip(self.places, self.reasons, strict=True)
        return {PurePath(place).stem for place, reason in pairs if reason in reasons}

    def counts(self) -> dict[str, int]:
        """Return the number of problems of each reason, most frequent first."""
        return {reason.value: count for reason, count in Counter(self.reasons).most_common()}

    def __len__(self) -> int:
        return len(self.lines)
