/** What can go wrong; each message says what, and what to do. */

/** Something that a user can mend. */
export class CrowdmaskError extends Error {
  override name = "CrowdmaskError";
}

/** An option out of range. */
export class UsageError extends CrowdmaskError {
  override name = "UsageError";
}

/** A model file that cannot be loaded or used. */
export class ModelError extends CrowdmaskError {
  override name = "ModelError";
}

/** A picture that cannot be read. */
export class PictureError extends CrowdmaskError {
  override name = "PictureError";
}
