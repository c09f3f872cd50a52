import { make, table } from "../common/dom.js";
import { texts } from "../texts.en.js";
import { ask, toTitle, worker } from "./asking.js";

const words = texts.setup.changes;

function shown(value) {
  if (value === null || value === undefined) return texts.noValue;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Show how the settings in force differ from the operator's file, and take changes back. */
export async function showChanges(root, site) {
  const problem = make("p", { class: "problem", role: "alert" });
  const about = make("p");
  const list = make("ul", { class: "things", "aria-label": words.list });

  async function refresh() {
    const { file, changes } = await site.api("GET", "v1/changes");
    about.textContent = file === null ? words.noFile : changes.length ? words.about(file) : words.none;
    list.replaceChildren(...changes.map(card));
  }

  function card({ kind, name, action, fields }) {
    const title = words.title[action](words.kinds[kind] ?? kind, name);
    const back = worker(words.back, problem, async () => {
      if (!(await ask(words.reallyBack(words.kinds[kind] ?? kind, name), words.back))) return;
      await site.api("DELETE", `v1/changes/${encodeURIComponent(kind)}/${encodeURIComponent(name)}`);
      await refresh();
      toTitle();
    }, { "aria-label": words.backThis(words.kinds[kind] ?? kind, name) });
    const { root: frame, body } = table(title, words.columns);
    frame.classList.add("words");
    body.append(...fields.map(({ field, before, after }) => make("tr", {}, make("th", { scope: "row" }, field),
      make("td", { class: "text" }, make("del", {}, shown(before))), make("td", { class: "text" }, make("ins", {}, shown(after))))));
    return make("li", { class: `card ${action}` }, make("h3", {}, title), fields.length ? frame : null, make("p", { class: "row" }, back));
  }

  root.append(about, problem, list);
  await refresh();
}
