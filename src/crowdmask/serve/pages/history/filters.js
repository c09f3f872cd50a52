import { field, make } from "../common/dom.js";
import { fromLocal, toLocal } from "../common/format.js";
import { texts } from "../texts.en.js";
import { fitting, readFilters, settled, SPANS } from "./spans.js";

/** The fields that choose what is shown; `changed(filters)` is called with each choice. */
export class Filters {
  constructor(first, cameras, changed) {
    this.values = first;
    this.cameras = cameras;
    this.changed = changed;
    const words = texts.history;
    this.span = this.select("span", { ...words.spans, own: words.own });
    this.per = this.select("per", words.pers);
    this.camera = this.select("camera", { "": words.allCameras, ...names(cameras.map((camera) => camera.name)) });
    this.zone = this.select("zone", {});
    this.event = this.select("event", { "": words.allEvents, ...texts.kinds });
    this.start = this.time("start");
    this.end = this.time("end");
    this.root = make(
      "form", { class: "row end card filters", "aria-label": words.filters, onsubmit: (event) => event.preventDefault() },
      field(words.span, this.span), field(words.from, this.start), field(words.until, this.end), field(words.per, this.per),
      field(words.camera, this.camera), field(words.zone, this.zone), field(words.event, this.event),
      make("button", { type: "button", id: "refresh", onclick: () => this.refresh() }, words.refresh),
    );
    this.show();
  }

  select(name, options) {
    const made = make("select", { name, id: `filter-${name}`, onchange: () => this.choose({ [name]: made.value }) });
    made.append(...Object.entries(options).map(([value, text]) => make("option", { value }, text)));
    return made;
  }

  time(name) {
    const made = make("input", { type: "datetime-local", id: `filter-${name}`, required: true, onchange: () => this.own() });
    return made;
  }

  own() {
    const [start, end] = [this.start, this.end].map((input) => (input.value ? fromLocal(input.value) : null));
    this.start.setCustomValidity("");
    if (!start || !end) return;
    if (start >= end) {
      this.start.setCustomValidity(texts.history.wrongSpan);
      this.start.reportValidity();
      return;
    }
    this.take({ ...this.values, span: "own", start, end });
  }

  choose(change) {
    const values = { ...this.values, ...change };
    if (change.span && change.span !== "own") {
      Object.assign(values, readFilters(new URLSearchParams({ span: change.span })), { per: SPANS[change.span][1] });
      Object.assign(values, { camera: this.values.camera, zone: this.values.zone, event: this.values.event });
    }
    if ("camera" in change && !this.zones(change.camera).includes(values.zone)) values.zone = "";
    this.take(values);
  }

  refresh() {
    const { span } = this.values;
    if (span === "own") this.take(this.values);
    else this.take({ ...this.values, end: settled(), start: new Date(settled() - SPANS[span][0] * 86_400_000) });
  }

  take(values) {
    this.values = { ...values, per: fitting(values.per, values.start, values.end) };
    this.show();
    this.changed(this.values);
  }

  zones(camera) {
    const asked = this.cameras.filter((each) => !camera || each.name === camera);
    return [...new Set(asked.flatMap((each) => each.zones))].sort();
  }

  show() {
    const { start, end, per, zone, camera } = this.values;
    // A zone or camera of an old link may be gone; its past is still there.
    const zones = [...new Set([...this.zones(camera), ...(zone ? [zone] : [])])];
    this.zone.replaceChildren(...Object.entries({ "": texts.history.wholePicture, ...names(zones) })
      .map(([value, text]) => make("option", { value }, text)));
    if (camera && ![...this.camera.options].some((option) => option.value === camera)) {
      this.camera.append(make("option", { value: camera }, camera));
    }
    for (const name of ["span", "per", "camera", "zone", "event"]) this[name].value = this.values[name];
    this.start.value = toLocal(start);
    this.end.value = toLocal(end);
    this.start.setCustomValidity("");
    this.per.querySelector("[value=hour]").disabled = fitting("hour", start, end) !== "hour";
    this.per.value = per;
  }
}

const names = (list) => Object.fromEntries(list.map((name) => [name, name]));
