import { field, make, say } from "../common/dom.js";
import { texts } from "../texts.en.js";
import { busy } from "./asking.js";
import { HoursField } from "./hours.js";

const words = texts.setup.camera;
/** Numbers of a camera: key, least, most, and whether it may be empty. */
const NUMBERS = [
  ["max_fps", 0.1, 120, true], ["min_face_px", 0, 10000, false], ["grace_s", 0, 86400, false],
  ["still_s", 60, 604800, true],
];
const USUAL = { max_fps: null, min_face_px: 0, grace_s: 5, still_s: 1800, active: [] };

/** The settings of a camera: a new one's, or those of one that is there. */
export class CameraForm {
  /** `settings`: as the service gives them; null: a new camera. `save` takes what shall be other. */
  constructor(settings, site, save) {
    this.isNew = settings === null;
    this.site = site;
    this.tested = null;
    this.picture = null;
    this.name = make("input", { required: true, maxlength: 255, pattern: "[^\\/\\\\]+", autocomplete: "off" });
    this.source = make("input", {
      required: this.isNew, maxlength: 2000, autocomplete: "off", spellcheck: "false", autocapitalize: "none",
      pattern: "(rtsps?|https?)://\\S+|[0-9]{1,2}",
    });
    this.numbers = new Map(NUMBERS.map(([key, min, max, isOptional]) => {
      const value = (settings ?? USUAL)[key];
      return [key, make("input", { type: "number", min, max, step: "any", required: !isOptional, value: value ?? "", inputmode: "decimal" })];
    }));
    this.active = new HoursField(words.active, words.activeHint, (settings ?? USUAL).active);
    this.said = make("p", { role: "status", class: "quiet" });
    this.problem = make("p", { class: "problem", role: "alert" });
    this.frame = make("div", { class: "test-picture" });
    this.keep = make("button", { class: "primary" }, this.isNew ? words.add : texts.setup.save);
    this.test = make("button", { type: "button", onclick: () => this.tryIt() }, words.test);
    const hint = this.isNew ? words.sourceHint : words.sourceKept(settings.source);
    this.root = make("form", { class: "form" },
      this.isNew ? field(words.name, this.name) : null,
      field(words.source, this.source, hint),
      make("p", { class: "row" }, this.test), this.frame, this.said,
      make("details", {}, make("summary", {}, words.more),
        ...NUMBERS.map(([key]) => field(words[key], this.numbers.get(key), words.hints[key])), this.active.root),
      this.problem,
      make("p", { class: "row" }, this.keep, make("a", { class: "button", href: "#/cameras" }, texts.setup.cancel)));
    this.source.addEventListener("input", () => this.refresh());
    this.root.addEventListener("submit", async (event) => {
      event.preventDefault();
      this.isSaved = await busy(this.keep, this.problem, () => save(this.body));
      this.refresh();
    });
    this.first = this.values;
    this.leave = () => this.close();
    this.refresh();
  }

  get values() {
    const numbers = [...this.numbers].map(([key, input]) => [key, input.value === "" ? null : Number(input.value)]);
    const texts = { name: this.name.value.trim(), source: this.source.value.trim() };
    return { ...texts, ...Object.fromEntries(numbers), active: this.active.value };
  }

  /** What is other than at first: all else stays, or is what the service takes for a new camera. */
  get body() {
    const changed = Object.entries(this.values).filter(
      ([key, value]) => JSON.stringify(value) !== JSON.stringify(this.first[key]),
    );
    return Object.fromEntries(changed);
  }

  /** A source is looked at before it is taken; one that fails may be taken all the same. */
  refresh() {
    const source = this.source.value.trim();
    const isTested = !source || this.tested?.source === source;
    this.test.disabled = !source;
    this.keep.disabled = !isTested || (this.isNew && !source);
    const failed = source && isTested && !this.tested.isFine;
    this.keep.textContent = failed ? words.allTheSame : this.isNew ? words.add : texts.setup.save;
    this.frame.hidden = !source || !isTested;
  }

  async tryIt() {
    if (!this.source.reportValidity()) return;
    const source = this.source.value.trim();
    say(this.said, words.testing);
    this.drop();
    const isFine = await busy(this.test, this.problem, async () => {
      const answer = await this.site.api.raw("POST", "v1/cameras/test", { body: { source }, headers: { Accept: "image/jpeg" } });
      const image = make("img", { alt: words.picture });
      this.picture = image.src = URL.createObjectURL(await answer.blob());
      await image.decode();
      this.frame.replaceChildren(image);
      say(this.said, words.fine(image.naturalWidth, image.naturalHeight));
    });
    if (!isFine) say(this.said, words.failed);
    this.tested = { source, isFine };
    this.refresh();
  }

  drop() {
    if (this.picture) URL.revokeObjectURL(this.picture);
    this.picture = null;
    this.frame.replaceChildren();
  }

  close() {
    if (!this.isSaved && Object.keys(this.body).length && !confirm(texts.setup.unsaved)) return false;
    this.drop();
    return true;
  }
}
