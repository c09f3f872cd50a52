"""The report of a survey: one page without scripts or external resources."""

from __future__ import annotations

from crowdmask.survey.report.build import build_report as build_report
