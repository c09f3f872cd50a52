import { texts } from "../texts.en.js";

/** The mask states, in the order in which they are shown. */
export const STATES = Object.keys(texts.columns);

const HOUR_MS = 3_600_000;
const formats = { zone: undefined };

/** Show all times in this zone, whatever the reader's device says: a report must mean the same to all. */
export function useZone(name) {
  const options = { timeZone: name };
  formats.zone = name;
  formats.clock = new Intl.DateTimeFormat(texts.language, { ...options, timeStyle: "medium" });
  formats.day = new Intl.DateTimeFormat(texts.language, { ...options, dateStyle: "medium" });
  formats.short = new Intl.DateTimeFormat(texts.language, { ...options, day: "numeric", month: "short" });
  formats.both = new Intl.DateTimeFormat(texts.language, { ...options, dateStyle: "medium", timeStyle: "short" });
  formats.whole = new Intl.DateTimeFormat(texts.language, { ...options, dateStyle: "medium", timeStyle: "medium" });
  formats.offset = new Intl.DateTimeFormat("en-GB", { ...options, timeZoneName: "shortOffset" });
  formats.parts = new Intl.DateTimeFormat("en-GB", {
    ...options, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit",
    minute: "2-digit", second: "2-digit",
  });
}
useZone(undefined);

export const clock = (utc) => formats.clock.format(new Date(utc));
export const day = (utc) => formats.day.format(new Date(utc));
export const shortDay = (utc) => formats.short.format(new Date(utc));
export const dayAndClock = (utc) => formats.both.format(new Date(utc)) + whichOf(utc);
export const wholeTime = (utc) => formats.whole.format(new Date(utc));

/** Return a share of 0 to 1 in percent. */
export const percent = (share) => (share === null || share === undefined ? texts.noValue : texts.percent(share));

/** Return people with a correctly worn mask among those whose state is known; null: nobody is. */
export function shareOf(people) {
  const known = people ? people.with_mask + people.without_mask + people.mask_worn_incorrect : 0;
  return known ? people.with_mask / known : null;
}

/** Return how a camera fares, the same in all pages: a key of `texts.states`. */
export function stateOf(record) {
  if (record.private) return "private";
  if (record.state === "inactive") return "inactive";
  if (record.down_since || record.state === "waiting") return "down";
  return record.frozen ? "frozen" : record.state;
}

/** Return the offset of a time that the clock shows twice, where summer time ends; of all others nothing. */
function whichOf(utc) {
  const local = toLocal(utc);
  const isTwice = [-HOUR_MS, HOUR_MS].some((aside) => toLocal(Number(new Date(utc)) + aside) === local);
  return isTwice ? ` ${formats.offset.formatToParts(new Date(utc)).find(({ type }) => type === "timeZoneName").value}` : "";
}

/** Return a time in the site's zone as fields of forms have it: 2026-05-04T10:00. */
export function toLocal(utc) {
  const part = Object.fromEntries(formats.parts.formatToParts(new Date(utc)).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
}

/** Return the time that a form's field means in the site's zone. */
export function fromLocal(text) {
  const wanted = Date.parse(`${text}:00Z`);
  let found = wanted;
  // Twice, since the offset may change between the first guess and the time itself.
  for (let round = 0; round < 2; round++) found += wanted - Date.parse(`${toLocal(found)}:00Z`);
  return new Date(found);
}
