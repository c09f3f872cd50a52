import { make, say } from "../common/dom.js";
import { stateOf } from "../common/format.js";
import { texts } from "../texts.en.js";
import { ask, toTitle, worker } from "./asking.js";
import { CameraForm } from "./camera_form.js";

const words = texts.setup.cameras;
const EVERY_MS = 3000;

const path = (name, below = "") => `v1/cameras/${encodeURIComponent(name)}${below}`;
const link = (text, ...parts) => make("a", { class: "button", href: `#/${parts.map(encodeURIComponent).join("/")}` }, text);

/** Show all cameras, or the settings of one. */
export async function showCameras(root, site, name) {
  if (name) return changeCamera(root, site, name);
  const list = make("ul", { class: "things", "aria-label": words.list });
  const none = make("p", { hidden: true }, texts.noCameras);
  const cards = new Map();

  async function refresh() {
    const records = await site.api("GET", "v1/cameras");
    none.hidden = records.length > 0;
    for (const [known, card] of cards) {
      if (records.some((record) => record.name === known)) continue;
      card.root.remove();
      cards.delete(known);
    }
    for (const record of records) {
      if (!cards.has(record.name)) {
        cards.set(record.name, new Card(record.name, site, refresh));
        list.append(cards.get(record.name).root);
      }
      cards.get(record.name).show(record);
    }
  }

  root.append(make("p", { class: "row" }, make("a", { class: "button primary", href: "#/add" }, words.add)), none, list);
  await refresh();
  const timer = setInterval(() => document.hidden || refresh().catch(() => null), EVERY_MS);
  return () => clearInterval(timer);
}

/** One camera of the list. */
class Card {
  constructor(name, site, refresh) {
    this.name = name;
    this.state = make("span", { class: "badge" });
    this.about = make("p", { class: "quiet" });
    const problem = make("p", { class: "problem", role: "alert" });
    this.privacy = worker(words.privacy, problem, async () => {
      await site.api("PUT", path(name, "/privacy"), { on: !this.isPrivate });
      await refresh();
    }, { "aria-pressed": "false", "aria-label": words.privacyOf(name) });
    const remove = worker(texts.setup.remove, problem, async () => {
      if (!(await ask(words.reallyRemove(name), texts.setup.remove))) return;
      await site.api("DELETE", path(name));
      await refresh();
      toTitle();
    }, { class: "danger", "aria-label": words.removeThis(name) });
    const to = (text, label, ...parts) => {
      const made = link(text, ...parts);
      made.ariaLabel = label;
      return made;
    };
    this.root = make("li", { class: "card" },
      make("div", { class: "row" }, make("h3", {}, name), this.state), this.about,
      make("p", { class: "row" },
        to(words.zones, words.zonesOf(name), "cameras", name, "zones"),
        to(words.settings, words.change(name), "cameras", name), this.privacy, remove),
      problem);
  }

  show(record) {
    this.isPrivate = record.private;
    const state = stateOf(record);
    say(this.state, texts.states[state] ?? state);
    this.state.className = `badge ${state === "live" ? "good" : state === "down" || state === "frozen" ? "bad" : ""}`;
    const zones = record.zones.length ? words.hasZones(record.zones.join(", ")) : words.noZones;
    const error = record.last_error && state !== "live" ? record.last_error : null;
    say(this.about, [record.source, zones, error].filter(Boolean).join(" · "));
    this.privacy.setAttribute("aria-pressed", String(record.private));
  }
}

/** Add a camera. */
export async function addCamera(root, site) {
  const form = new CameraForm(null, site, async (body) => {
    await site.api("POST", "v1/cameras", body);
    location.hash = "#/cameras";
  });
  root.append(form.root);
  return form.leave;
}

async function changeCamera(root, site, name) {
  const settings = await site.api("GET", path(name, "/settings"));
  const form = new CameraForm(settings, site, async (body) => {
    await site.api("PATCH", path(name), body);
    location.hash = "#/cameras";
  });
  root.append(form.root);
  return form.leave;
}
