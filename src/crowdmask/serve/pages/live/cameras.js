import { make, say, table } from "../common/dom.js";
import { clock, percent, shareOf, stateOf, STATES } from "../common/format.js";
import { texts } from "../texts.en.js";

/** One camera: its picture, how it fares, who is in view. */
export class Camera {
  constructor(name) {
    this.name = name;
    this.rows = new Map();
    this.picked = null;
    this.waiting = null;
    this.image = make("img", { alt: texts.picture(name), width: 16, height: 9, onload: () => this.loaded(), onerror: () => this.loaded() });
    this.badge = make("span", { class: "badge" });
    this.state = make("p", { class: "state" });
    this.problem = make("p", { class: "trouble" });
    const people = table(texts.people(name), [texts.zone, ...Object.values(texts.columns), texts.shareShort]);
    this.body = people.body;
    const head = make("header", {}, make("h3", { title: name }, name), this.badge);
    this.root = make("article", { class: "card camera", "aria-label": name }, head, make("div", { class: "picture" }, this.image), this.state, this.problem, people.root);
  }

  /** Show how it fares, and a row for each zone. */
  health(record) {
    const kind = stateOf(record);
    this.root.classList.toggle("away", kind !== "live");
    this.badge.className = `badge ${kind === "live" ? "good" : kind === "private" || kind === "inactive" ? "" : "bad"}`;
    say(this.badge, texts.states[kind] ?? kind);
    const parts = [texts.fps(record.fps)];
    if (record.latency_ms !== null) parts.push(texts.latency(record.latency_ms));
    parts.push(texts.reconnects(record.reconnects), texts.restarts(record.restarts));
    say(this.state, parts.join(" · "));
    let trouble = "";
    if (kind === "private") trouble = texts.private;
    else if (record.down_since) trouble = [texts.downSince(clock(record.down_since)), record.last_error].filter(Boolean).join(": ");
    else if (record.frozen) trouble = texts.frozen;
    else if (kind !== "live") trouble = record.last_error ?? "";
    say(this.problem, trouble);
    this.problem.title = trouble;
    if (kind === "private") this.drop();
    const zones = [null, ...record.zones];
    for (const [zone, row] of this.rows) {
      if (zones.includes(zone)) continue;
      row.remove();
      this.rows.delete(zone);
    }
    for (const zone of zones) this.row(zone);
  }

  /** Show who is in view in a zone (null: the whole picture). */
  now(record) {
    const { people } = record;
    const values = [...STATES.map((state) => (people ? String(people[state]) : texts.noValue)), percent(shareOf(people))];
    const cells = this.row(record.zone).querySelectorAll("td");
    values.forEach((value, index) => say(cells[index], value));
  }

  /** Show a picture once the one before is shown; of those that come meanwhile, the last one. */
  picture(blob) {
    if (this.busy) this.waiting = blob;
    else this.put(blob);
  }

  put(blob) {
    const old = this.address;
    this.busy = true;
    this.address = URL.createObjectURL(blob);
    this.image.src = this.address;
    // Only one picture is kept: the memory of the one before is given back.
    if (old) URL.revokeObjectURL(old);
  }

  loaded() {
    this.busy = false;
    const next = this.waiting;
    this.waiting = null;
    if (next && this.address) this.put(next);
  }

  /** Show no picture. */
  drop() {
    this.busy = false;
    this.waiting = null;
    if (!this.address) return;
    URL.revokeObjectURL(this.address);
    this.address = null;
    this.image.removeAttribute("src");
  }

  row(zone) {
    if (!this.rows.has(zone)) {
      const cells = [...STATES, "share"].map(() => make("td", {}, texts.noValue));
      const made = make("tr", {}, make("th", { scope: "row" }, zone ?? texts.whole), ...cells);
      this.rows.set(zone, made);
      this.body.append(made);
    }
    return this.rows.get(zone);
  }
}
