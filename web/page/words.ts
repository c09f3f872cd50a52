/** What the page says; each problem with what to do. */

/** Something to tell the user in these very words. */
export class Problem extends Error {
  override name = "Problem";
}

export const TOO_OLD =
  "This browser is too old for this page: please use a current Chrome, Edge, Firefox or Safari.";
export const FAILED_WORKER =
  "The computation was ended, perhaps for lack of memory: close other tabs, choose a smaller input size, and try again.";
export const NO_CAMERA_HERE =
  "The camera works only on https:// pages and on this very computer (localhost): open the page that way, or choose photos.";

export function NOT_LOADED(model: string, reason: string): string {
  const offline = navigator.onLine ? "" : " You are offline, and this model was not used here before.";
  return `The model ${model} could not be loaded (${reason}).${offline} Reload the page, or choose another model.`;
}

/** Say why there is no picture of the camera. */
export function camera_problem(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") {
    return "The camera was refused: allow it in the browser's settings for this page, then start it again.";
  }
  if (name === "NotFoundError" || name === "OverconstrainedError") {
    return "There is no camera: connect one and start it again, or choose photos.";
  }
  if (name === "NotReadableError" || name === "AbortError") {
    return "The camera is in use by another program, or does not answer: close that program and start it again.";
  }
  return `The camera cannot be used (${error instanceof Error ? error.message : String(error)}): choose photos instead.`;
}

/** Return words for anything that was thrown. */
export function words_of(error: unknown): string {
  if (error instanceof Problem) return error.message;
  const reason = error instanceof Error ? error.message : String(error);
  return `Something went wrong (${reason}): reload the page and try again.`;
}

/** Return "1 photo" or "2 photos". */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
