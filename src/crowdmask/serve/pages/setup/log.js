import { field, make, table } from "../common/dom.js";
import { wholeTime } from "../common/format.js";
import { texts } from "../texts.en.js";
import { busy } from "./asking.js";

const words = texts.setup.log;
const LIMIT = 200;

/** Show who logged in, looked, exported or changed something. */
export async function showLog(root, site) {
  const problem = make("p", { class: "problem", role: "alert" });
  const who = make("input", { maxlength: 64, autocomplete: "off" });
  const show = make("button", { class: "primary" }, words.show);
  const more = make("button", { type: "button", hidden: true }, words.more);
  const { root: frame, body } = table(words.title, words.columns);
  const none = make("p", { role: "status" });
  let last = null;

  async function load(end) {
    const rows = await site.api.get("v1/audit", { who: who.value.trim(), end, limit: LIMIT });
    if (end === null) body.replaceChildren();
    body.append(...rows.map((row) => make("tr", {}, make("th", { scope: "row" }, wholeTime(row.time_utc)),
      ...[row.who, row.what, row.thing].map((text) => make("td", { class: "text" }, text)))));
    last = rows.at(-1)?.time_utc ?? null;
    more.hidden = rows.length < LIMIT;
    none.textContent = body.rows.length ? "" : words.none;
  }

  const form = make("form", { class: "row end" }, field(words.who, who), show);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(show, problem, () => load(null));
  });
  more.addEventListener("click", () => busy(more, problem, () => load(last)));
  frame.classList.add("words");
  root.append(make("p", {}, words.about), form, problem, frame, none, more);
  await load(null);
}
