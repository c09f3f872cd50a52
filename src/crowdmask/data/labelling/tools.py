"""The labelling tools that photos go to and come back from."""

from __future__ import annotations

from enum import StrEnum


class Tool(StrEnum):
    """The labelling tools."""

    label_studio = "label-studio"
    cvat = "cvat"
