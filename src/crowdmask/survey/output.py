"""Write the result of a survey to the requested files."""

from __future__ import annotations

from pathlib import Path

from crowdmask.errors import UsageError
from crowdmask.files import write_text
from crowdmask.media.writers import STANDARD_OUTPUT, JsonLines, LineFile
from crowdmask.survey.run import Survey
from crowdmask.survey.tables import csv_lines


def check_targets(targets: dict[str, str | None]) -> None:
    """Raise `UsageError` where two options write to the same file, or a page to standard output."""
    used: dict[str, str] = {}
    for name, target in targets.items():
        if target is None:
            continue
        if target in used:
            raise UsageError(f"{used[target]} and {name} cannot both write to {target!r}")
        used[target] = name


def write(
    result: Survey,
    *,
    json_file: str | None = None,
    csv_file: str | None = None,
    html_file: str | None = None,
    comparisons_file: str | None = None,
) -> None:
    """Write records, rows and a report; each file appears when it is complete.

    Raises:
        OutputError: a file cannot be written.
    """
    if json_file is not None:
        with JsonLines(json_file) as lines:
            for record in result.records():
                lines.write(record)
    if comparisons_file is not None:
        with JsonLines(comparisons_file) as lines:
            for difference in result.comparisons:
                lines.write(difference.to_record())
    if csv_file is not None:
        file = LineFile(csv_file)
        try:
            for line in csv_lines(result):
                file.write(line)
        finally:
            file.close()
    if html_file is not None:
        from crowdmask.survey.report import build_report

        text = build_report(result)
        if html_file == STANDARD_OUTPUT:
            page = LineFile(STANDARD_OUTPUT)
            page.write(text)
            page.close()
        else:
            write_text(Path(html_file), text, what="the report")
