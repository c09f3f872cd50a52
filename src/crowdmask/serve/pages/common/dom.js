/**
 * Return an element. Attributes that begin with "on" are listeners; true sets an empty one, false and null none.
 * Children are elements or texts.
 */
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Set a text only where it differs: what has not changed is neither drawn nor read out again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Return a label over a field, which gets an id of its own where it has none. */
export function field(label, input, hint = "") {
  input.id ||= `field-${(fields += 1)}`;
  const box = make("div", { class: "field" }, make("label", { for: input.id }, label), input);
  if (hint) {
    const said = make("small", { id: `${input.id}-hint` }, hint);
    input.setAttribute("aria-describedby", said.id);
    box.append(said);
  }
  return box;
}
let fields = 0;

/** Return a table that scrolls by itself where it is too wide, and its body; columns of texts begin at the left. */
export function table(caption, columns, { texts = [] } = {}) {
  const body = make("tbody");
  const head = make("tr", {}, ...columns.map((text) => make("th", { scope: "col", class: texts.includes(text) ? "text" : null }, text)));
  const root = make(
    "div", { class: "table", role: "region", "aria-label": caption, tabindex: 0 },
    make("table", {}, make("caption", { class: "unseen" }, caption), make("thead", {}, head), body),
  );
  return { root, body };
}
