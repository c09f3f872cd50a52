const MOST_UNDO = 100;
const MERGE_MS = 1000;

/** Fewest corners of each kind of shape, and most of them. */
export const CORNERS = { zone: [3, Infinity], line: [2, 2], ignore: [3, Infinity] };

function within(value) {
  return Math.min(1, Math.max(0, value));
}

/**
 * The zones, lines and ignored parts of one camera, with undo.
 *
 * Corners are kept in the units of the site's settings, so that those which nobody moved stay as they were;
 * they are asked for and given as parts of the picture's sides.
 */
export class Shapes {
  /** `body`: as `GET /v1/zones` gives it; `size`: width and height of the picture in pixels. */
  constructor(body, size) {
    this.units = body.units;
    this.size = size;
    this.past = [];
    this.future = [];
    this.next = 1;
    this.all = [
      ...body.zones.map(({ name, polygon }) => this.made("zone", polygon, name)),
      ...body.lines.map(({ name, start, end }) => this.made("line", [start, end], name)),
      ...body.ignore.map((polygon) => this.made("ignore", polygon, "")),
    ];
    this.saved = this.text();
  }

  made(kind, points, name) {
    return { id: this.next++, kind, name, points: points.map((point) => [...point]) };
  }

  /** Whether something differs from what was saved last. */
  get isChanged() {
    return this.text() !== this.saved;
  }

  text() {
    return JSON.stringify(this.body());
  }

  /** Return what `PUT /v1/zones/NAME` takes. */
  body() {
    const of = (kind) => this.all.filter((shape) => shape.kind === kind);
    return {
      units: this.units,
      zones: of("zone").map(({ name, points }) => ({ name, polygon: points })),
      lines: of("line").map(({ name, points: [start, end] }) => ({ name, start, end })),
      ignore: of("ignore").map(({ points }) => points),
    };
  }

  find(id) {
    return this.all.find((shape) => shape.id === id);
  }

  /** Return the corners of a shape as parts of the picture's sides. */
  corners(shape) {
    const [width, height] = this.sides;
    return shape.points.map(([x, y]) => [x / width, y / height]);
  }

  get sides() {
    return this.units === "pixels" ? [this.size.width, this.size.height] : [1, 1];
  }

  own([x, y]) {
    const digits = this.units === "pixels" ? 10 : 10000;
    const [width, height] = this.sides;
    return [within(x) * width, within(y) * height].map((value) => Math.round(value * digits) / digits);
  }

  /** Begin a change that can be undone; those with the same `tag` shortly after one another are one. */
  begin(tag = null) {
    const now = Date.now();
    if (tag === null || tag !== this.tag || now - this.begun > MERGE_MS) {
      this.past.push(structuredClone(this.all));
      if (this.past.length > MOST_UNDO) this.past.shift();
      this.future = [];
    }
    this.tag = tag;
    this.begun = now;
  }

  /** Take the last change back; returns whether there was one. */
  undo() {
    return this.travel(this.past, this.future);
  }

  /** Make the change again that was taken back last. */
  redo() {
    return this.travel(this.future, this.past);
  }

  travel(from, to) {
    if (!from.length) return false;
    to.push(this.all);
    this.all = from.pop();
    this.tag = null;
    return true;
  }

  /** Add a shape and return it. */
  add(kind, corners, name) {
    this.begin();
    const shape = this.made(kind, corners.map((corner) => this.own(corner)), name);
    this.all.push(shape);
    return shape;
  }

  remove(id) {
    this.begin();
    this.all = this.all.filter((shape) => shape.id !== id);
  }

  /** Put a corner somewhere; the caller begins the change. */
  put(shape, index, corner) {
    shape.points[index] = this.own(corner);
  }

  /** Move a whole shape, as far as it stays in the picture; the caller begins the change. */
  move(shape, corners, dx, dy) {
    const xs = corners.map(([x]) => x);
    const ys = corners.map(([, y]) => y);
    const x = Math.max(-Math.min(...xs), Math.min(1 - Math.max(...xs), dx));
    const y = Math.max(-Math.min(...ys), Math.min(1 - Math.max(...ys), dy));
    corners.forEach((corner, index) => this.put(shape, index, [corner[0] + x, corner[1] + y]));
  }

  /** Insert a corner half-way to the next one, and return its index; null: a line has no more than two. */
  insert(shape, index) {
    if (shape.points.length >= CORNERS[shape.kind][1]) return null;
    this.begin();
    const corners = this.corners(shape);
    const [from, to] = [corners[index], corners[(index + 1) % corners.length]];
    shape.points.splice(index + 1, 0, this.own([(from[0] + to[0]) / 2, (from[1] + to[1]) / 2]));
    return index + 1;
  }

  /** Remove a corner; returns whether enough are left. */
  drop(shape, index) {
    if (shape.points.length <= CORNERS[shape.kind][0]) return false;
    this.begin();
    shape.points.splice(index, 1);
    return true;
  }

  /** Let the other side of a line be inside. */
  turn(shape) {
    this.begin();
    shape.points.reverse();
  }

  rename(shape, name) {
    this.begin(`name ${shape.id}`);
    shape.name = name;
  }

  /** Return a name that no zone or line has: the stem and a number. */
  free(stem) {
    const names = new Set(this.all.map((shape) => shape.name));
    let number = 1;
    while (names.has(`${stem} ${number}`)) number += 1;
    return `${stem} ${number}`;
  }

  /** Note that all of it is saved. */
  keep() {
    this.saved = this.text();
  }
}
