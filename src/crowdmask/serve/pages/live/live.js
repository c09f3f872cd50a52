import { make } from "../common/dom.js";
import { texts } from "../texts.en.js";
import { Alerts } from "./alerts.js";
import { Camera } from "./cameras.js";
import { follow } from "./connection.js";
import { Events } from "./events.js";
import { Totals } from "./totals.js";

const HEALTH_MS = 2000;
const ALERTS_MS = 10000;
const BEFORE = 50;

/** Show what the cameras see now, and what happens. */
export function open(root, site) {
  const cameras = new Map();
  const events = new Events();
  const alerts = new Alerts(site);
  const totals = new Totals();
  const grid = make("div", { id: "cameras" });
  const none = make("p", { id: "no-cameras", hidden: true }, texts.noCameras);
  let polling = null;
  let ended = false;

  root.append(
    totals.root,
    make(
      "div", { class: "live" },
      make("section", { "aria-labelledby": "cameras-title" }, make("h2", { id: "cameras-title" }, texts.cameras), none, grid),
      make(
        "div", { class: "side" }, alerts.root,
        make("section", { class: "events" }, make("h2", { id: "events-title" }, texts.events), events.frame, events.said),
      ),
    ),
  );

  async function health() {
    clearTimeout(polling);
    if (document.hidden || ended) return;
    try {
      show(await site.api("GET", "v1/cameras"));
    } catch {
      // The connection says that the service is away.
    }
    clearTimeout(polling);
    if (!ended) polling = setTimeout(health, HEALTH_MS);
  }

  function show(records) {
    if (ended) return;
    const names = new Set(records.map((record) => record.name));
    for (const [name, camera] of cameras) {
      if (names.has(name)) continue;
      camera.drop();
      camera.root.remove();
      cameras.delete(name);
    }
    for (const record of records) {
      if (!cameras.has(record.name)) {
        cameras.set(record.name, new Camera(record.name));
        grid.append(cameras.get(record.name).root);
      }
      cameras.get(record.name).health(record);
    }
    totals.keep(names);
    none.hidden = records.length > 0;
  }

  const kinds = {
    now(record) {
      cameras.get(record.camera)?.now(record);
      totals.now(record);
    },
    event: (record) => events.event(record),
    alert(record) {
      events.alert(record);
      alerts.load();
    },
    lost: () => events.lost(),
  };

  async function before() {
    try {
      events.begin(await site.api.get("v1/events", { limit: BEFORE }));
    } catch {
      // They are not there in mode statistics, and the connection says what else is wrong.
    }
  }

  const stop = follow(
    {
      async opened() {
        site.say(texts.connected);
        health();
        alerts.load();
        // What happened while the tab was hidden or the service away is in the store.
        await before();
      },
      async closed() {
        if (ended) return false;
        site.say(texts.lost);
        try {
          return await site.reenter();
        } catch {
          return true;
        }
      },
      news: (kind, record) => kinds[kind]?.(record),
      picture: (head, blob) => cameras.get(head.camera)?.picture(blob),
    },
    // The more pictures, the fewer of each a person can follow.
    () => (cameras.size > 6 ? 2 : cameras.size > 2 ? 4 : 8),
  );
  document.addEventListener("visibilitychange", health);
  // What others say of an alert is no news of the stream.
  const asking = setInterval(() => document.hidden || alerts.load(), ALERTS_MS);
  site.say(texts.connecting);
  health();

  return () => {
    ended = true;
    stop();
    clearTimeout(polling);
    clearInterval(asking);
    document.removeEventListener("visibilitychange", health);
    for (const camera of cameras.values()) camera.drop();
  };
}
