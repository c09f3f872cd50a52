import { make } from "../common/dom.js";
import { texts } from "../texts.en.js";
import { drawing, placeLabels, WIDE } from "./outlines.js";
import { CORNERS } from "./shapes.js";

const words = texts.setup.zones;
const STEP = 0.01;
const BIG_STEP = 0.05;
const NEAR_PX = 14;
const FINGER_PX = 24;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function percents([x, y]) {
  return [Math.round(1000 * x) / 10, Math.round(1000 * y) / 10];
}

/** The picture with its shapes: corners are moved with mouse, finger and keys, and new shapes are drawn. */
export class Stage {
  /**
   * `told` gets changed() after each change, selected(id), corner(index), drawn(shape), drawing(isOn, enough), say(text).
   */
  constructor(shapes, image, told) {
    this.shapes = shapes;
    this.told = told;
    this.selected = null;
    this.current = 0;
    this.draft = null;
    this.drag = null;
    this.handles = [];
    this.nearPx = NEAR_PX;
    this.ratio = shapes.size.height / shapes.size.width;
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("viewBox", `0 0 ${WIDE} ${WIDE * this.ratio}`);
    this.svg.setAttribute("aria-hidden", "true");
    this.labels = make("div", { "aria-hidden": "true" });
    this.cross = make("button", { type: "button", class: "cross", hidden: true });
    this.root = make("div", { class: "stage", role: "application", "aria-label": words.stage });
    this.root.style.aspectRatio = `${shapes.size.width} / ${shapes.size.height}`;
    if (image) this.root.append(image);
    this.root.append(this.svg, this.labels, this.cross);
    for (const [name, what] of [
      ["pointerdown", "press"], ["pointermove", "move"], ["pointerup", "release"], ["pointercancel", "release"],
      ["click", "click"], ["keydown", "key"], ["focusin", "focus"],
    ]) this.root.addEventListener(name, (event) => this[what](event));
    this.refresh();
  }

  get shape() {
    return this.selected === null ? null : this.shapes.find(this.selected);
  }

  /** Show the corners of one shape only; null: of none. */
  select(id) {
    if (this.selected === id) return;
    this.selected = id;
    this.current = 0;
    this.refresh();
    this.told.selected(id);
  }

  /** Begin to draw a shape. */
  begin(kind) {
    this.select(null);
    this.draft = { kind, corners: [] };
    this.at = [0.5, 0.5];
    this.told.drawing(true, false);
    this.told.say(kind === "line" ? words.drawLine : words.drawArea);
    this.refresh();
    this.cross.focus();
  }

  /** End drawing; where there are enough corners, the shape is there. */
  finish() {
    if (!this.draft) return;
    const { kind, corners } = this.draft;
    if (corners.length < CORNERS[kind][0]) {
      this.told.say(words.tooFew(CORNERS[kind][0]));
      return;
    }
    this.draft = null;
    const shape = this.shapes.add(kind, corners, kind === "ignore" ? "" : this.shapes.free(words.stems[kind]));
    this.told.drawing(false, false);
    this.told.changed();
    this.select(shape.id);
    this.told.drawn(shape);
  }

  /** Draw nothing after all. */
  cancel() {
    if (!this.draft) return;
    this.draft = null;
    this.told.drawing(false, false);
    this.told.say(words.cancelled);
    this.refresh();
  }

  /** Add a corner after the one that had the focus last. */
  insert() {
    const index = this.shape && this.shapes.insert(this.shape, this.current);
    if (index === null) return this.told.say(words.noMore);
    this.changed();
    this.handles[index].focus();
  }

  /** Remove the corner that had the focus last. */
  drop() {
    if (!this.shape) return;
    if (!this.shapes.drop(this.shape, this.current)) return this.told.say(words.noFewer);
    this.current = Math.max(0, this.current - 1);
    this.changed();
    this.handles[this.current].focus();
  }

  changed() {
    this.refresh();
    this.told.changed();
  }

  /** Show all as it is now. */
  refresh() {
    const corners = this.shape ? this.shapes.corners(this.shape) : [];
    this.svg.replaceChildren(...drawing(this.shapes, this.ratio, this.selected, this.draft && { ...this.draft, at: this.at }));
    placeLabels(this.labels, this.shapes, this.ratio);
    while (this.handles.length > corners.length) this.handles.pop().remove();
    while (this.handles.length < corners.length) {
      const handle = make("button", { type: "button", class: "handle", "data-corner": this.handles.length });
      this.handles.push(handle);
      this.root.append(handle);
    }
    corners.forEach((corner, index) => this.place(this.handles[index], corner, this.named(index, corners)));
    this.cross.hidden = !this.draft;
    if (this.draft) this.place(this.cross, this.at, words.cross(...percents(this.at)));
    this.root.classList.toggle("drawing", this.draft !== null);
  }

  named(index, corners) {
    const { kind, name } = this.shape;
    const shape = name || words.kinds[kind];
    if (kind === "line") return words.end(shape, index, ...percents(corners[index]));
    return words.corner(shape, index + 1, corners.length, ...percents(corners[index]));
  }

  place(button, [x, y], label) {
    button.style.left = `${100 * x}%`;
    button.style.top = `${100 * y}%`;
    if (button.ariaLabel !== label) button.ariaLabel = label;
  }

  pointOf(event) {
    const box = this.root.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  /** Return how many pixels of the screen lie between two points. */
  farFrom(one, other) {
    const { width, height } = this.root.getBoundingClientRect();
    return Math.hypot((one[0] - other[0]) * width, (one[1] - other[1]) * height);
  }

  /** Return what is nearest to a point, "corner" or "middle" of a side, and its number: fingers' places overlap. */
  nearest(point) {
    const corners = this.shapes.corners(this.shape);
    const found = corners.map((corner, index) => ["corner", index, this.farFrom(point, corner)]);
    if (this.shape.kind !== "line") {
      const middles = corners.map((corner, index) => corner.map((value, axis) => (value + corners[(index + 1) % corners.length][axis]) / 2));
      found.push(...middles.map((middle, index) => ["middle", index, this.farFrom(point, middle)]));
    }
    return found.reduce((best, each) => (each[2] < best[2] ? each : best));
  }

  press(event) {
    this.nearPx = event.pointerType === "mouse" ? NEAR_PX : FINGER_PX;
    // A second finger neither takes the first one's drag away nor begins another.
    if (this.draft || this.drag || event.button !== 0 || !event.isPrimary) return;
    const { corner, middle, shape } = event.target.dataset;
    const from = this.pointOf(event);
    if (corner !== undefined || middle !== undefined) {
      const [kind, index] = this.nearest(from);
      // The circle of a middle stays until the finger moves: a browser scrolls if what is touched goes away at once.
      if (kind === "corner") this.drag = { index, from, corners: this.shapes.corners(this.shape) };
      else this.drag = { middle: index, from };
    } else if (shape !== undefined) {
      const isSelected = this.selected === Number(shape);
      this.select(Number(shape));
      // A finger that slides over a shape may want to scroll the page.
      if (isSelected || event.pointerType === "mouse") this.drag = { index: null, from, corners: this.shapes.corners(this.shape) };
    } else {
      this.select(null);
    }
    if (this.drag) this.root.setPointerCapture(event.pointerId);
  }

  move(event) {
    const to = this.pointOf(event);
    if (this.draft && event.pointerType === "mouse") {
      this.at = to.map((value) => Math.min(1, Math.max(0, value)));
      this.refresh();
    }
    if (!this.drag || !event.isPrimary) return;
    const { from } = this.drag;
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    if (!this.drag.begun) {
      if (this.farFrom(from, to) < this.nearPx && Math.abs(dx) + Math.abs(dy) < 0.004) return;
      if (this.drag.middle === undefined) this.shapes.begin();
      else this.pull();
      this.drag.begun = true;
    }
    const { index, corners } = this.drag;
    if (index === null) this.shapes.move(this.shape, corners, dx, dy);
    else this.shapes.put(this.shape, index, [corners[index][0] + dx, corners[index][1] + dy]);
    this.refresh();
  }

  /** Let what was pressed in the middle of a side be a corner that is dragged. */
  pull() {
    const index = this.shapes.insert(this.shape, this.drag.middle);
    this.drag = { index, from: this.drag.from, corners: this.shapes.corners(this.shape) };
    this.current = index;
    this.refresh();
  }

  release(event) {
    if (!this.drag || !event.isPrimary) return;
    if (this.drag.middle !== undefined && event.type === "pointerup") {
      this.pull();
      this.drag.begun = true;
    }
    const { begun, index } = this.drag;
    this.drag = null;
    if (index !== null) this.handles[index]?.focus();
    if (begun) this.told.changed();
  }

  click(event) {
    if (!this.draft) return;
    // A key's click on the cross has no place of its own, and keys are exact.
    const isKey = event.detail === 0;
    if (!isKey) this.at = this.pointOf(event).map((value) => Math.min(1, Math.max(0, value)));
    this.mark(isKey ? 1 : this.nearPx);
  }

  /** Set a corner at the cross; on the first or the last one again, the shape is done. */
  mark(nearPx) {
    const { kind, corners } = this.draft;
    const isAgain = [corners[0], corners.at(-1)].some((corner) => corner && this.farFrom(this.at, corner) < nearPx);
    if (isAgain) {
      if (corners.length >= CORNERS[kind][0]) this.finish();
      else this.told.say(words.tooFew(CORNERS[kind][0]));
      return;
    }
    corners.push([...this.at]);
    this.told.say(words.marked(corners.length, ...percents(this.at)));
    this.told.drawing(true, corners.length >= CORNERS[kind][0]);
    if (corners.length >= CORNERS[kind][1]) this.finish();
    else this.refresh();
  }

  key(event) {
    if (this.draft) this.keyWhileDrawing(event);
    else if (event.target.dataset.corner !== undefined) this.keyOnCorner(event, Number(event.target.dataset.corner));
  }

  keyWhileDrawing(event) {
    const way = ARROWS[event.key];
    if (event.key === "Escape") this.cancel();
    else if (event.key === "Backspace" || event.key === "Delete") {
      this.draft.corners.pop();
      this.told.say(words.marks(this.draft.corners.length));
      this.told.drawing(true, this.draft.corners.length >= CORNERS[this.draft.kind][0]);
      this.refresh();
    } else if (way) {
      const step = event.shiftKey ? BIG_STEP : STEP;
      this.at = this.at.map((value, axis) => Math.min(1, Math.max(0, value + step * way[axis])));
      this.refresh();
      this.told.say(words.at(...percents(this.at)));
    } else return;
    event.preventDefault();
  }

  keyOnCorner(event, index) {
    const way = ARROWS[event.key];
    if (event.key === "Delete" || event.key === "Backspace") this.drop();
    else if (event.key === "Insert" || event.key === "+") this.insert();
    else if (way) {
      const [dx, dy] = way.map((sign) => sign * (event.shiftKey ? BIG_STEP : STEP));
      const corners = this.shapes.corners(this.shape);
      this.shapes.begin(`${event.altKey ? "shape" : "corner"} ${this.selected} ${index}`);
      if (event.altKey) this.shapes.move(this.shape, corners, dx, dy);
      else this.shapes.put(this.shape, index, [corners[index][0] + dx, corners[index][1] + dy]);
      this.changed();
      this.told.say(words.at(...percents(this.shapes.corners(this.shape)[index])));
    } else return;
    event.preventDefault();
  }

  focus(event) {
    if (event.target.dataset.corner === undefined) return;
    this.current = Number(event.target.dataset.corner);
    this.told.corner(this.current);
  }
}
