/** The table of results and the picture above it. */

import { display_name } from "../src/index.ts";
import { complain, element, make } from "./dom.ts";
import type { Photo, Photos } from "./photos.ts";
import { different, save, zip } from "./saving.ts";
import { count, words_of } from "./words.ts";

/** Pixels of the picture on the page. */
const VIEW_PIXELS = 2_000_000;

/** Shows the photos' faces. */
export class Results {
  private selected: Photo | null = null;
  private drawing = Promise.resolve();
  /** The faces that the picture on the page was last drawn with. */
  private drawn: Photo["seen"] = null;
  /** What each photo's row in the table says. */
  private readonly told = new WeakMap<Photo, unknown[]>();
  private readonly view = element<HTMLCanvasElement>("view");

  /** @param cleared is called where the user removes all photos. */
  constructor(
    private readonly photos: Photos,
    cleared: () => void,
  ) {
    photos.addEventListener("change", () => this.show(false));
    this.on("save-picture", async () => {
      if (!this.selected) return;
      const { name, content } = await photos.picture(this.selected);
      save(content, name);
    });
    this.on("save-pictures", () => this.save_all());
    this.on("save-records", async () => save(new Blob([photos.lines()], { type: "application/jsonl" }), "crowdmask.jsonl"));
    this.on("clear", async () => {
      this.selected = null;
      photos.clear();
      cleared();
      element("files").focus();
    });
  }

  /**
   * Show everything anew.
   *
   * @param otherwise the picture is shown with other settings; if not, it is drawn again only if it is another one.
   */
  show(otherwise = true): void {
    const { all } = this.photos;
    element("results").hidden = !all.length;
    if (!all.length) return;
    if (!this.selected || !all.includes(this.selected)) this.selected = all.find((each) => each.seen) ?? null;
    const labels = this.photos.loaded?.labels ?? [];
    const heads = ["Photo", "Faces", ...labels.map(display_name), "Time, ms"];
    element("head").replaceChildren(...heads.map((head) => make("th", head, { scope: "col" })));
    this.show_rows(labels, otherwise);
    this.show_total(labels);
    for (const id of ["save-picture", "save-pictures", "save-records"]) {
      element<HTMLButtonElement>(id).disabled = !all.some((each) => each.seen);
    }
    if (otherwise || this.selected?.seen !== this.drawn) this.show_picture();
  }

  /** Make the rows anew that say something else now: all of them for each of many photos would take longer than a photo. */
  private show_rows(labels: readonly string[], otherwise: boolean): void {
    const rows = element("rows");
    const { all } = this.photos;
    while (rows.children.length > all.length) rows.lastElementChild!.remove();
    all.forEach((photo, place) => {
      const tells = [photo.seen, photo.problem, photo === this.selected, labels.length];
      const told = this.told.get(photo);
      if (!otherwise && told && tells.every((each, i) => each === told[i])) return;
      this.told.set(photo, tells);
      const row = this.row(photo, labels);
      if (rows.children[place]) rows.children[place].replaceWith(row);
      else rows.append(row);
    });
  }

  private row(photo: Photo, labels: readonly string[]): HTMLElement {
    const row = make("tr", "", { "aria-selected": String(photo === this.selected) });
    const head = make("th", "", { scope: "row" });
    const button = make("button", photo.name, { type: "button" }) as HTMLButtonElement;
    button.disabled = !photo.seen;
    button.addEventListener("click", () => {
      this.selected = photo;
      this.show();
      const place = this.photos.all.indexOf(photo);
      element("rows").querySelectorAll("button")[place]?.focus();
    });
    head.append(button);
    row.append(head);
    const faces = this.photos.faces(photo);
    if (faces && photo.seen) {
      const counts = faces.counts();
      const cells = [faces.length, ...labels.map((label) => counts[label]), Math.round(photo.seen.milliseconds)];
      row.append(...cells.map((cell) => make("td", cell)));
    } else {
      row.append(make("td", photo.problem ?? "waiting", { colspan: String(labels.length + 2) }));
    }
    return row;
  }

  private show_total(labels: readonly string[]): void {
    const every = this.photos.all.flatMap((photo) => this.photos.faces(photo) ?? []);
    const number = (label: string) => every.reduce((sum, faces) => sum + faces.counts()[label], 0);
    const sum = every.reduce((all, faces) => all + faces.length, 0);
    const cells = [sum, ...labels.map(number), ""].map((cell) => make("td", cell));
    element("total").replaceChildren(make("th", `All ${this.photos.all.length}`, { scope: "row" }), ...cells);
  }

  private show_picture(): void {
    const photo = this.selected;
    this.drawn = photo?.seen ?? null;
    if (!photo) return;
    const faces = this.photos.faces(photo);
    const counts = Object.entries(faces?.counts() ?? {}).filter(([, n]) => n);
    const words = counts.map(([label, n]) => `${n} × ${display_name(label)}`).join(", ");
    const text = `${photo.name}: ${count(faces?.length ?? 0, "face")}${words && `: ${words}`}`;
    element("caption").textContent = text;
    this.view.setAttribute("aria-label", text);
    // One after the other, so that the last one stays.
    this.drawing = this.drawing
      .then(() => (photo === this.selected ? this.photos.draw(photo, this.view, VIEW_PIXELS) : undefined))
      .catch((error: unknown) => complain(words_of(error)));
  }

  private async save_all(): Promise<void> {
    const seen = this.photos.all.filter((photo) => photo.seen);
    const files = [];
    for (const photo of seen) files.push(await this.photos.picture(photo));
    if (files.length === 1) return save(files[0].content, files[0].name);
    const names = different(files.map(({ name }) => name));
    save(await zip(files.map(({ content }, i) => ({ name: names[i], content }))), "crowdmask-pictures.zip");
  }

  private on(id: string, act: () => Promise<void>): void {
    element(id).addEventListener("click", () => act().catch((error: unknown) => complain(words_of(error))));
  }
}
