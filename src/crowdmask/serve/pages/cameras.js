import { texts } from "./texts.en.js";

const STATES = Object.keys(texts.columns);

/** Return an element with a text. */
export function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Return the time of day of a UTC time, on the reader's clock. */
export function clock(utc) {
  return new Date(utc).toLocaleTimeString();
}

/** One camera: its picture, how it fares, who is in view. */
export class Camera {
  constructor(name) {
    this.name = name;
    this.rows = new Map();
    this.root = element("article");
    this.image = element("img", "", { alt: texts.picture(name) });
    this.state = element("p", "", { class: "state" });
    this.body = element("tbody");
    const table = element("table", "", { "aria-label": texts.people(name) });
    const head = element("tr");
    for (const text of [texts.zone, ...Object.values(texts.columns), texts.share]) {
      head.append(element("th", text, { scope: "col" }));
    }
    const top = element("thead");
    top.append(head);
    table.append(top, this.body);
    const frame = element("div", "", { class: "table", role: "region", "aria-label": texts.people(name), tabindex: "0" });
    frame.append(table);
    this.root.append(element("h3", name), this.image, this.state, frame);
  }

  /** Show how it fares, and a row for each zone. */
  health(record) {
    const away = record.private || record.down_since !== null || record.frozen;
    this.root.classList.toggle("away", away);
    if (record.private) {
      this.state.textContent = texts.private;
      this.drop();
    } else {
      const parts = [record.state, texts.fps(record.fps)];
      if (record.latency_ms !== null) parts.push(texts.latency(record.latency_ms));
      if (record.frozen) parts.push(texts.frozen);
      if (record.down_since) parts.push(texts.downSince(clock(record.down_since)));
      parts.push(texts.reconnects(record.reconnects), texts.restarts(record.restarts));
      if (record.last_error && away) parts.push(record.last_error);
      this.state.textContent = parts.join(", ");
    }
    const zones = [null, ...record.zones];
    for (const [zone, row] of this.rows) {
      if (!zones.includes(zone)) {
        row.remove();
        this.rows.delete(zone);
      }
    }
    for (const zone of zones) this.row(zone);
  }

  /** Show who is in view in a zone (null: the whole picture). */
  now(record) {
    const { people } = record;
    const known = people && people.with_mask + people.without_mask + people.mask_worn_incorrect;
    const share = known ? `${Math.round((100 * people.with_mask) / known)} %` : texts.noValue;
    const values = [...STATES.map((state) => (people ? String(people[state]) : texts.noValue)), share];
    const cells = this.row(record.zone).querySelectorAll("td");
    values.forEach((value, index) => (cells[index].textContent = value));
  }

  /** Show a picture, and give the memory of the one before back. */
  picture(blob) {
    this.drop();
    this.address = URL.createObjectURL(blob);
    this.image.src = this.address;
  }

  /** Show no picture. */
  drop() {
    if (!this.address) return;
    URL.revokeObjectURL(this.address);
    this.address = null;
    this.image.removeAttribute("src");
  }

  row(zone) {
    if (!this.rows.has(zone)) {
      const made = element("tr");
      made.append(element("th", zone ?? texts.whole, { scope: "row" }));
      for (let index = 0; index <= STATES.length; index++) made.append(element("td", texts.noValue));
      this.rows.set(zone, made);
      this.body.append(made);
    }
    return this.rows.get(zone);
  }
}
