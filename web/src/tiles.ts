/**
 * Run a large picture in overlapping tiles, where distant faces are larger, and once as a whole, for near faces.
 *
 * A picture in N tiles costs no more than N pictures.
 */

import type { Boxes } from "./boxes.ts";
import { UsageError } from "./errors.ts";
import type { InputSpec, ModelInfo } from "./model_file.ts";
import { round } from "./numbers.ts";
import { input_sides } from "./preprocess.ts";

/** `auto` makes tiles of pictures with a longer side than this. */
export const AUTO_FROM_PX = 1500;
/** Most tiles that `auto` makes of one picture. */
export const MAX_TILES = 16;
export const MAX_COLUMNS = 32;

const GRID = /^([1-9]\d?)[x×]([1-9]\d?)$/;
const TILE_PX = 768;
const LEAST_TILE_PX = 64;
const WHOLE_SHARE = 0.1;
const LEAST_SHARE = 0.5;
// A box that ends this close to a tile's border, in input pixels, was cut by it.
const CUT_PX = 3;
// A face of this size, in input pixels, is found about as well as a larger one.
const SURE_PX = 24;

/** A part of a picture, in its pixels, and the long side of the network's input at which it is seen. */
export interface View {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly size: number;
}

/** The views of one picture. */
export interface TilePlan {
  readonly width: number;
  readonly height: number;
  readonly whole: View;
  /** Overlapping parts; empty if it is not divided. */
  readonly tiles: readonly View[];
  /** A face of at most this width and height lies completely in one of the tiles. */
  readonly overlap_px: number;
}

/** Return the whole picture, then the tiles. */
export function views_of(plan: TilePlan): View[] {
  return [plan.whole, ...plan.tiles];
}

/** Return the input pixels for one pixel of the picture. */
export function scale_of(view: View): number {
  return view.size / Math.max(view.x2 - view.x1, view.y2 - view.y1);
}

/** Return whether each box found in a view ends at a border that lies inside the picture. */
export function cut_at_border(view: View, xyxy: Boxes, width: number, height: number): boolean[] {
  const edges = [view.x1, view.y1, view.x2, view.y2];
  const outer = [0, 0, width, height];
  const near = CUT_PX / scale_of(view);
  return Array.from({ length: xyxy.length / 4 }, (_, i) =>
    edges.some((edge, side) => edge !== outer[side] && Math.abs(xyxy[4 * i + side] - edge) <= near),
  );
}

/** Return the setting if it is `off`, `auto` or a grid like `2x2`. */
export function check_setting(setting: string): string {
  const grid = GRID.exec(setting);
  if (setting !== "off" && setting !== "auto" && !(grid && Math.max(+grid[1], +grid[2]) <= MAX_COLUMNS)) {
    throw new UsageError(
      `tiles must be off, auto or COLSxROWS like 2x2, each up to ${MAX_COLUMNS}, not ${JSON.stringify(setting)}`,
    );
  }
  return setting;
}

/** Choose the views of a picture. */
export function plan_tiles(setting: string, width: number, height: number, info: ModelInfo): TilePlan {
  const spec = info.input;
  const [columns, rows] = gridOf(setting, width, height, spec.size);
  const number = columns * rows;
  const everything = { x1: 0, y1: 0, x2: width, y2: height };
  if (number === 1) return { width, height, whole: { ...everything, size: spec.size }, tiles: [], overlap_px: 0 };
  // A very long picture has a small input, so its tiles may cost more than that many such pictures.
  const budget = number * Math.max(pixels(width, height, spec, spec.size), spec.size ** 2 * LEAST_SHARE);
  const fixed = spec.resize === "stretch";
  const whole: View = {
    ...everything,
    size: fixed ? spec.size : Math.min(spec.size, sizeWithin(budget * WHOLE_SHARE, width, height, spec)),
  };
  const smallest = Math.min(...info.grid.shapes.flat(2));
  const overlap = Math.max(SURE_PX, smallest) / scale_of(whole);
  const across = pieces(width, columns, overlap);
  const down = pieces(height, rows, overlap);
  const rest = (budget - pixels(width, height, spec, whole.size)) / number;
  const size = fixed ? spec.size : sizeWithin(rest, across[0][1], down[0][1], spec);
  const tiles = down.flatMap(([y1, y2]) => across.map(([x1, x2]) => ({ x1, y1, x2, y2, size })));
  const shared = [across, down].flatMap((part) => part.slice(1).map(([start], i) => part[i][1] - start));
  return { width, height, whole, tiles, overlap_px: Math.min(...shared) };
}

function gridOf(setting: string, width: number, height: number, size: number): [number, number] {
  if (setting === "off" || (setting === "auto" && Math.max(width, height) <= AUTO_FROM_PX)) return [1, 1];
  let columns: number;
  let rows: number;
  if (setting === "auto") {
    const side = Math.max(TILE_PX, size, Math.sqrt((width * height) / MAX_TILES));
    // A little more than a whole number of tiles is not worth another tile.
    [columns, rows] = [width, height].map((length) => Math.max(1, Math.ceil(length / side - 0.1)));
    while (columns * rows > MAX_TILES) {
      if (rows === 1 || (columns > 1 && width / columns < height / rows)) columns--;
      else rows--;
    }
  } else {
    const grid = GRID.exec(check_setting(setting))!;
    [columns, rows] = [+grid[1], +grid[2]];
  }
  const most = (length: number) => Math.max(1, Math.floor(length / LEAST_TILE_PX));
  return [Math.min(columns, most(width)), Math.min(rows, most(height))];
}

/** Return the largest input size whose pixels, including padding, are within the budget. */
function sizeWithin(budget: number, width: number, height: number, spec: InputSpec): number {
  const most = Math.floor(Math.sqrt(budget / (width * height)) * Math.max(width, height));
  let size = Math.max(spec.multiple, most);
  while (size > spec.multiple && pixels(width, height, spec, size) > budget) size--;
  return size;
}

function pixels(width: number, height: number, spec: InputSpec, size: number): number {
  const [, [across, down]] = input_sides(width, height, { ...spec, size });
  return across * down;
}

/** Divide a side into equal pieces that overlap by at most half a piece. */
function pieces(length: number, number: number, wanted: number): [start: number, end: number][] {
  const overlap = Math.min(wanted, length / (number + 1));
  const piece = Math.min(length, Math.ceil((length + (number - 1) * overlap) / number));
  return Array.from({ length: number }, (_, i) => {
    const start = round((i * (length - piece)) / Math.max(1, number - 1));
    return [start, start + piece];
  });
}
