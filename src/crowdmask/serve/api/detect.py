"""``/v1/detect``: the faces of photos, as records or as annotated pictures."""

# Without postponed annotations: FastAPI reads those of routes, which name what their factory was given.

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from crowdmask.batch.items import PhotoResult
from crowdmask.batch.sinks import annotate
from crowdmask.drawing.blur import BLUR_CONFIDENCE
from crowdmask.errors import CrowdmaskError, PictureError, PictureFault
from crowdmask.serve.api.problems import problems
from crowdmask.serve.bodies import Bodies, Upload
from crowdmask.serve.detecting import Wish, Workers
from crowdmask.serve.metrics import Metrics
from crowdmask.serve.rate import RateLimit

_JPEG_QUALITY = 90
_CODES = {PictureFault.TOO_LARGE: 413, PictureFault.NO_PICTURE: 415, PictureFault.EMPTY: 400}
_EXAMPLE = {
    "source": "hall.jpg",
    "width": 1024,
    "height": 682,
    "model": "crowd",
    "model_hash": "0123456789abcdef",
    "detections": [{"box": [10.5, 20.0, 60.2, 90.1], "label": "with_mask", "confidence": 0.97}],
    "counts": {"with_mask": 1, "without_mask": 0, "mask_worn_incorrect": 0},
}
_PHOTO = {"schema": {"type": "string", "format": "binary"}}


@dataclass(frozen=True)
class DetectParts:
    """What the resource works on.

    Attributes:
        workers: that detect.
        bodies: reads uploads.
        batch_photos: most photos of one batch.
        rate: how many photos a caller may send.
        metrics: is told of each photo.
    """

    workers: Workers
    bodies: Bodies
    batch_photos: int
    rate: RateLimit
    metrics: Metrics


def detect_router(parts: DetectParts, viewer: Callable[..., Any]) -> APIRouter:
    """Return the routes.

    Args:
        parts: what they work on.
        viewer: lets those in who may look.
    """
    router = APIRouter(tags=["detect"])
    _add_one(router, parts, viewer)
    _add_batch(router, parts, viewer)
    return router


def _form(description: str, many: bool = False) -> dict[str, Any]:
    one = {"type": "string", "format": "binary"}
    fields = {"file": {"type": "array", "items": one, "minItems": 1} if many else one}
    schema = {"type": "object", "properties": fields, "required": ["file"]}
    content: dict[str, Any] = {"multipart/form-data": {"schema": schema}}
    if not many:
        # Others are taken, too: these are what everybody can make.
        content |= {"image/jpeg": _PHOTO, "image/png": _PHOTO, "image/webp": _PHOTO}
    return {"requestBody": {"required": True, "description": description, "content": content}}


Confidence = Annotated[
    float | None,
    Query(ge=0, le=1, description="Minimum confidence of faces; none: the model's thresholds."),
]


def _add_one(router: APIRouter, parts: DetectParts, viewer: Callable[..., Any]) -> None:
    answers = {
        200: {
            "description": "The record of the photo, as `crowdmask detect` writes it; or the "
            "annotated picture, where the header Accept asks for image/jpeg.",
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": _EXAMPLE},
                "image/jpeg": _PHOTO,
            },
        },
        **problems(400, 406, 408, 413, 415, 422, 429, 503),
    }

    @router.post(
        "/v1/detect",
        responses=answers,
        openapi_extra=_form("The photo, in the field `file` of a form or as the body."),
    )
    async def detect(
        request: Request,
        user: Annotated[str, Depends(viewer)],
        confidence: Confidence = None,
        blur: Annotated[bool, Query(description="Make faces of the picture unreadable.")] = False,
    ) -> Response:
        """Find the faces of a photo."""
        wants_picture = _wants_picture(request)
        parts.rate.take(user, 1)
        (photo,) = await parts.bodies.photos(request)
        then = _to_line if not wants_picture else _to_blurred if blur else _to_picture
        floor = BLUR_CONFIDENCE if blur and wants_picture else None
        wish = Wish(photo.name, photo.data, then, confidence, floor)
        (answer,) = await parts.workers.answers([wish], request.is_disconnected)
        if isinstance(answer, Exception):
            parts.metrics.failed()
            raise _refusal(answer)
        content, faces = answer
        parts.metrics.detected(faces)
        return Response(content, media_type="image/jpeg" if wants_picture else "application/json")


def _add_batch(router: APIRouter, parts: DetectParts, viewer: Callable[..., Any]) -> None:
    answers = {
        200: {
            "description": "A list with the record of each photo in their order; of one that cannot be read "
            "`source`, `error` and `kind`.",
            "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}},
        },
        **problems(400, 408, 413, 415, 422, 429, 503),
    }

    @router.post(
        "/v1/detect/batch",
        responses=answers,
        openapi_extra=_form("Photos, each in a field `file` of a form.", many=True),
    )
    async def detect_batch(
        request: Request, user: Annotated[str, Depends(viewer)], confidence: Confidence = None
    ) -> Response:
        """Find the faces of several photos."""
        photos: list[Upload] = await parts.bodies.photos(request, parts.batch_photos)
        parts.rate.take(user, len(photos))
        wishes = [Wish(each.name, each.data, _to_line, confidence) for each in photos]
        answers = await parts.workers.answers(wishes, request.is_disconnected)
        lines = []
        for photo, answer in zip(photos, answers, strict=True):
            if isinstance(answer, Exception):
                parts.metrics.failed()
                if not isinstance(answer, PictureError):
                    raise answer
                record = {"source": photo.name, "error": str(answer), "kind": answer.kind.value}
                lines.append(json.dumps(record).encode())
            else:
                content, faces = answer
                parts.metrics.detected(faces)
                lines.append(content)
        return Response(b"[" + b",\n".join(lines) + b"]", media_type="application/json")


def _wants_picture(request: Request) -> bool:
    accept = request.headers.get("accept", "*/*").lower()
    kinds = [part.partition(";")[0].strip() for part in accept.split(",")]
    for kind in kinds:
        if kind in ("image/jpeg", "image/*"):
            return True
        if kind in ("*/*", "application/json", "application/*", ""):
            return False
    raise HTTPException(406, "the answer is application/json or image/jpeg")


def _to_line(result: PhotoResult) -> tuple[bytes, dict[str, int]]:
    record = result.to_record()
    return json.dumps(record).encode(), record["counts"]


def _to_picture(result: PhotoResult) -> tuple[bytes, dict[str, int]]:
    return _jpeg(result, None)


def _to_blurred(result: PhotoResult) -> tuple[bytes, dict[str, int]]:
    return _jpeg(result, BLUR_CONFIDENCE)


def _jpeg(result: PhotoResult, blur_floor: float | None) -> tuple[bytes, dict[str, int]]:
    counts = result.faces.counts()
    written = io.BytesIO()
    annotate(result, blur_floor).save(written, "JPEG", quality=_JPEG_QUALITY)
    return written.getvalue(), counts


def _refusal(error: Exception) -> Exception:
    if isinstance(error, PictureError):
        return HTTPException(_CODES.get(error.kind, 422), error.reason)
    if isinstance(error, CrowdmaskError):
        return HTTPException(422, str(error))
    return error
