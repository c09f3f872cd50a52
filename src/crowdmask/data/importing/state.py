"""The state of an import while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from crowdmask.data.importing.judging import Judge
from crowdmask.data.importing.plan import ImportPlan
from crowdmask.data.problems import Problems
from crowdmask.progress import Progress


@dataclass
class ImportState:
    """A running import.

    Attributes:
        plan: what to import.
        work: a folder for what is unpacked and copied.
        progress: receives every step.
        problems: what was rejected, each with its name.
        notes: counts of what was changed or skipped without being wrong.
        folder: the folder of the annotations, once it is open.
        judge: turns published boxes into faces.
    """

    plan: ImportPlan
    work: Path
    progress: Progress
    problems: Problems = field(default_factory=Problems)
    notes: dict[str, int] = field(default_factory=dict)
    folder: Path | None = None
    judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        self.judge = Judge(
            self.plan.classes, self.plan.convention, self.problems, first_pixel=self.plan.first_pixel
        )

    def note(self, what: str, count: int) -> None:
        """Count what was changed or skipped."""
        if count:
            self.notes[what] = self.notes.get(what, 0) + count

    def is_class(self, name: str) -> bool:
        """Whether a published class is known."""
        return self.judge.knows(name)
