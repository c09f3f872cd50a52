import { field, make } from "../common/dom.js";
import { texts } from "../texts.en.js";
import { busy } from "./asking.js";
import { HoursField } from "./hours.js";
import { Preview } from "./preview.js";

const words = texts.setup.rule;
const EVENTS = Object.keys(texts.kinds);

/** Numbers of rules: least, most, usual value, and how many times as much the form shows. */
const NUMBERS = {
  limit: [1, 99, 0.8, 100], for_s: [1, 604800, 60, 1], min_people: [1, 10000, 10, 1], count: [1, 10000, 1, 1],
  within_s: [1, 86400, 60, 1], recover_after_s: [0, 86400, 30, 1], cooldown_s: [0, 604800, 300, 1],
};
/** What the kinds of rules have beside what all have; the numbers of `LEAST` and `USUAL` differ by kind. */
const KINDS = {
  share_below: { zone: true, choices: ["figure"], numbers: ["limit", "for_s", "min_people", "recover_after_s"] },
  event: { zone: true, choices: ["event"], numbers: ["count", "within_s"] },
  camera_down: { zone: false, choices: [], numbers: ["for_s", "recover_after_s"] },
  camera_frozen: { zone: false, choices: [], numbers: ["for_s", "recover_after_s"] },
  nobody: { zone: true, choices: [], numbers: ["for_s", "recover_after_s"] },
};
const LEAST_FOR_S = { share_below: 10, nobody: 60 };
const USUAL_FOR_S = { nobody: 3600 };

function select(options, value) {
  const made = make("select", {}, ...options.map(([key, text]) => make("option", { value: key }, text)));
  if (value !== null && value !== undefined) made.value = value;
  return made;
}

function boxes(legend, hint, names, chosen) {
  const inputs = names.map((name) => make("input", { type: "checkbox", value: name, checked: chosen.includes(name) }));
  const root = make("fieldset", {}, make("legend", {}, legend),
    make("div", { class: "row" }, ...inputs.map((input) => make("label", { class: "check" }, input, input.value))), make("small", {}, hint));
  return { root, inputs, get value() { return inputs.filter((input) => input.checked).map((input) => input.value); } };
}

/** A rule: a new one, or one that is there; `save` takes it whole, as the settings have it. */
export class RuleForm {
  constructor(rule, { cameras, channels }, site, save) {
    this.rule = rule ?? { when: "share_below" };
    this.cameras = cameras;
    const { cameras: mine = [], to = [], quiet_hours: quiet = [], recovery = true } = this.rule;
    this.name = make("input", {
      required: true, maxlength: 64, pattern: "[A-Za-z0-9][A-Za-z0-9_\\-]*", value: rule?.name ?? "", readonly: rule !== null, autocomplete: "off",
    });
    this.when = select(Object.keys(KINDS).map((kind) => [kind, words.kinds[kind]]), this.rule.when);
    this.own = make("div", { class: "grid" });
    this.chosen = boxes(words.cameras, words.camerasHint, cameras.map((camera) => camera.name), mine);
    this.to = boxes(words.to, channels.length ? words.toHint : words.noChannels, channels.map((each) => each.name), to);
    this.recovery = make("input", { type: "checkbox", checked: recovery });
    this.quiet = new HoursField(words.quiet, words.quietHint, quiet);
    this.cooldown = this.number("cooldown_s");
    this.problem = make("p", { class: "problem", role: "alert" });
    this.keep = make("button", { class: "primary" }, rule ? texts.setup.save : words.add);
    this.preview = new Preview(site, () => (this.root.reportValidity() ? this.value : null));
    this.root = make("form", { class: "form" },
      field(words.name, this.name, words.nameHint), field(words.when, this.when), this.chosen.root, this.own,
      make("details", {}, make("summary", {}, words.more), field(words.cooldown_s, this.cooldown, words.hints.cooldown_s),
        make("label", { class: "check" }, this.recovery, words.recovery), this.to.root, this.quiet.root),
      this.preview.root, this.problem,
      make("p", { class: "row" }, this.keep, make("a", { class: "button", href: "#/rules" }, texts.setup.cancel)));
    this.when.addEventListener("change", () => this.refresh());
    this.chosen.root.addEventListener("change", () => this.refresh());
    this.root.addEventListener("submit", async (event) => {
      event.preventDefault();
      this.isSaved = await busy(this.keep, this.problem, () => save(this.value));
    });
    this.refresh();
    this.first = JSON.stringify(this.value);
    this.leave = () => this.isSaved || JSON.stringify(this.value) === this.first || confirm(texts.setup.unsaved);
  }

  number(key) {
    const [min, max, usual, times] = NUMBERS[key];
    const when = this.when.value;
    const least = key === "for_s" ? (LEAST_FOR_S[when] ?? min) : min;
    const value = this.rule[key] ?? (key === "for_s" ? (USUAL_FOR_S[when] ?? usual) : usual);
    const shown = Math.round(value * times * 1e6) / 1e6;
    return make("input", { type: "number", min: least, max, step: key === "min_people" || key === "count" ? 1 : "any", required: true, value: shown });
  }

  /** Show the fields of the rule's kind; what was filled in already stays where both kinds have it. */
  refresh() {
    if (this.fields) this.rule = { ...this.rule, ...this.ownValue };
    const when = this.when.value;
    if (this.shown && this.shown !== when) delete this.rule.for_s;
    this.shown = when;
    const { zone, choices, numbers } = KINDS[when];
    this.fields = new Map();
    if (zone) this.fields.set("zone", select([["", words.whole], ...this.zones().map((name) => [name, name])], this.rule.zone ?? ""));
    if (choices.includes("figure")) this.fields.set("figure", select(Object.entries(words.figures), this.rule.figure ?? "with_mask"));
    if (choices.includes("event")) {
      this.fields.set("event", select(EVENTS.map((kind) => [kind, texts.kinds[kind]]), this.rule.event ?? "no_mask"));
    }
    for (const key of numbers) this.fields.set(key, this.number(key));
    this.own.replaceChildren(...[...this.fields].map(([key, input]) => field(words[key], input, words.hints[`${when}.${key}`] ?? words.hints[key])));
  }

  zones() {
    const mine = this.chosen.value;
    const names = this.cameras.filter((camera) => !mine.length || mine.includes(camera.name)).flatMap((camera) => camera.zones);
    return [...new Set([...names, ...(this.rule.zone ? [this.rule.zone] : [])])];
  }

  get ownValue() {
    const of = ([key, input]) => {
      if (key === "zone") return [key, input.value || null];
      if (!(key in NUMBERS)) return [key, input.value];
      return [key, Math.round((Number(input.value) / NUMBERS[key][3]) * 1e6) / 1e6];
    };
    return Object.fromEntries([...this.fields].map(of));
  }

  /** The rule as the settings have it. */
  get value() {
    return {
      name: this.name.value.trim(), when: this.when.value, cameras: this.chosen.value, ...this.ownValue,
      cooldown_s: Number(this.cooldown.value), recovery: this.recovery.checked, to: this.to.value, quiet_hours: this.quiet.value,
    };
  }
}
