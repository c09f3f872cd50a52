import { Camera, clock, element } from "./cameras.js";
import { follow } from "./connection.js";
import { texts } from "./texts.en.js";

const MOST_EVENTS = 200;
const HEALTH_MS = 2000;
const at = (id) => document.getElementById(id);
const cameras = new Map();
let me = null;
let stop = null;
let polling = null;

for (const [id, text] of [
  ["cameras-title", texts.cameras], ["photos", texts.photos], ["events-title", texts.events], ["login-title", texts.loginTitle],
  ["name-label", texts.name], ["password-label", texts.password], ["login-button", texts.login],
  ["logout", texts.logout], ["no-cameras", texts.noCameras], ["status", texts.connecting],
]) at(id).textContent = text;

function say(text) {
  if (at("status").textContent !== text) at("status").textContent = text;
}

function tell(text) {
  at("events").prepend(element("li", text));
  while (at("events").children.length > MOST_EVENTS) at("events").lastChild.remove();
}

function told(kind, record) {
  if (kind === "now") cameras.get(record.camera)?.now(record);
  else if (kind === "event") {
    const what = texts.kinds[record.event] ?? record.event;
    tell(texts.event(clock(record.time_utc), record.camera, what, record.zone));
  } else if (kind === "alert") {
    tell(texts.alert(clock(record.recovered_utc ?? record.raised_utc), record.message));
  }
  else if (kind === "lost") tell(texts.newsLost);
}

async function health() {
  clearTimeout(polling);
  if (document.hidden || !stop) return;
  try {
    const answer = await fetch("v1/cameras");
    if (answer.ok) show(await answer.json());
  } catch {
    // The connection says that the service is away.
  }
  if (stop) polling = setTimeout(health, HEALTH_MS);
}

function show(records) {
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
      at("cameras").append(cameras.get(record.name).root);
    }
    cameras.get(record.name).health(record);
  }
  at("no-cameras").hidden = records.length > 0;
}

/** Show the login or the site; returns false where somebody has to log in first. */
async function enter() {
  const answer = await fetch("v1/me");
  if (answer.status === 401) {
    leave();
    return false;
  }
  if (!answer.ok) throw new Error(String(answer.status));
  me = await answer.json();
  at("login").hidden = true;
  at("live").hidden = false;
  at("logout").hidden = me.open;
  return true;
}

function leave() {
  stop?.();
  stop = null;
  clearTimeout(polling);
  for (const camera of cameras.values()) camera.drop();
  cameras.clear();
  at("cameras").replaceChildren();
  at("events").replaceChildren();
  at("live").hidden = at("logout").hidden = true;
  at("login").hidden = false;
  say("");
  at("name").focus();
}

async function closed() {
  say(texts.lost);
  try {
    return await enter();
  } catch {
    return true;
  }
}

async function begin() {
  try {
    if (!(await enter())) return;
  } catch {
    say(texts.lost);
    setTimeout(begin, HEALTH_MS);
    return;
  }
  stop = follow({
    opened: () => say(texts.connected),
    closed,
    news: told,
    picture: (head, blob) => cameras.get(head.camera)?.picture(blob),
  });
  health();
}

at("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("login-problem").textContent = "";
  const body = JSON.stringify({ name: at("name").value, password: at("password").value });
  try {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("v1/login", { method: "POST", headers, body });
    at("password").value = "";
    if (answer.ok) begin();
    else at("login-problem").textContent = (await answer.json()).error;
  } catch {
    at("login-problem").textContent = texts.lost;
  }
});
at("logout").addEventListener("click", async () => {
  await fetch("v1/logout", { method: "POST", headers: { "X-CSRF-Token": me.csrf } }).catch(() => null);
  leave();
});
document.addEventListener("visibilitychange", health);
begin();
