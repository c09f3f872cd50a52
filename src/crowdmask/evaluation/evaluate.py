"""Measure a detector on a part of a data set: what `crowdmask evaluate` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdmask.data.dataset import Dataset, load_dataset
from crowdmask.evaluation import report as reports
from crowdmask.evaluation.appearance import appearance_of_samples
from crowdmask.evaluation.rates import measure_rates
from crowdmask.evaluation.report import Report
from crowdmask.evaluation.run import Run, both_views, run_detector, write_detections
from crowdmask.inference.detector import Detector
from crowdmask.progress import Progress, silent


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The results of a detector on a part of a data set.

    Attributes:
        report: the measures.
        run: the detections behind them; `run.failed` could not be read and is not included in any measure.
        problems: of the data set, each as ``where: why``.
        detector: the measured detector.
    """

    report: Report
    run: Run
    problems: tuple[str, ...]
    detector: Detector

    def write(
        self,
        *,
        out: Path | None = None,
        json: Path | None = None,
        detections: Path | None = None,
        rates: Path | None = None,
    ) -> list[Path]:
        """Write the requested files.

        Args:
            out: folder of the tables and the pictures of curves.
            json: file of all measures.
            detections: file of all detections down to `FAINTEST`, one line for each picture.
            rates: file of the error counts that a survey uses for its correction.
        Returns:
            The pictures that were written.
        Raises:
            OutputError: a file cannot be written.
        """
        if detections is not None:
            write_detections(self.run, detections, self.detector.model_name, self.detector.model_hash)
        if rates is not None:
            detector, about = self.detector, self.report.about
            measure_rates(
                self.run.pictures,
                detector.model_name,
                detector.model_hash,
                detector.threshold,
                f"{about['data']}, {about['split']}",
            ).write(rates)
        if json is not None:
            reports.write_json(self.report, json)
        if out is None:
            return []
        reports.write_text(self.report, out / "report.txt")
        return reports.write_pictures(self.report, self.run.pictures, out)


def evaluate(
    detector: Detector,
    data: Path,
    split: str = "test",
    *,
    backend: str,
    root: Path | None = None,
    bootstrap: int = 0,
    seed: int = 0,
    appearance: bool = False,
    progress: Progress = silent,
) -> Evaluation:
    """Run a detector over a part of a data set and measure it.

    Args:
        data: YAML of the data set.
        split: "train", "val" or "test".
        backend: name of the detector's runtime, for the report.
        root: folder of the photos; None: the data set's own.
        bootstrap: number of bootstrap samples for the 95 % intervals.
        seed: random seed of the bootstrap.
        appearance: measure by apparent skin tone and light, too.
        progress: receives the number of completed pictures.
    Raises:
        DataError: the data set cannot be used.
    """
    dataset = load_dataset(data, root)
    run = run_detector(both_views(detector), dataset.split(split), progress)
    about = _about(detector, data, split, backend, dataset, run)
    looks = appearance_of_samples(run.samples) if appearance else None
    report = reports.build_report(run.pictures, about, run.failed, bootstrap, seed, looks)
    return Evaluation(report, run, tuple(dataset.problems.lines), detector)


def _about(
    detector: Detector, data: Path, split: str, backend: str, dataset: Dataset, run: Run
) -> dict[str, Any]:
    return {
        "model": detector.model_name,
        "model_hash": detector.model_hash,
        "backend": backend,
        "device": detector.device,
        "input_size": detector.info.input.size,
        "tiles": detector.tiles,
        "closer_look": detector.looks_closer,
        "thresholds": dict(zip(detector.labels, detector.threshold, strict=True)),
        "data": data.name,
        "split": split,
        "data_problems": len(dataset.problems),
        "seconds": round(run.seconds, 1),
    }
