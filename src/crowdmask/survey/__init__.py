"""Estimate how many people wear masks, with reliable confidence intervals; see docs/survey.md.

from crowdmask.survey import Settings, read, survey

result = survey(read(["records.jsonl"]), Settings(by="folder"))
for record in result.records():
    print(record["group"], record["with_mask"])
"""

from __future__ import annotations

from crowdmask.survey.run import GroupResult, Settings, Survey, survey
from crowdmask.survey.sightings import Sightings, Source
from crowdmask.survey.sources.looking import Looking, read
from crowdmask.survey.sources.records import RecordFiles

__all__ = [
    "GroupResult",
    "Looking",
    "RecordFiles",
    "Settings",
    "Sightings",
    "Source",
    "Survey",
    "read",
    "survey",
]
