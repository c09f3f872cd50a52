/** The three labels of mask models, and how they are shown. */

export const LABELS = ["with_mask", "without_mask", "mask_worn_incorrect"] as const;

const DISPLAY_NAMES: Record<string, string> = {
  with_mask: "Mask",
  without_mask: "No mask",
  mask_worn_incorrect: "Mask worn incorrectly",
};

/** Return how a label is shown to people; labels of other models are made readable. */
export function display_name(label: string): string {
  if (label in DISPLAY_NAMES) return DISPLAY_NAMES[label];
  const words = label.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}

/** Return the words shown for one face, like "Mask 97.3 %". */
export function describe(label: string, confidence: number): string {
  return `${display_name(label)} ${(confidence * 100).toFixed(1)} %`;
}
