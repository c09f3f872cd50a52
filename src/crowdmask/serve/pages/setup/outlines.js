import { make } from "../common/dom.js";
import { texts } from "../texts.en.js";

/** Width of the drawing in its own units; its height follows the picture. */
export const WIDE = 1000;
const ARROW = 45;
const HEAD = 14;

function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

const join = (points) => points.map((point) => point.map((value) => value.toFixed(1)).join(",")).join(" ");

/** Return the two lines of an arrow towards the inside of a line: right-hand, seen from start to end. */
function arrow([start, end]) {
  const way = [end[0] - start[0], end[1] - start[1]];
  const length = Math.hypot(...way) || 1;
  const along = way.map((value) => value / length);
  const across = [-along[1], along[0]];
  const middle = [(start[0] + end[0]) / 2, (start[1] + end[1]) / 2];
  const at = (far, aside) => middle.map((value, axis) => value + far * across[axis] + aside * along[axis]);
  return { shaft: [middle, at(ARROW, 0)], head: [at(ARROW - HEAD, -HEAD), at(ARROW, 0), at(ARROW - HEAD, HEAD)], tip: at(ARROW + 18, 0) };
}

/** Return the elements that show all shapes, and the one that is being drawn. */
export function drawing(shapes, ratio, selected, draft) {
  const own = (corners) => corners.map(([x, y]) => [WIDE * x, WIDE * ratio * y]);
  const made = [];
  for (const shape of shapes.all) {
    const points = own(shapes.corners(shape));
    const marks = `${shape.kind}${shape.id === selected ? " selected" : ""}`;
    const attributes = { class: marks, "data-shape": shape.id };
    if (shape.kind === "line") {
      const { shaft, head } = arrow(points);
      // The wide one takes clicks and fingers.
      made.push(svg("polyline", { ...attributes, class: `${marks} wide`, points: join(points) }));
      made.push(...[points, shaft, head].map((part) => svg("polyline", { ...attributes, points: join(part) })));
    } else {
      made.push(svg("polygon", { ...attributes, points: join(points) }));
      if (shape.id === selected) made.push(...middles(points));
    }
  }
  if (draft) {
    const points = own([...draft.corners, draft.at]);
    made.push(svg("polyline", { class: "draft", points: join(points) }));
    made.push(...own(draft.corners).map(([x, y]) => svg("circle", { class: "draft", cx: x, cy: y, r: 6 })));
  }
  return made;
}

/** Return the places where another corner can be dragged out of a side. */
function middles(points) {
  return points.flatMap(([x, y], index) => {
    const [nextX, nextY] = points[(index + 1) % points.length];
    const place = { "data-middle": index, cx: (x + nextX) / 2, cy: (y + nextY) / 2, r: 9 };
    // The wide one takes fingers.
    return ["middle wide", "middle"].map((name) => svg("circle", { class: name, ...place }));
  });
}

/** Write the names of all shapes over them, and which side of a line is inside. */
export function placeLabels(root, shapes, ratio) {
  const labels = shapes.all.map((shape) => {
    const corners = shapes.corners(shape);
    let [x, y] = [0, 1].map((axis) => corners.reduce((sum, corner) => sum + corner[axis], 0) / corners.length);
    let text = shape.name || texts.setup.zones.kinds[shape.kind];
    if (shape.kind === "line") {
      const { tip } = arrow(corners.map((corner) => [WIDE * corner[0], WIDE * ratio * corner[1]]));
      [x, y] = [tip[0] / WIDE, tip[1] / (WIDE * ratio)];
      text = texts.setup.zones.inside(text);
    }
    const label = make("span", { class: "label" }, text);
    label.style.left = `${100 * Math.min(0.95, Math.max(0.05, x))}%`;
    label.style.top = `${100 * Math.min(0.95, Math.max(0.05, y))}%`;
    return label;
  });
  root.replaceChildren(...labels);
}
