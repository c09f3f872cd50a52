"""How many people wear masks, with intervals that hold the truth; see docs/survey.md.

from crowdmask.survey import Settings, read, survey

result = survey(read(["records.jsonl"]), Settings(by="folder"))
for record in result.records():
    print(record["group"], record["with_mask"])
"""

from __future__ import annotations

from collections.abc import Sequence

from crowdmask.survey.reading import RecordFiles
from crowdmask.survey.run import GroupResult, Settings, Survey, survey
from crowdmask.survey.sightings import Sightings, Source

__all__ = ["GroupResult", "RecordFiles", "Settings", "Sightings", "Source", "Survey", "read", "survey"]


def read(sources: Sequence[str], unit: str | None = None) -> Sightings:
    """Read what was looked at.

    Args:
        sources: files of records that `crowdmask detect --json` and `track --json` or `--events` wrote.
        unit: "face", "passage" or "person-time"; None: faces of photos, person-time of video.
    Raises:
        CrowdmaskError: nothing could be read.
    """
    return RecordFiles(list(sources), unit).read()
