import { make, say } from "../common/dom.js";
import { clock } from "../common/format.js";
import { texts } from "../texts.en.js";

const MOST = 100;

/**
 * The newest events, each in a row that was there before: rows of one height whose texts move on, so that nothing
 * that a reader looks at or is about to press jumps when one comes.
 */
export class Events {
  constructor() {
    this.records = [];
    this.rows = [];
    this.list = make("ol", { id: "events" });
    this.frame = make("div", { id: "events-frame", class: "card", role: "region", "aria-labelledby": "events-title", tabindex: 0 }, this.list);
    this.said = make("p", { class: "unseen", role: "status" });
    for (let index = 0; index < MOST; index++) {
      const what = make("b");
      const where = make("time");
      const row = make("li", { class: "nothing", "aria-hidden": true }, what, where);
      this.rows.push({ row, what, where });
      this.list.append(row);
    }
  }

  /** Show those that happened before; the newest first. */
  begin(records) {
    this.records = records.slice(0, MOST).map(seen);
    this.show();
  }

  event(record) {
    this.add(seen(record));
  }

  alert(record) {
    const text = texts.alert(record.message);
    const at = record.recovered_utc ?? record.raised_utc;
    this.add({ kind: "alert", what: text, where: clock(at), at });
    say(this.said, text);
  }

  lost() {
    this.add({ kind: "", what: texts.newsLost, where: "" });
  }

  add(record) {
    this.records.unshift(record);
    this.records.length = Math.min(this.records.length, MOST);
    this.show();
  }

  show() {
    this.records.forEach((record, index) => {
      const { row, what, where } = this.rows[index];
      row.className = record.kind;
      row.removeAttribute("aria-hidden");
      row.title = `${record.what} ${record.where}`;
      say(what, record.what);
      say(where, record.where);
      where.dateTime = record.at ?? "";
    });
  }
}

function seen(record) {
  return {
    kind: record.event,
    what: texts.kinds[record.event] ?? record.event,
    where: texts.where(clock(record.time_utc), record.camera, record.zone),
    at: record.time_utc,
  };
}
