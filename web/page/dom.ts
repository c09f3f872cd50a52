/** Finds and makes elements. */

/** Return the element of an id. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page lacks #${id}`);
  return found as T;
}

/** Make an element with text, never with markup: names of files are a stranger's. */
export function make(tag: string, text: string | number, attributes: Record<string, string> = {}): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = String(text);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Say how things stand; screen readers read it out. */
export function say(text: string): void {
  element("status").textContent = text;
}

/** Show a problem until it is removed. */
export function complain(text: string): void {
  const box = make("p", text, { class: "problem" });
  const close = make("button", "Close", { type: "button" });
  close.addEventListener("click", () => box.remove());
  box.append(" ", close);
  element("problems").append(box);
}
