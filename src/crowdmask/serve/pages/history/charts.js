import { make } from "../common/dom.js";
import { clock, day, percent, shortDay, STATES } from "../common/format.js";
import { texts } from "../texts.en.js";
import { draw, HEIGHT, Plane, ticks } from "./svg.js";

const NEW_WIDTH_MS = 100;
const DAY_MS = 86_400_000;

/** A chart that is drawn anew when its width changes, so that its letters keep their size. */
class Chart {
  constructor(id, title) {
    this.title = title;
    this.legend = make("p", { class: "legend" });
    this.frame = make("div", { class: "chart", id });
    this.root = make("figure", { class: "card" }, make("figcaption", {}, make("h2", {}, title)), this.frame, this.legend);
    this.watch = new ResizeObserver(() => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.redraw(), NEW_WIDTH_MS);
    });
    this.watch.observe(this.frame);
  }

  show(data) {
    this.data = data;
    this.redraw();
  }

  redraw() {
    const width = this.frame.clientWidth;
    if (!this.data || !width) return;
    const { label, parts, legend } = this.drawn(this.data, Math.max(width, 240));
    const size = { width: Math.max(width, 240), height: HEIGHT, role: "img", "aria-label": `${this.title}: ${label}` };
    this.frame.replaceChildren(draw("svg", size, ...parts));
    this.legend.replaceChildren(...legend);
  }

  close() {
    this.watch.disconnect();
    clearTimeout(this.timer);
  }
}

/** The share masked of each camera, with its interval where there is one; what was not looked at is a gap. */
export class ShareChart extends Chart {
  drawn({ slots, series, per, corrected }, width) {
    const plane = new Plane(width, slots, 1);
    const parts = [...unseen(plane, series), ...plane.axes([0, 0.25, 0.5, 0.75, 1], percent, markOf(slots))];
    for (const [index, { rows }] of series.entries()) {
      for (const run of runsOf(rows, slots, (row) => row.shown_share !== null)) parts.push(...line(plane, run, index));
      parts.push(...rows.map((row, at) => [row, at]).filter(([row]) => row && row.shown_share !== null).map(([row, at]) => draw(
        "circle", { class: `dot c${index % 10}`, cx: plane.x(middle(slots, at)), cy: plane.y(row.shown_share), r: slots.length > 100 ? 1.5 : 3 },
        draw("title", {}, texts.history.point(series[index].name, whenOf(per)(slots[at]), percent(row.shown_share), rangeOf(row))),
      )));
    }
    const known = series.flatMap(({ rows }) => rows.filter((row) => row && row.shown_share !== null).map((row) => row.shown_share));
    const label = known.length ? texts.history.between(percent(Math.min(...known)), percent(Math.max(...known))) : texts.history.nothing;
    const legend = [...series.map(({ name }, index) => key(`c${index % 10}`, name)), corrected ? key("band", texts.history.interval) : texts.history.noInterval, key("unseen", texts.history.notLookedAt)];
    return { label, parts, legend };
  }
}

/** How many people were in view on average, by label, of all cameras that are shown together. */
export class PeopleChart extends Chart {
  drawn({ slots, series, per }, width) {
    const sums = slots.slice(0, -1).map((_, at) => meanOf(series, at));
    const marks = ticks(Math.max(0, ...sums.filter(Boolean).map((sum) => STATES.reduce((all, state) => all + sum[state], 0))) || 1);
    const plane = new Plane(width, slots, marks.at(-1));
    const parts = [...unseen(plane, series), ...plane.axes(marks, String, markOf(slots))];
    sums.forEach((sum, at) => {
      if (!sum) return;
      let under = 0;
      const [left, right] = [plane.x(slots[at]), plane.x(slots[at + 1])];
      const thin = Math.max(1, (right - left) * 0.8);
      for (const state of STATES) {
        const top = under + sum[state];
        const [low, high] = [plane.y(under), plane.y(top)];
        under = top;
        if (low - high < 0.1) continue;
        const text = texts.history.point(texts.columns[state], whenOf(per)(slots[at]), texts.history.mean(sum[state]), "");
        parts.push(draw("rect", { class: state, x: left + (right - left - thin) / 2, width: thin, y: high, height: low - high }, draw("title", {}, text)));
      }
    });
    const known = sums.filter(Boolean).map((sum) => STATES.reduce((all, state) => all + sum[state], 0));
    const label = known.length ? texts.history.upTo(texts.history.mean(Math.max(...known))) : texts.history.nothing;
    return { label, parts, legend: [...STATES.map((state) => key(state, texts.columns[state])), key("unseen", texts.history.notLookedAt)] };
  }
}

/** Return people in view on average in a slot, by state; null where no camera looked. */
function meanOf(series, at) {
  const seen = series.map(({ rows }) => rows[at]).filter((row) => row && row.observed_s > 0);
  if (!seen.length) return null;
  return Object.fromEntries(STATES.map((state) => [state, seen.reduce((sum, row) => sum + row.person_s[state] / row.observed_s, 0)]));
}

/** Shade the slots in which nothing was looked at. */
function unseen(plane, series) {
  const parts = [];
  for (let at = 0; at < plane.slots.length - 1; at++) {
    if (series.some(({ rows }) => rows[at] && rows[at].observed_s > 0)) continue;
    const [left, right] = [plane.x(plane.slots[at]), plane.x(plane.slots[at + 1])];
    parts.push(draw("rect", { class: "unseen-span", x: left, width: right - left, y: plane.y(plane.most), height: plane.bottom - plane.y(plane.most) }));
  }
  return parts;
}

/** Return the runs of slots, one after another, that have a value. */
function runsOf(rows, slots, has) {
  const runs = [];
  let run = [];
  rows.forEach((row, at) => {
    if (row && has(row)) run.push({ row, time: middle(slots, at) });
    else if (run.length) {
      runs.push(run);
      run = [];
    }
  });
  return run.length ? [...runs, run] : runs;
}

function line(plane, run, index) {
  const path = (points) => points.map(([time, value]) => `${plane.x(time)},${plane.y(value)}`).join(" ");
  const parts = [];
  if (run.every(({ row }) => row.shown_low !== null)) {
    const upper = run.map(({ row, time }) => [time, row.shown_high]);
    const lower = run.map(({ row, time }) => [time, row.shown_low]).reverse();
    if (run.length > 1) parts.push(draw("polygon", { class: `band c${index % 10}`, points: path([...upper, ...lower]) }));
    else parts.push(draw("polyline", { class: `line c${index % 10}`, points: path([upper[0], lower[0]]) }));
  }
  if (run.length > 1) parts.push(draw("polyline", { class: `line c${index % 10}`, points: path(run.map(({ row, time }) => [time, row.shown_share])) }));
  return parts;
}

const middle = (slots, at) => (slots[at].getTime() + slots[at + 1].getTime()) / 2;
const whenOf = (per) => (per === "hour" ? (time) => `${shortDay(time)} ${clock(time).slice(0, 5)}` : day);
const markOf = (slots) => (slots.at(-1) - slots[0] > 2.5 * DAY_MS ? shortDay : (time) => clock(time).slice(0, 5));
const rangeOf = (row) => (row.shown_low === null ? "" : texts.history.range(percent(row.shown_low), percent(row.shown_high)));
const key = (kind, text) => make("span", { class: "key" }, make("span", { class: `swatch ${kind}`, "aria-hidden": true }), text);
