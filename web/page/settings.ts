/** The settings: model, input size, confidence, blur. */

import type { Detections, Options } from "../src/index.ts";
import { element, make } from "./dom.ts";
import type { Site, SiteModel } from "./messages.ts";

/** What the user has chosen. */
export class Settings extends EventTarget {
  private readonly model_choice = element<HTMLSelectElement>("model");
  private readonly size_choice = element<HTMLSelectElement>("size");
  private readonly slider = element<HTMLInputElement>("confidence");
  private readonly own = element<HTMLButtonElement>("own-confidence");
  private readonly blur_box = element<HTMLInputElement>("blur");
  private chosen: number | null = null;

  /** Emits "model" where pictures must be looked at again, and "shown" where only what is shown changes. */
  constructor(private readonly site: Site) {
    super();
    for (const { name, bytes, input_size: size } of site.models) {
      const words = `${name}${size ? `, ${size} px` : ""} (${(bytes / 1e6).toFixed(1)} MB)`;
      this.model_choice.append(make("option", words, { value: name }));
    }
    for (const each of [this.model_choice, this.size_choice]) each.addEventListener("change", () => this.tell("model"));
    this.slider.addEventListener("input", () => this.choose(Number(this.slider.value)));
    this.own.addEventListener("click", () => this.choose(null));
    this.blur_box.addEventListener("change", () => this.tell("shown"));
  }

  get model(): SiteModel {
    return this.site.models.find(({ name }) => name === this.model_choice.value) ?? this.site.models[0];
  }

  get blur(): boolean {
    return this.blur_box.checked;
  }

  /** Options for the detector. */
  get options(): Options {
    return { input_size: this.size_choice.value ? Number(this.size_choice.value) : this.model.input_size };
  }

  /** Return those of the candidates that are to be shown. */
  shown(candidates: Detections, threshold: readonly number[]): Detections {
    return candidates.reaching(this.chosen === null ? threshold : threshold.map(() => this.chosen!));
  }

  private choose(confidence: number | null): void {
    this.chosen = confidence;
    this.own.disabled = confidence === null;
    element("confidence-shown").textContent = confidence === null ? "the model's own" : confidence.toFixed(2);
    this.tell("shown");
  }

  private tell(what: "model" | "shown"): void {
    this.dispatchEvent(new Event(what));
  }
}
