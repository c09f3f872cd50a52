"""The labelling tools that photos can be exported to and imported from."""

from __future__ import annotations

from enum import StrEnum


class Tool(StrEnum):
    """The labelling tools."""

    label_studio = "label-studio"
    cvat = "cvat"
