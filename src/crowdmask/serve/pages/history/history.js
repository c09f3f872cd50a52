import { make } from "../common/dom.js";
import { toLocal } from "../common/format.js";
import { texts } from "../texts.en.js";
import { Counts } from "./counts.js";
import { EventTable, GapTable } from "./events.js";
import { Filters } from "./filters.js";
import { readFilters, writeFilters } from "./spans.js";

const STEP = 100;
const MOST_EVENTS = 10_000;
const AGAIN_MS = 3000;

/** Show what was seen: charts, events, and when nothing was looked at. The address holds what is chosen. */
export function open(root, site) {
  const words = texts.history;
  const counts = new Counts();
  const events = new EventTable(() => load({ more: true }));
  const gaps = new GapTable();
  let filters = null;
  let limit = STEP;
  let asked = null;
  let again = null;

  const asCsv = (id, text, ask) => make("button", { type: "button", id, onclick: (event) => save(event.currentTarget, ask) }, text);
  const holder = make("div");
  root.append(
    holder, counts.root,
    make(
      "section", {}, make("div", { class: "row" }, make("h2", {}, words.countsTable), asCsv("counts-csv", words.asCsv, countsAsked)),
      counts.table.root, counts.more,
    ),
    make(
      "section", {}, make("div", { class: "row" }, make("h2", {}, words.eventsTable), asCsv("events-csv", words.asCsv, eventsAsked)),
      events.table.root, events.more,
    ),
    make("section", {}, make("h2", {}, words.gapsTable), gaps.none, gaps.table.root),
  );

  const span = () => ({ start: filters.values.start.toISOString(), end: filters.values.end.toISOString(), camera: filters.values.camera });
  function countsAsked() {
    return ["v1/counts", { ...span(), zone: filters.values.zone, per: filters.values.per, interval: true }, "counts"];
  }
  function eventsAsked() {
    return ["v1/events", { ...span(), zone: filters.values.zone, event: filters.values.event, limit }, "events"];
  }

  /** Ask for what is chosen; an answer to an earlier choice is not shown any more. */
  async function load({ more = false } = {}) {
    clearTimeout(again);
    asked?.abort();
    asked = new AbortController();
    const mine = asked;
    const { signal } = mine;
    limit = more ? Math.min(MOST_EVENTS, limit + STEP) : STEP;
    const [countsPath, countsParams] = countsAsked();
    const [eventsPath, eventsParams] = eventsAsked();
    root.setAttribute("aria-busy", "true");
    try {
      const [rows, records, spans] = await Promise.all([
        more ? null : site.api.get(countsPath, countsParams, { signal }),
        site.api.get(eventsPath, eventsParams, { signal }),
        more ? null : site.api.get("v1/gaps", span(), { signal }),
      ]);
      if (rows) counts.show(rows, filters.values);
      if (spans) gaps.show(spans);
      events.show(records, limit, MOST_EVENTS);
      site.say("");
      root.dataset.loaded = String(Number(root.dataset.loaded ?? 0) + 1);
    } catch (error) {
      if (error.name === "AbortError") return;
      site.say(error.message);
      if (error.status === 0) again = setTimeout(load, AGAIN_MS);
    } finally {
      if (asked === mine) root.removeAttribute("aria-busy");
    }
  }

  /** Save the rows that are shown as a file; the service writes it, and notes that somebody did. */
  async function save(button, ask) {
    const [path, params, name] = ask();
    button.disabled = true;
    try {
      const answer = await site.api.raw("GET", path, { params, headers: { Accept: "text/csv" } });
      const address = URL.createObjectURL(await answer.blob());
      const [from, until] = [filters.values.start, filters.values.end].map((time) => toLocal(time).replaceAll(":", "."));
      make("a", { href: address, download: `${name} ${from} ${until}.csv` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
      site.say(words.saved);
    } catch (error) {
      site.say(error.message);
    } finally {
      button.disabled = false;
    }
  }

  async function begin() {
    clearTimeout(again);
    try {
      const cameras = await site.api("GET", "v1/cameras");
      filters = new Filters(readFilters(site.params), cameras, (values) => {
        site.setParams(writeFilters(values));
        load();
      });
      holder.replaceWith(filters.root);
      load();
    } catch (error) {
      site.say(error.message);
      if (error.status === 0) again = setTimeout(begin, AGAIN_MS);
    }
  }
  begin();

  return () => {
    clearTimeout(again);
    asked?.abort();
    counts.close();
    delete root.dataset.loaded;
  };
}
