import { fromLocal, toLocal } from "../common/format.js";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
// Until then the last second's events and the running minute's counts are in the store.
const SETTLED_MS = 5000;

/** The spans that end now, in days, and by what they are shown first. */
export const SPANS = { "1d": [1, "hour"], "7d": [7, "hour"], "31d": [31, "day"], "366d": [366, "week"] };
/** So many days can be shown by each; more would be too many to see. */
export const MOST_DAYS = { hour: 62, day: 3660, week: 3660 };

/** Return the beginning of the last whole minute: what is before it does not change any more. */
export function settled(now = Date.now()) {
  return new Date(Math.floor((now - SETTLED_MS) / MINUTE_MS) * MINUTE_MS);
}

/** Return what a page's address asks for; what it does not say is as it is at first. */
export function readFilters(params, now = settled()) {
  const span = params.get("span") ?? (params.get("from") || params.get("until") ? "own" : "1d");
  const days = SPANS[span] ?? SPANS["1d"];
  let [start, end] = [new Date(now - days[0] * DAY_MS), now];
  if (span === "own") {
    end = timeOf(params.get("until")) ?? now;
    start = timeOf(params.get("from"));
    if (!start || start >= end) start = new Date(end - DAY_MS);
  }
  let per = params.get("per");
  if (!(per in MOST_DAYS)) per = days[1];
  return {
    span: span === "own" || span in SPANS ? span : "1d", start, end, per: fitting(per, start, end),
    camera: params.get("camera") ?? "", zone: params.get("zone") ?? "", event: params.get("event") ?? "",
  };
}

/** Return the parameters of the address for filters. */
export function writeFilters({ span, start, end, per, camera, zone, event }) {
  const own = span === "own";
  return {
    span: own ? "" : span, from: own ? start.toISOString() : "", until: own ? end.toISOString() : "",
    per, camera, zone, event,
  };
}

/** Return hours where they can be shown, otherwise days. */
export function fitting(per, start, end) {
  return end - start > MOST_DAYS[per] * DAY_MS ? "day" : per;
}

/** Return the beginnings of all hours, days or weeks of a span in the site's zone, and of the next one. */
export function slotsOf(start, end, per) {
  const found = [floor(start, per)];
  while (found.at(-1) < end) found.push(next(found.at(-1), per));
  return found;
}

function floor(time, per) {
  const local = toLocal(time);
  if (per === "hour") return fromLocal(`${local.slice(0, 13)}:00`);
  const date = new Date(`${local.slice(0, 10)}T00:00:00Z`);
  // Weeks begin on Monday.
  if (per === "week") date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  return fromLocal(date.toISOString().slice(0, 16));
}

function next(time, per) {
  if (per === "hour") return new Date(time.getTime() + 60 * MINUTE_MS);
  const date = new Date(`${toLocal(time).slice(0, 10)}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + (per === "week" ? 7 : 1));
  return fromLocal(date.toISOString().slice(0, 16));
}

function timeOf(text) {
  const found = new Date(text ?? "");
  return Number.isNaN(found.getTime()) ? null : found;
}
