import { make } from "../common/dom.js";
import { texts } from "../texts.en.js";

const words = texts.setup.hours;
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** Parts of the day on days of the week, as a form edits them; `value` is as the settings have it. */
export class HoursField {
  constructor(label, hint, hours) {
    this.rows = new Set();
    this.list = make("div", { class: "hours" });
    this.more = make("button", { type: "button", onclick: () => this.add(null) }, words.add);
    this.root = make("fieldset", {}, make("legend", {}, label), make("small", {}, hint), this.list, this.more);
    for (const each of hours) this.add(each);
  }

  add(hours) {
    const number = this.rows.size + 1;
    const time = (label, value) => make("input", { type: "time", required: true, "aria-label": label, value: (value ?? "").slice(0, 5) });
    const start = time(words.start(number), hours?.start ?? "08:00");
    const end = time(words.end(number), hours?.end ?? "18:00");
    const days = DAYS.map((day) => make("input", { type: "checkbox", value: day, checked: !hours || hours.days.includes(day) }));
    const row = { start, end, days };
    const remove = make("button", { type: "button", class: "danger", "aria-label": words.remove(number), onclick: () => {
      this.rows.delete(row);
      row.root.remove();
      this.more.focus();
    } }, texts.setup.remove);
    row.root = make("div", { class: "row", role: "group", "aria-label": words.group(number) }, start, words.to, end,
      ...days.map((box) => make("label", { class: "check" }, box, words.days[box.value])), remove);
    this.rows.add(row);
    this.list.append(row.root);
    if (!hours) start.focus();
  }

  get value() {
    return [...this.rows].map(({ start, end, days }) => ({
      start: start.value, end: end.value, days: days.filter((box) => box.checked).map((box) => box.value),
    }));
  }
}
