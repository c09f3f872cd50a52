"""Write the golden vectors of this folder: what a reader of model files must answer. See docs/model-file.md.

    python tests/golden/make.py

Run it only where the contract changes on purpose; the files of `0.1.0/` were written by that version and
stay.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tiny import DECISIONS, tiny  # type: ignore[import-not-found]

from crowdmask import Detector
from crowdmask.detections import Detections
from crowdmask.export.onnx import export_onnx, metadata
from crowdmask.inference.backends.registry import load_backend
from crowdmask.inference.closer import join
from crowdmask.inference.decode import Decoder, RawFaces, boxes_above, suppress
from crowdmask.inference.merge import merge
from crowdmask.inference.model_file import FartherLook, InputSpec, ModelInfo, parse_metadata
from crowdmask.inference.passes import (
    NetworkAnswer,
    PictureAnswers,
    calls_for_a_farther_look,
    find_once,
    part_with_small_faces,
    sure_faces,
    to_faces,
)
from crowdmask.inference.preprocess import Prepared, prepare
from crowdmask.inference.tiles import View, plan_tiles
from crowdmask.media.pictures import Picture, as_picture

HERE = Path(__file__).parent
FLOOR = 0.05


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """Return an array as JSON: shape, type, and its numbers little-endian, row by row, in base64."""
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
    data = base64.b64encode(little.tobytes()).decode()
    return {"shape": list(array.shape), "dtype": array.dtype.name, "base64": data}


def unpacked(value: dict[str, Any]) -> NDArray[Any]:
    """Read what `packed` wrote."""
    little = np.frombuffer(base64.b64decode(value["base64"]), np.dtype(value["dtype"]).newbyteorder("<"))
    return little.astype(value["dtype"]).reshape(value["shape"])


def faces(found: Detections) -> list[dict[str, Any]]:
    """Return faces with all digits that float32 has."""
    return [
        {"box": [float(v) for v in box], "label": found.names[label], "confidence": float(confidence)}
        for box, label, confidence in zip(found.xyxy, found.class_id, found.confidence, strict=True)
    ]


def raw_faces(found: RawFaces) -> dict[str, Any]:
    """Return boxes and scores before calibration."""
    return {"xyxy": packed(found.xyxy), "scores": packed(found.scores)}


def draw(seed: int, width: int, height: int) -> NDArray[np.uint8]:
    """Return a picture of coloured rectangles."""
    random = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 90, np.uint8)
    for _ in range(max(3, width * height // 480)):
        x, y = random.integers(0, width), random.integers(0, height)
        across, down = random.integers(3, 24, 2)
        pixels[y : y + down, x : x + across] = random.integers(0, 256, 3)
    return pixels


def preprocess_cases() -> list[dict[str, Any]]:
    """Return pictures and the tensors made of them: smaller, larger, much smaller, upright, stretched."""
    cases = []
    fit, stretch = InputSpec("fit", 48, 16, 114), InputSpec("stretch", 20, 1, 114)
    for number, (width, height, spec) in enumerate(
        [
            (64, 41, fit),
            (30, 17, fit),
            (150, 112, fit),
            (229, 90, fit),
            (41, 64, fit),
            (48, 32, fit),
            (60, 9, fit),
            (33, 50, stretch),
            (131, 64, stretch),
        ]
    ):
        pixels = draw(number, width, height)
        made = prepare(as_picture(pixels), spec)
        cases.append(
            {
                "input": asdict(spec),
                "picture": packed(pixels),
                "tensor": packed(made.tensor),
                "scale": [made.scale_x, made.scale_y],
            }
        )
    return cases


def network_cases(path: Path) -> list[dict[str, Any]]:
    """Return tensors and what the network says about them, one and three at a time."""
    backend = load_backend("onnxruntime", path, 1, device="cpu")
    cases = []
    for seed, (batch, height, width) in enumerate([(1, 64, 96), (1, 96, 32), (3, 32, 64)]):
        tensor = np.stack([draw(20 + 3 * seed + index, width, height) for index in range(batch)])
        scores, deltas = backend.run(tensor)
        cases.append({"picture": packed(tensor), "scores": packed(scores), "deltas": packed(deltas)})
    return cases


def made_answer(seed: int, boxes: int, likely: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return scores and deltas that no network gave: most boxes hold nothing, some a likely face."""
    random = np.random.default_rng(seed)
    scores = (random.random((boxes, 3)) * 0.01).astype(np.float32)
    chosen = random.choice(boxes, likely, replace=False)
    scores[chosen, random.integers(0, 3, likely)] = random.uniform(0.05, 0.98, likely).astype(np.float32)
    deltas = random.normal(0, 1.5, (boxes, 4)).astype(np.float32)
    deltas[chosen[0], 2:] = 60  # limited, or it would be larger than any number
    return scores, deltas


def prepared_for(width: int, height: int, info: ModelInfo) -> Prepared:
    """Return the input of a grey photo."""
    return prepare(as_picture(np.full((height, width, 3), 90, np.uint8)), info.input)


def answer_json(answer: NetworkAnswer) -> dict[str, Any]:
    """Return an answer with what decoding needs to know of its input."""
    height, width = answer.prepared.tensor.shape[1:3]
    return {
        "input": [width, height],
        "scale": [answer.prepared.scale_x, answer.prepared.scale_y],
        "picture": [answer.prepared.width, answer.prepared.height],
        "scores": packed(answer.scores),
        "deltas": packed(answer.deltas),
    }


def decode_cases(info: ModelInfo) -> list[dict[str, Any]]:
    """Return made-up answers and the faces that follow from them, without a closer look."""
    cases = []
    for seed, (width, height, likely) in enumerate([(160, 120, 60), (90, 140, 20), (96, 96, 200)]):
        prepared = prepared_for(width, height, info)
        boxes = count_boxes(info, prepared)
        answer = NetworkAnswer(*made_answer(50 + seed, boxes, likely), prepared)
        shown, fainter = (Decoder(info, least) for least in (info.threshold, (FLOOR,) * 3))
        cases.append(
            {
                **answer_json(answer),
                "suppressed": raw_faces(suppress(boxes_above(shown.least_raw, *answer, info), info)),
                "shown": faces(shown(*answer)),
                "candidates": {"floor": FLOOR, "faces": faces(fainter(*answer))},
            }
        )
    return cases


def count_boxes(info: ModelInfo, prepared: Prepared) -> int:
    """Return how many boxes the grid lays over an input."""
    from crowdmask.default_boxes import default_boxes

    height, width = prepared.tensor.shape[1:3]
    return len(default_boxes(info.grid, width, height))


def closer_cases(info: ModelInfo) -> list[dict[str, Any]]:
    """Return first passes, the part that each calls for, and the faces of both together."""
    cases = []
    for seed, (width, height) in enumerate([(400, 300), (300, 420), (150, 120)]):
        prepared = prepared_for(width, height, info)
        first = NetworkAnswer(*made_answer(70 + seed, count_boxes(info, prepared), 25), prepared)
        picture = as_picture(np.full((height, width, 3), 90, np.uint8))
        found = find_once(first, Decoder(info, info.threshold))
        part = part_with_small_faces(picture, sure_faces(picture, found), info)
        case: dict[str, Any] = {"first": answer_json(first), "part": None}
        if part is not None:
            image = picture.image.crop((part.x1, part.y1, part.x2, part.y2))
            spec = replace(info.input, size=part.size)
            closer = prepare(Picture(image, image.width, image.height), spec)
            second = NetworkAnswer(*made_answer(90 + seed, count_boxes(info, closer), 25), closer)
            plan = plan_tiles("off", width, height, info)
            both = PictureAnswers(plan, (first, second), (1.0, 1.0), part)
            case |= {
                "part": asdict(part),
                "second": answer_json(second),
                "shown": faces(to_faces(both, Decoder(info, info.threshold))),
                "candidates": {"floor": FLOOR, "faces": faces(to_faces(both, Decoder(info, (FLOOR,) * 3)))},
            }
        cases.append(case)
    return [*cases, join_case(info)]


def farther_cases(info: ModelInfo) -> list[dict[str, Any]]:
    """Return first passes, and whether each calls for a farther look: with small faces, near ones, none."""
    cases = []
    for seed, (width, height, likely, face_px) in enumerate(
        [(400, 300, 25, 20.0), (300, 420, 4, 8.0), (150, 120, 3, 90.0), (96, 64, 2, 12.0), (64, 96, 0, 30.0)]
    ):
        prepared = prepared_for(width, height, info)
        scores, deltas = made_answer(110 + seed, count_boxes(info, prepared), max(1, likely))
        first = NetworkAnswer(scores if likely else scores * np.float32(0.01), deltas, prepared)
        look = FartherLook(48, face_px)
        picture = as_picture(np.full((height, width, 3), 90, np.uint8))
        sure = sure_faces(picture, find_once(first, Decoder(info, info.threshold)))
        farther = calls_for_a_farther_look(picture, sure, replace(info, farther_look=look))
        cases.append({"farther_look": asdict(look), "first": answer_json(first), "farther": farther})
    return cases


def join_case(info: ModelInfo) -> dict[str, Any]:
    """Return two passes that see the same faces at nearly the same places, so that most are averaged."""
    random = np.random.default_rng(5)
    corner = np.stack(np.meshgrid(np.arange(20, 380, 45), np.arange(20, 280, 45)), -1).reshape(-1, 2)
    xyxy = np.concatenate([corner, corner + random.integers(14, 30, corner.shape)], 1).astype(np.float32)
    part = View(100, 60, 340, 260, 192)
    first = RawFaces(xyxy, random.dirichlet((1, 1, 1), len(xyxy)).astype(np.float32) * 0.9)
    moved = xyxy + random.normal(0, 1.5, xyxy.shape).astype(np.float32)
    second = RawFaces(moved, random.dirichlet((1, 1, 1), len(xyxy)).astype(np.float32) * 0.8)
    first, second = first[np.argsort(-first.best)], second[np.argsort(-second.best)]
    joined = join(first, second, part, 400, 300, info)
    return {
        "join": {
            "picture": [400, 300],
            "part": asdict(part),
            "first": raw_faces(first),
            "second": raw_faces(second),
            "joined": raw_faces(joined),
        }
    }


def tile_cases(info: ModelInfo) -> list[dict[str, Any]]:
    """Return how pictures are cut, and for one of them the faces of its views and those that are kept."""
    cases: list[dict[str, Any]] = []
    for setting, width, height in [
        ("off", 3000, 2000),
        ("auto", 1500, 1000),
        ("auto", 3000, 2000),
        ("auto", 9000, 1200),
        ("2x2", 400, 300),
        ("3x1", 640, 480),
        ("32x32", 200, 100),
    ]:
        plan = plan_tiles(setting, width, height, info)
        cases.append(
            {
                "setting": setting,
                "picture": [width, height],
                "views": [asdict(view) for view in plan.views],
                "overlap_px": plan.overlap_px,
            }
        )
    plan = plan_tiles("2x2", 400, 300, info)
    random = np.random.default_rng(11)
    centre = random.uniform((20, 20), (380, 280), (40, 2))
    half = random.uniform(5, 45, (40, 2)) / 2
    truth = np.concatenate([centre - half, centre + half], 1).astype(np.float32)
    found = []
    for view in plan.views:
        box = np.clip(truth, (view.x1, view.y1) * 2, (view.x2, view.y2) * 2).astype(np.float32)
        box += random.normal(0, 0.4, box.shape).astype(np.float32)
        seen = ((box[:, 2:] - box[:, :2]) > 3).all(1)
        number = int(seen.sum())
        confidence = np.sort(random.uniform(0.3, 0.99, number).astype(np.float32))[::-1]
        found.append(Detections(box[seen], confidence, random.integers(0, 3, number)))
    merged = merge(plan, found, info)
    cases.append({"merge": {"picture": [400, 300], "setting": "2x2", "found": [faces(f) for f in found]}})
    cases[-1]["merge"]["merged"] = faces(merged)
    return cases


def whole_cases(path: Path) -> list[dict[str, Any]]:
    """Return a picture and the faces that the detector finds in it, by every way of looking at it."""
    pixels = np.asarray(Image.open(HERE / "0.1.0" / "picture.png").convert("RGB"))
    cases = []
    for options in ({}, {"closer_look": False}, {"tiles": "2x2"}, {"input_size": 160}):
        detector = Detector(path, threads=1, device="cpu", **options)  # type: ignore[arg-type]
        found = detector.detect_with_candidates(pixels, floor=FLOOR)
        cases.append(
            {
                "picture": "0.1.0/picture.png",
                "options": options,
                "shown": faces(found.shown),
                "candidates": {"floor": FLOOR, "faces": faces(found.candidates)},
            }
        )
    return cases


def main() -> None:
    """Write the tiny model and all vectors."""
    model = tiny(InputSpec("fit", 96, 32, 114))
    path = HERE / "tiny.onnx"
    about = metadata(model, "tiny", DECISIONS)
    export_onnx(model, path, about)
    info = parse_metadata({"crowdmask": json.dumps(about)}, path)
    for name, cases in {
        "preprocess": preprocess_cases(),
        "network": network_cases(path),
        "decode": decode_cases(info),
        "closer-look": closer_cases(info),
        "farther-look": farther_cases(info),
        "tiles": tile_cases(info),
        "whole": whole_cases(path),
    }.items():
        content = {"format": 1, "model": "tiny.onnx", "cases": cases}
        (HERE / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(f"{name}.json: {len(cases)} cases")


if __name__ == "__main__":
    main()
