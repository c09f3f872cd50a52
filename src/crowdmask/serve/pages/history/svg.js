import { toLocal } from "../common/format.js";

const SVG = "http://www.w3.org/2000/svg";
export const HEIGHT = 220;
const EDGE = { left: 44, right: 12, top: 12, bottom: 28 };

/** Return an SVG element. */
export function draw(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** Where things stand in a chart of a width: `x(time)`, `y(value)`. */
export class Plane {
  constructor(width, slots, most) {
    this.width = width;
    this.slots = slots;
    this.most = most;
    [this.first, this.last] = [slots[0].getTime(), slots.at(-1).getTime()];
    this.bottom = HEIGHT - EDGE.bottom;
  }

  x(time) {
    return round(EDGE.left + ((time - this.first) / (this.last - this.first)) * (this.width - EDGE.left - EDGE.right));
  }

  y(value) {
    return round(this.bottom - (value / this.most) * (this.bottom - EDGE.top));
  }

  /** Return lines and figures of both axes. `say` gives a value's text, `when` a time's. */
  axes(values, say, when) {
    const right = this.width - EDGE.right;
    const rows = values.map((value) => draw(
      "g", {},
      draw("line", { class: "grid", x1: EDGE.left, x2: right, y1: this.y(value), y2: this.y(value) }),
      draw("text", { x: EDGE.left - 6, y: this.y(value) + 4, "text-anchor": "end" }, say(value)),
    ));
    const places = marksOf(this.slots.slice(0, -1), Math.max(2, Math.floor((right - EDGE.left) / 90)));
    const columns = places.map((time) => draw(
      "text", { x: this.x(time), y: HEIGHT - 8, "text-anchor": this.x(time) > right - 60 ? "end" : "start" }, when(time),
    ));
    return [...rows, ...columns];
  }
}

/** Return round values from 0 to at least the most there is, five at the most. */
export function ticks(most) {
  const rough = Math.max(most, 1e-9) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const count = Math.max(1, Math.ceil(most / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}

/** Return the times to write at the axis: those at which days begin, where there are several of them. */
function marksOf(times, most) {
  const midnights = times.filter((time) => toLocal(time).endsWith("T00:00"));
  const marks = midnights.length > 2 ? midnights : times;
  const every = Math.ceil(marks.length / most);
  return marks.filter((_, index) => index % every === 0);
}

const round = (number) => Math.round(number * 10) / 10;
