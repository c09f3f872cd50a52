import { make, say } from "../common/dom.js";
import { percent, shareOf, STATES } from "../common/format.js";
import { texts } from "../texts.en.js";

/** People in view of all cameras together, by label, and the share masked. */
export class Totals {
  constructor() {
    this.people = new Map();
    this.values = new Map();
    this.root = make("dl", { class: "tiles", id: "totals" });
    for (const [key, text] of [["share", texts.share], ...Object.entries(texts.columns)]) {
      const value = make("dd", {}, texts.noValue);
      this.values.set(key, value);
      this.root.append(make("div", { class: `tile ${key}` }, make("dt", {}, text), value));
    }
  }

  /** Take in who is in view at a camera; zones are part of the whole picture. */
  now(record) {
    if (record.zone !== null) return;
    if (record.people) this.people.set(record.camera, record.people);
    else this.people.delete(record.camera);
    this.show();
  }

  /** Forget cameras that are not there. */
  keep(names) {
    for (const name of this.people.keys()) if (!names.has(name)) this.people.delete(name);
    this.show();
  }

  show() {
    const sum = Object.fromEntries(STATES.map((state) => [state, 0]));
    for (const people of this.people.values()) for (const state of STATES) sum[state] += people[state];
    const known = this.people.size > 0;
    for (const state of STATES) say(this.values.get(state), known ? String(sum[state]) : texts.noValue);
    say(this.values.get("share"), percent(known ? shareOf(sum) : null));
  }
}
