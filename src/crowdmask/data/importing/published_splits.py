"""The split of an imported photo: one for all, the publisher's, or from a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from crowdmask.data.formats.annotation import PICTURE_SUFFIXES
from crowdmask.data.formats.finding import is_file
from crowdmask.errors import DataError

Split = Literal["train", "val", "test"]
SPELLINGS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What publishers call the splits, in lower case."""


@dataclass
class Splits:
    """How an import assigns splits; by default it assigns none.

    Attributes:
        fixed: the split of all photos.
        as_published: the folders in a photo's path decide (``train``, ``valid``, ``test``), and the lists
            of a Pascal VOC ``ImageSets/Main`` and of darknet (``train.txt`` and ``valid.txt`` with a path
            in each line).
        lists: files with the names of photos, one a line; they take precedence.
    """

    fixed: Split | None = None
    as_published: bool = False
    lists: dict[Split, Path] = field(default_factory=dict)
    _listed: dict[str, Split] = field(default_factory=dict)
    _stems: dict[str, Split] = field(default_factory=dict)
    _paths: dict[str, Split] = field(default_factory=dict)

    def read_lists(self, source: Path) -> None:
        """Read the lists.

        Args:
            source: the folder of the source.
        Raises:
            DataError: one cannot be read, or a photo is in two.
        """
        for split, path in self.lists.items():
            for name in _lines(path):
                if self._listed.setdefault(name, split) != split:
                    raise DataError(f"{name} is in the lists of '{self._listed[name]}' and '{split}': a leak")
        if self.as_published:
            for path in sorted((source / "ImageSets" / "Main").glob("*.txt")):
                known = SPELLINGS.get(path.stem.lower())
                if known is not None:
                    self._stems.update((line.split()[0], known) for line in _lines(path))
            self._read_darknet(source)

    def _read_darknet(self, source: Path) -> None:
        """Read lists of paths of pictures, which lie in the source or one folder below.

        Their paths are often those of the publisher's machine, so the longest end of one counts that is the
        path of a picture.
        """
        for path in sorted((*source.glob("*.txt"), *source.glob("*/*.txt"))):
            known = SPELLINGS.get(path.stem.lower())
            if known is None:
                continue
            for line in _lines(path):
                parts = line.replace("\\", "/").split("/")
                if PurePosixPath(parts[-1]).suffix.lower() not in PICTURE_SUFFIXES:
                    break  # another kind of list
                ends = ("/".join(parts[at:]) for at in range(len(parts)))
                end = next((end for end in ends if is_file(source / end)), parts[-1])
                if self._paths.setdefault(end, known) != known:
                    raise DataError(f"{end} is in the lists of '{self._paths[end]}' and '{known}': a leak")

    def of(self, names: Iterable[str]) -> Split | None:
        """Return the split of a photo, given all names that lists may use for it, its path first."""
        names = tuple(names)
        for name in names:
            if name in self._listed:
                return self._listed[name]
        if self.as_published:
            *folders, file = names[0].split("/")
            for listed in (names[0], file):
                if listed in self._paths:
                    return self._paths[listed]
            for folder in reversed(folders):
                known = SPELLINGS.get(folder.lower().rstrip("0123456789-_"))  # as in train2017
                if known is not None:
                    return known
            return self._stems.get(file.rsplit(".", 1)[0], self.fixed)
        return self.fixed


def parse_split(text: str | None, lists: list[str]) -> Splits:
    """Read `split` and `split_list`.

    Raises:
        ValueError: of another form; the message is for the user.
    """
    splits = Splits()
    if text == "as-published":
        splits.as_published = True
    elif text is not None:
        if text not in ("train", "val", "test"):
            raise ValueError(f"`split` {text}: choose from train, val, test, as-published")
        splits.fixed = SPELLINGS[text]
    for pair in lists:
        name, equals, path = pair.partition("=")
        if not equals or name not in ("train", "val", "test"):
            raise ValueError(f"`split_list` {pair}: write  train=FILE,  val=FILE  or  test=FILE")
        splits.lists[SPELLINGS[name]] = Path(path)
    return splits


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read the list of photos {path}: {error}") from error
    return [line.strip() for line in lines if line.strip()]
