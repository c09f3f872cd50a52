/** The grid of default boxes (anchors) that the network's output is relative to. */

/** The default boxes of a model, for any input size. */
export interface GridSpec {
  /** Pixels of the input between the cells of each level. */
  readonly strides: readonly number[];
  /** For each level [width, height] of each box of a cell, input pixels. */
  readonly shapes: readonly (readonly (readonly [number, number])[])[];
}

/**
 * Lay the boxes over an input.
 *
 * @param width of the input, pixels.
 * @param height of the input, pixels.
 * @returns A times cx, cy, width, height in input pixels: level by level, row by row, cell by cell, the shapes
 *   of a cell together.
 */
export function default_boxes(spec: GridSpec, width: number, height: number): Float32Array {
  const boxes: number[] = [];
  spec.strides.forEach((stride, level) => {
    const columns = Math.ceil(width / stride);
    const rows = Math.ceil(height / stride);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        // The cells of a level divide the input evenly, even if the stride does not.
        const cx = (column + 0.5) * (width / columns);
        const cy = (row + 0.5) * (height / rows);
        for (const [w, h] of spec.shapes[level]) boxes.push(cx, cy, w, h);
      }
    }
  });
  return Float32Array.from(boxes);
}
