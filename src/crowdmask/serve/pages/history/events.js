import { make, table } from "../common/dom.js";
import { percent, wholeTime } from "../common/format.js";
import { texts } from "../texts.en.js";

/** A table of events, and one of the times without a picture. */
export class EventTable {
  constructor(more) {
    const words = texts.history;
    const names = [words.camera, words.zone, words.event, words.state];
    this.table = table(words.eventsTable, [words.time, ...names, words.confidence, words.track], { texts: names });
    this.table.root.id = "events-table";
    this.table.root.classList.add("tall");
    this.more = make("p", { id: "events-more" });
    this.ask = more;
  }

  /** Show events; there are more where so many came as were asked for. */
  show(records, limit, most) {
    this.table.body.replaceChildren(...records.map(eventRow));
    this.more.replaceChildren(texts.history.events(records.length));
    if (records.length === limit && limit < most) {
      this.more.append(" ", make("button", { type: "button", id: "more-events", onclick: this.ask }, texts.history.older));
    }
  }
}

/** The times in which cameras were not looked at. */
export class GapTable {
  constructor() {
    const words = texts.history;
    const names = [words.camera, words.why, words.from, words.until, words.error];
    this.table = table(words.gapsTable, names, { texts: names });
    this.table.root.id = "gaps-table";
    this.table.root.classList.add("tall");
    this.none = make("p", {}, words.noGaps);
  }

  show(gaps) {
    this.none.hidden = gaps.length > 0;
    this.table.root.hidden = gaps.length === 0;
    this.table.body.replaceChildren(...gaps.map((gap) => make(
      "tr", {}, make("th", { scope: "row" }, gap.camera), ...[
        texts.history.whys[gap.why] ?? gap.why, wholeTime(gap.began_utc), wholeTime(gap.last_utc), gap.error ?? "",
      ].map((text) => make("td", { class: "text" }, text)),
    )));
  }
}

function eventRow(record) {
  const cells = [record.camera, record.zone ?? texts.noValue, texts.kinds[record.event] ?? record.event, texts.columns[record.label] ?? record.label];
  return make(
    "tr", {}, make("th", { scope: "row" }, wholeTime(record.time_utc)), ...cells.map((text) => make("td", { class: "text" }, text)),
    make("td", {}, percent(record.confidence)), make("td", {}, String(record.track)),
  );
}
