"""The report of a survey: one page without script or outside resource."""

from __future__ import annotations

from crowdmask.survey.report.build import build_report as build_report
