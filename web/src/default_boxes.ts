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
  const cells = spec.strides.map((stride) => [Math.ceil(width / stride), Math.ceil(height / stride)]);
  const boxes = new Float32Array(cells.reduce((sum, [columns, rows], i) => sum + 4 * columns * rows * spec.shapes[i].length, 0));
  let to = 0;
  cells.forEach(([columns, rows], level) => {
    for (let row = 0; row < rows; row++) {
      // The cells of a level divide the input evenly, even if the stride does not.
      const cy = (row + 0.5) * (height / rows);
      for (let column = 0; column < columns; column++) {
        const cx = (column + 0.5) * (width / columns);
        for (const [w, h] of spec.shapes[level]) {
          boxes[to] = cx;
          boxes[to + 1] = cy;
          boxes[to + 2] = w;
          boxes[to + 3] = h;
          to += 4;
        }
      }
    }
  });
  return boxes;
}
