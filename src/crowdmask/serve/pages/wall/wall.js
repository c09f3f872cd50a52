import { api, useSession } from "../common/api.js";
import { make, say } from "../common/dom.js";
import { clock, percent, shareOf, STATES, useZone } from "../common/format.js";
import { texts } from "../texts.en.js";

const EVERY_MS = 2000;
const REFUSED_MS = 30_000;
const at = (id) => document.getElementById(id);
const words = texts.wall;
const figures = new Map();
const cards = new Map();
let timer = null;
let zone = null;

/** A camera's card: its name, how it fares, the share of each of its zones. */
class Card {
  constructor(name) {
    this.badge = make("span", { class: "badge" });
    this.rows = make("dl", { class: "zones" });
    this.values = new Map();
    this.root = make("section", { class: "card" }, make("div", { class: "row" }, make("h2", {}, name), this.badge), this.rows);
  }

  show(camera) {
    const kind = camera.private ? "private" : !camera.online ? "down" : camera.frozen ? "frozen" : "live";
    say(this.badge, texts.states[kind]);
    this.badge.className = `badge ${kind === "live" ? "good" : kind === "private" ? "" : "bad"}`;
    const names = new Set(camera.zones.map(({ zone }) => zone ?? ""));
    for (const [name, { row }] of this.values) {
      if (names.has(name)) continue;
      row.remove();
      this.values.delete(name);
    }
    for (const { zone, people, share_with_mask: share } of camera.zones) {
      const name = zone ?? "";
      if (!this.values.has(name)) {
        const [value, count] = [make("b"), make("span")];
        const row = make("div", {}, make("dt", {}, zone ?? texts.history.wholePicture), make("dd", {}, value, " ", count));
        this.values.set(name, { row, value, count });
        this.rows.append(row);
      }
      const { value, count } = this.values.get(name);
      say(value, percent(share));
      say(count, people ? words.people(STATES.reduce((sum, state) => sum + people[state], 0)) : texts.noValue);
    }
  }
}

function show(record) {
  say(at("site"), record.site);
  // The hall's clock: the screen's own device may be set to any.
  if (zone !== record.timezone) useZone((zone = record.timezone));
  say(at("time"), clock(record.time_utc));
  document.title = record.site;
  const sum = Object.fromEntries(STATES.map((state) => [state, 0]));
  let known = false;
  for (const camera of record.cameras) {
    const whole = camera.zones.find(({ zone }) => zone === null)?.people;
    if (!whole) continue;
    known = true;
    for (const state of STATES) sum[state] += whole[state];
  }
  say(figures.get("share"), percent(known ? shareOf(sum) : null));
  for (const state of STATES) say(figures.get(state), known ? String(sum[state]) : texts.noValue);
  const names = new Set(record.cameras.map(({ camera }) => camera));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    card.root.remove();
    cards.delete(name);
  }
  for (const camera of record.cameras) {
    if (!cards.has(camera.camera)) {
      cards.set(camera.camera, new Card(camera.camera));
      at("cameras").append(cards.get(camera.camera).root);
    }
    cards.get(camera.camera).show(camera);
  }
}

/** Say what is wrong; figures that are old must not be taken for those of now. */
function trouble(text) {
  say(at("status"), text);
  document.body.classList.toggle("stale", text !== "");
}

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  let wait = EVERY_MS;
  try {
    show(await api("GET", "v1/wall"));
    trouble("");
  } catch (error) {
    const refused = error.status === 401 || error.status === 403;
    if (refused) {
      wait = REFUSED_MS;
      for (const value of figures.values()) say(value, texts.noValue);
      for (const card of cards.values()) card.root.remove();
      cards.clear();
    }
    trouble(refused ? words.refused : error.message);
  }
  clearTimeout(timer);
  timer = setTimeout(look, wait);
}

/** Keep the screen on, where the browser lets a page ask for it. */
async function keepOn() {
  if (!document.hidden) await navigator.wakeLock?.request("screen").catch(() => null);
}

for (const [name, text] of [["share", texts.share], ...Object.entries(texts.columns)]) {
  figures.set(name, make("dd", {}, texts.noValue));
  at("figures").append(make("div", { class: `tile ${name}` }, make("dt", {}, text), figures.get(name)));
}
// The token stands behind #, so that it reaches no log on the way.
const begin = () => {
  useSession({ token: location.hash.slice(1) });
  look();
};
addEventListener("hashchange", begin);
document.addEventListener("visibilitychange", () => {
  look();
  keepOn();
});
begin();
keepOn();
