import { make, say } from "../common/dom.js";
import { clock, dayAndClock, fromLocal, percent, toLocal } from "../common/format.js";
import { texts } from "../texts.en.js";

const MOST = 20;
const words = texts.alerts;

/**
 * Alerts that go on, then those that ended. Each stands in a row that was there before, so that nothing jumps; while
 * somebody is at the list no row gets another alert, so that nobody acknowledges one that took another's place.
 */
export class Alerts {
  constructor(site) {
    this.site = site;
    this.records = [];
    this.list = make("ol", { id: "alerts" });
    this.frame = make("div", { id: "alerts-frame", class: "card", role: "region", "aria-labelledby": "alerts-title", tabindex: 0 }, this.list);
    this.none = make("li", { class: "none" }, words.none);
    this.judged = make("p", { id: "alerts-judged", class: "one-line" });
    this.said = make("p", { id: "alerts-said", class: "one-line", role: "status" });
    this.list.append(this.none);
    this.rows = Array.from({ length: MOST }, (_, index) => this.row(index));
    this.root = make("section", { class: "alerts" }, make("h2", { id: "alerts-title" }, words.title), this.judged, this.frame, this.said);
  }

  row(index) {
    const row = { what: make("b", { id: `alert-${index}` }), where: make("span"), state: make("span") };
    const named = { type: "button", "aria-describedby": row.what.id };
    row.root = make("li", { class: "nothing" }, row.what, row.where, row.state);
    if (this.site.me.role === "admin") {
      row.seen = make("button", { ...named, onclick: () => row.record.acknowledged_utc || this.post(row, "acknowledge") }, words.acknowledge);
      row.wrong = make("button", { ...named, onclick: () => this.post(row, "mark", { wrong: row.record.wrong ? null : true }) }, words.wrong);
      const times = Object.entries(words.times).map(([value, text]) => make("option", { value }, text));
      row.time = make("select", { "aria-label": words.howLong, "aria-describedby": row.what.id }, ...times);
      const snooze = make("button", { ...named, onclick: () => this.post(row, "snooze", { minutes: minutes(row.time.value) }) }, words.snooze);
      row.root.append(make("div", { class: "row" }, row.seen, row.wrong, row.time, snooze));
    }
    this.list.append(row.root);
    return row;
  }

  /** Do something with a row's alert, and show what came of it. */
  async post(row, what, body) {
    try {
      await this.site.api("POST", `v1/alerts/${row.record.id}/${what}`, body);
      say(this.said, words.done[what]);
    } catch (error) {
      say(this.said, error.message);
    }
    await this.load();
  }

  /** Ask for the alerts, and how they were judged. */
  async load() {
    const asked = (this.asked = {});
    const { api } = this.site;
    try {
      const [open, all, rules] = await Promise.all([
        api.get("v1/alerts", { open: true, limit: MOST }), api.get("v1/alerts", { limit: MOST }), api.get("v1/rules"),
      ]);
      // An answer that a later one has overtaken would take back what it showed.
      if (this.asked === asked) this.show([...open, ...all.filter((each) => each.recovered_utc)].slice(0, MOST), rules);
    } catch {
      // The connection says that the service is away.
    }
  }

  show(records, rules) {
    const news = new Map(records.map((each) => [each.id, each]));
    const used = this.frame.matches(":hover, :focus-within") && this.records.length;
    this.records = used ? this.records.map((each) => news.get(each.id) ?? each) : records;
    const snoozed = (record) => rules.find(({ name }) => name === record.rule)?.snoozed
      .find(({ camera, zone }) => camera === record.camera && zone === record.zone)?.until_utc;
    this.none.hidden = this.records.length > 0;
    this.rows.forEach((row, index) => {
      const record = this.records[index];
      row.root.className = record ? (record.recovered_utc ? "ended" : "open") : "nothing";
      if (record) fill(row, record, snoozed(record));
    });
    const sum = (key) => rules.reduce((all, rule) => all + rule[key], 0);
    const all = sum("alerts");
    say(this.judged, all ? words.judged(sum("wrong"), all, percent(sum("wrong") / all)) : "");
  }
}

function fill(row, record, snoozed) {
  row.record = record;
  say(row.what, record.message);
  say(row.where, words.where(record.rule, record.camera, record.zone));
  const parts = [words.since(dayAndClock(record.raised_utc)), record.recovered_utc ? words.ended(clock(record.recovered_utc)) : words.open];
  if (record.acknowledged_utc) parts.push(words.seenBy(record.acknowledged_by));
  if (record.wrong) parts.push(words.marked);
  if (snoozed) parts.push(words.snoozed(dayAndClock(snoozed)));
  say(row.state, parts.join(" · "));
  row.root.title = `${record.message} ${row.where.textContent} ${row.state.textContent}`;
  if (!row.seen) return;
  say(row.seen, record.acknowledged_utc ? words.seen : words.acknowledge);
  row.seen.setAttribute("aria-disabled", Boolean(record.acknowledged_utc));
  row.wrong.setAttribute("aria-pressed", record.wrong === true);
}

/** Return so many minutes, or those until midnight of the site. */
function minutes(text) {
  if (text !== "tomorrow") return Number(text);
  const today = Date.parse(`${toLocal(Date.now()).slice(0, 10)}T00:00Z`);
  const midnight = fromLocal(new Date(today + 86400000).toISOString().slice(0, 16));
  return Math.max(1, Math.ceil((midnight - Date.now()) / 60000));
}
