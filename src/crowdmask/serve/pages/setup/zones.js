import { field, make, say } from "../common/dom.js";
import { texts } from "../texts.en.js";
import { careful } from "./asking.js";
import { Shapes } from "./shapes.js";
import { Stage } from "./stage.js";

const words = texts.setup.zones;
const BLANK = { width: 1600, height: 900 };

/** Return the camera's newest picture, without boxes and with blurred faces; null: it has none now. */
async function pictureOf(site, camera) {
  try {
    const path = `v1/cameras/${encodeURIComponent(camera)}/snapshot`;
    const answer = await site.api.raw("GET", path, { params: { annotated: "false" }, headers: { Accept: "image/jpeg" } });
    const image = make("img", { alt: words.picture(camera), draggable: "false", src: URL.createObjectURL(await answer.blob()) });
    await image.decode();
    return image;
  } catch {
    return null;
  }
}

/** Let the zones of a camera be drawn; returns leave(). */
export async function showZones(root, site, camera) {
  const path = `v1/zones/${encodeURIComponent(camera)}`;
  const now = async () => (await site.api("GET", "v1/zones")).find((each) => each.camera === camera);
  const [body, image] = await Promise.all([now(), pictureOf(site, camera)]);
  if (!body) throw new Error(texts.setup.cameras.gone(camera));
  if (body.units === "pixels" && !image) throw new Error(words.noSize);
  const size = image ? { width: image.naturalWidth, height: image.naturalHeight } : BLANK;
  const save = careful(body);
  const editor = new Editor(new Shapes(body, size), image, async (shapes) => {
    await save(now, () => site.api("PUT", path, shapes.body()));
    shapes.keep();
  });
  root.append(editor.root);
  const stay = (event) => editor.shapes.isChanged && event.preventDefault();
  addEventListener("beforeunload", stay);
  return () => {
    if (editor.shapes.isChanged && !confirm(texts.setup.unsaved)) return false;
    removeEventListener("beforeunload", stay);
    if (image) URL.revokeObjectURL(image.src);
    return true;
  };
}

/** The stage with its tools and the list of shapes. */
class Editor {
  constructor(shapes, image, save) {
    this.shapes = shapes;
    this.save = save;
    this.rows = new Map();
    this.status = make("p", { class: "quiet", role: "status", id: "zones-status" });
    this.problem = make("p", { class: "problem", role: "alert" });
    this.stage = new Stage(shapes, image, {
      changed: () => this.refresh(),
      selected: () => this.refresh(),
      corner: () => this.refresh(),
      drawn: (shape) => this.drawn(shape),
      drawing: (isOn, enough) => this.drawing(isOn, enough),
      say: (text) => say(this.status, text),
    });
    this.list = make("ul", { class: "shapes", "aria-labelledby": "shapes-title" });
    this.none = make("p", { class: "quiet" }, words.empty);
    this.root = make(
      "div", { class: "zones" },
      make("div", { class: "draw" }, this.tools(), make("div", { class: "stage-frame" }, this.stage.root), this.status,
        make("details", {}, make("summary", {}, words.keysTitle), make("ul", {}, ...words.keys.map((key) => make("li", {}, key))))),
      make("section", { class: "card", "aria-labelledby": "shapes-title" },
        make("h3", { id: "shapes-title" }, words.list), this.none, this.list, this.problem, this.buttons()),
    );
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.drawing(false, false);
    if (!image) say(this.status, words.noPicture);
    this.refresh();
  }

  tools() {
    const tool = (text, work, attributes = {}) => make("button", { type: "button", ...attributes, onclick: work }, text);
    this.kinds = ["zone", "line", "ignore"].map((kind) => tool(words.draw[kind], () => this.stage.begin(kind)));
    this.done = tool(words.done, () => this.stage.finish(), { class: "primary" });
    this.cancel = tool(words.cancel, () => {
      this.stage.cancel();
      this.kinds[0].focus();
    });
    this.undo = tool(words.undo, () => this.travel("undo"));
    this.redo = tool(words.redo, () => this.travel("redo"));
    this.insert = tool(words.insert, () => this.stage.insert());
    this.drop = tool(words.drop, () => this.stage.drop());
    return make("div", { class: "row tools", role: "group", "aria-label": words.tools },
      ...this.kinds, this.done, this.cancel, this.undo, this.redo, this.insert, this.drop);
  }

  buttons() {
    this.keep = make("button", { type: "button", class: "primary", onclick: () => this.store() }, words.save);
    return make("p", { class: "row" }, this.keep);
  }

  async store() {
    this.keep.disabled = true;
    say(this.problem, "");
    try {
      await this.save(this.shapes);
      say(this.status, words.saved);
    } catch (error) {
      say(this.problem, error.message);
    }
    this.refresh();
  }

  travel(way) {
    this.shapes[way]();
    if (this.stage.selected !== null && !this.stage.shape) this.stage.select(null);
    this.stage.refresh();
    this.refresh();
  }

  drawing(isOn, enough) {
    for (const button of this.kinds) button.hidden = isOn;
    for (const button of [this.undo, this.redo, this.insert, this.drop]) button.hidden = isOn;
    this.done.hidden = this.cancel.hidden = !isOn;
    this.done.disabled = !enough;
  }

  drawn(shape) {
    const row = this.rows.get(shape.id);
    say(this.status, words.drawn);
    // A finger would open the keyboard over the picture.
    if (row.input && !matchMedia("(pointer: coarse)").matches) {
      row.input.focus();
      row.input.select();
    } else row.choose.focus();
  }

  key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input")) return;
    const key = event.key.toLowerCase();
    if (key === "z") this.travel(event.shiftKey ? "redo" : "undo");
    else if (key === "y") this.travel("redo");
    else return;
    event.preventDefault();
  }

  refresh() {
    if (!this.list) return;
    const ids = new Set(this.shapes.all.map((shape) => shape.id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.root.remove();
      this.rows.delete(id);
    }
    for (const shape of this.shapes.all) {
      if (!this.rows.has(shape.id)) {
        this.rows.set(shape.id, this.row(shape));
        this.list.append(this.rows.get(shape.id).root);
      }
      const row = this.rows.get(shape.id);
      row.choose.setAttribute("aria-pressed", String(shape.id === this.stage.selected));
      if (row.input && row.input.value !== shape.name) row.input.value = shape.name;
      const alike = this.shapes.all.filter((each) => each.kind === shape.kind);
      const name = `${words.kinds[shape.kind]} ${shape.name || alike.indexOf(shape) + 1}`;
      row.choose.ariaLabel = name;
      row.remove.ariaLabel = words.removeThis(name);
    }
    this.none.hidden = ids.size > 0;
    const shape = this.stage.shape;
    this.undo.disabled = !this.shapes.past.length;
    this.redo.disabled = !this.shapes.future.length;
    this.insert.disabled = !shape || shape.kind === "line";
    this.drop.disabled = !shape || shape.points.length <= 3;
    this.keep.disabled = !this.shapes.isChanged;
  }

  row(shape) {
    const { id, kind } = shape;
    const now = () => this.shapes.find(id);
    const choose = make("button", { type: "button", onclick: () => this.stage.select(this.stage.selected === id ? null : id) }, words.kinds[kind]);
    let input = null;
    if (kind !== "ignore") {
      input = make("input", { maxlength: 100, required: true });
      input.addEventListener("input", () => {
        this.shapes.rename(now(), input.value);
        this.stage.refresh();
        this.refresh();
      });
    }
    const turn = kind !== "line" ? null : make("button", { type: "button", onclick: () => {
      this.shapes.turn(now());
      this.stage.changed();
      say(this.status, words.turned);
    } }, words.turn);
    const remove = make("button", { type: "button", class: "danger", onclick: () => {
      this.shapes.remove(id);
      if (this.stage.selected === id) this.stage.select(null);
      this.stage.changed();
      say(this.status, words.removed);
      (this.list.querySelector("button") ?? this.kinds[0]).focus();
    } }, words.remove);
    const root = make("li", { class: `row end ${kind}` }, choose, input && field(words.name, input), turn, remove);
    return { root, choose, input, remove };
  }
}
