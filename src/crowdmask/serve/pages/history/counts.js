import { make, table } from "../common/dom.js";
import { dayAndClock, percent, STATES } from "../common/format.js";
import { texts } from "../texts.en.js";
import { PeopleChart, ShareChart } from "./charts.js";
import { slotsOf } from "./spans.js";

const MOST_ROWS = 200;

/** Charts of counts, and the table that says the same. */
export class Counts {
  constructor() {
    const words = texts.history;
    this.share = new ShareChart("share-chart", words.share);
    this.people = new PeopleChart("people-chart", words.people);
    const columns = [words.begin, words.camera, words.zone, ...Object.values(texts.columns), words.persons, words.share, words.lookedAt, words.away];
    this.table = table(words.countsTable, columns, { texts: [words.camera, words.zone] });
    this.table.root.id = "counts-table";
    this.table.root.classList.add("tall");
    this.more = make("p", { id: "counts-more" });
    this.root = make("div", { class: "charts" }, this.share.root, this.people.root);
  }

  /** Show rows of the service. */
  show(rows, filters) {
    for (const row of rows) {
      const corrected = typeof row.share === "number";
      row.shown_share = corrected ? row.share : row.share_with_mask;
      row.shown_low = corrected ? (row.share_low ?? null) : null;
      row.shown_high = corrected ? (row.share_high ?? null) : null;
    }
    const slots = slotsOf(filters.start, filters.end, filters.per);
    const series = seriesOf(rows, slots);
    const corrected = rows.some((row) => row.shown_low !== null);
    const data = { slots, series, per: filters.per, corrected };
    this.share.show(data);
    this.people.show(data);
    this.fill(rows, MOST_ROWS);
  }

  fill(rows, most) {
    const shown = rows.slice(-most).reverse();
    this.table.body.replaceChildren(...shown.map(rowOf));
    this.more.replaceChildren(texts.history.rows(shown.length, rows.length));
    if (shown.length < rows.length) {
      this.more.append(" ", make("button", { type: "button", onclick: () => this.fill(rows, rows.length) }, texts.history.showAll));
    }
  }

  close() {
    this.share.close();
    this.people.close();
  }
}

/** Return a series for each camera: a row for each slot, null where nothing is kept. */
export function seriesOf(rows, slots) {
  const places = new Map(slots.map((time, at) => [time.getTime(), at]));
  const found = new Map();
  for (const row of rows) {
    // The first one begins where the span does, which may be within its slot.
    const time = Date.parse(row.start_utc);
    let at = places.get(time);
    if (at === undefined) at = Math.max(0, slots.findLastIndex((slot) => slot.getTime() <= time));
    if (!found.has(row.camera)) found.set(row.camera, Array(slots.length - 1).fill(null));
    if (at < slots.length - 1) found.get(row.camera)[at] = row;
  }
  return [...found].sort(([one], [other]) => one.localeCompare(other)).map(([name, of]) => ({ name, rows: of }));
}

function rowOf(row) {
  const range = row.shown_low === null ? "" : ` (${texts.history.range(percent(row.shown_low), percent(row.shown_high))})`;
  const cells = [
    ...STATES.map((state) => texts.history.minutes(row.person_s[state])), String(row.people),
    row.shown_share === null ? texts.noValue : `${percent(row.shown_share)}${range}`,
    texts.history.minutes(row.observed_s), texts.history.minutes(row.down_s + row.frozen_s),
  ];
  return make(
    "tr", {},
    make("th", { scope: "row" }, dayAndClock(row.start_utc)), make("td", { class: "text" }, row.camera),
    make("td", { class: "text" }, row.zone ?? texts.history.wholePicture), ...cells.map((text) => make("td", {}, text)),
  );
}
