/** Finds the faces in a crowd and says of each whether it wears a mask. Nothing leaves the device. */

export { Detections, make_record, to_json_line, type FaceRecord, type PictureRecord } from "./detections.ts";
export { Detector, hash_of, type FoundFaces, type LoadOptions, type Options } from "./detector.ts";
export { CrowdmaskError, ModelError, PictureError, UsageError } from "./errors.ts";
export { describe, display_name, LABELS } from "./labels.ts";
export { read_model_info, type CloserLook, type FartherLook, type InputSpec, type ModelInfo } from "./model_file.ts";
export type { Device, Runtime } from "./network.ts";
export { as_picture, on_white, type Picture, type PictureLike } from "./pictures.ts";
export { plan_tiles, type TilePlan, type View } from "./tiles.ts";
