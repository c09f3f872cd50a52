/** The photos that were added, one after the other, and what was found in each. */

import { make_record, to_json_line, type Detections } from "../src/index.ts";
import { complain, say } from "./dom.ts";
import { blur_faces, BLUR_CONFIDENCE, draw_faces } from "./drawing.ts";
import type { Engine, Seen } from "./engine.ts";
import type { Loaded } from "./messages.ts";
import type { Settings } from "./settings.ts";
import { count, words_of } from "./words.ts";

/** A larger picture is saved smaller: canvases of phones have no more room. */
const MOST_PIXELS = 16_000_000;

/** One photo: only its file and its faces are kept, so that thousands fit. */
export interface Photo {
  readonly name: string;
  readonly file: Blob;
  seen: Omit<Seen, "picture"> | null;
  problem: string | null;
}

/** All photos, in the order in which they were added. */
export class Photos extends EventTarget {
  readonly all: Photo[] = [];
  loaded: Loaded | null = null;
  private running = false;
  /** Grows when what was found no longer counts. */
  private era = 0;

  /** @param engine gives the present engine. Emits "change". */
  constructor(
    private readonly engine: () => Engine,
    private readonly settings: Settings,
  ) {
    super();
  }

  /** Add files and look at them. */
  add(files: Iterable<{ name: string; file: Blob }>): void {
    for (const { name, file } of files) this.all.push({ name, file, seen: null, problem: null });
    void this.run();
  }

  /** Look at all photos again, since model or size have changed. */
  again(): void {
    this.era++;
    for (const photo of this.all) [photo.seen, photo.problem] = [null, null];
    void this.run();
  }

  clear(): void {
    this.era++;
    this.all.length = 0;
    this.tell();
  }

  /** Return the faces of a photo that are shown with the present settings. */
  faces(photo: Photo): Detections | null {
    return photo.seen && this.loaded ? this.settings.shown(photo.seen.candidates, this.loaded.threshold) : null;
  }

  /** Return the lines that `crowdmask detect --json` writes. */
  lines(): string {
    const lines = this.all.flatMap((photo) => {
      const faces = this.faces(photo);
      if (!faces || !photo.seen) return [];
      const { width, height } = photo.seen;
      return [to_json_line(make_record(photo.name, width, height, faces, this.loaded!.model, this.engine().model.hash))];
    });
    return lines.map((line) => `${line}\n`).join("");
  }

  /**
   * Draw a photo with its faces.
   *
   * @param most most pixels of the canvas.
   */
  async draw(photo: Photo, canvas: HTMLCanvasElement, most = MOST_PIXELS): Promise<void> {
    const bitmap = await createImageBitmap(photo.file);
    try {
      const scale = Math.min(1, Math.sqrt(most / (bitmap.width * bitmap.height)));
      canvas.width = Math.max(1, Math.round(bitmap.width * scale));
      canvas.height = Math.max(1, Math.round(bitmap.height * scale));
      const pen = canvas.getContext("2d", { willReadFrequently: this.settings.blur })!;
      pen.fillStyle = "#fff";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      this.annotate(pen, photo, scale);
    } finally {
      bitmap.close();
    }
  }

  /** Return the annotated picture as a file: PNG stays PNG, others become JPEG. */
  async picture(photo: Photo): Promise<{ name: string; content: Blob }> {
    const canvas = document.createElement("canvas");
    await this.draw(photo, canvas);
    const png = photo.file.type === "image/png";
    const content = await new Promise<Blob | null>((done) => canvas.toBlob(done, png ? "image/png" : "image/jpeg", 0.92));
    // Gives its memory back at once.
    canvas.width = canvas.height = 0;
    if (!content) throw new Error(`${photo.name}: no memory for the picture`);
    const stem = photo.name.replace(/^.*[\\/]/, "").replace(/\.[^.]*$/, "");
    return { name: `${stem || "photo"}.${png ? "png" : "jpg"}`, content };
  }

  private annotate(pen: CanvasRenderingContext2D, photo: Photo, scale: number): void {
    const faces = this.faces(photo);
    if (!faces || !photo.seen) return;
    if (this.settings.blur) {
      const { candidates } = photo.seen;
      blur_faces(pen, candidates.reaching(candidates.names.map(() => BLUR_CONFIDENCE)), scale);
    }
    draw_faces(pen, faces, scale);
  }

  private async run(): Promise<void> {
    this.tell();
    if (this.running) return;
    this.running = true;
    const times: number[] = [];
    try {
      for (let photo; (photo = this.all.find((each) => !each.seen && !each.problem)); ) {
        const done = this.all.filter((each) => each.seen || each.problem).length;
        say(`Looking at ${photo.name}: ${done + 1} of ${this.all.length}.`);
        const { era } = this;
        const outcome = await this.look(photo);
        if (era !== this.era) continue;
        Object.assign(photo, outcome);
        if (outcome.seen) times.push(outcome.seen.milliseconds);
        if (outcome.problem) complain(`${photo.name}: ${outcome.problem}`);
        this.tell();
      }
    } finally {
      this.running = false;
    }
    this.conclude(times);
  }

  private async look(photo: Photo): Promise<Pick<Photo, "seen" | "problem">> {
    try {
      if (!photo.file.size) return { seen: null, problem: "the file is empty" };
      const engine = this.engine();
      this.loaded = await engine.load();
      const { picture: _, ...seen } = await engine.detect(photo.file, this.settings.options);
      return { seen, problem: null };
    } catch (error) {
      return { seen: null, problem: words_of(error) };
    }
  }

  private conclude(times: number[]): void {
    if (!this.all.length) return say("Ready.");
    const failed = this.all.filter((each) => each.problem).length;
    const mean = times.length ? `, ${Math.round(times.reduce((a, b) => a + b, 0) / times.length)} ms each` : "";
    say(`Done: ${count(this.all.length - failed, "photo")}${mean}${failed ? `; ${failed} could not be read` : ""}.`);
  }

  private tell(): void {
    this.dispatchEvent(new Event("change"));
  }
}
