import { make } from "../common/dom.js";
import { texts } from "../texts.en.js";

/** Ask whether to do something; resolves to whether it shall be done. */
export function ask(question, action) {
  const stay = make("button", { type: "submit", value: "" }, texts.setup.stay);
  const go = make("button", { type: "submit", value: "go", class: "danger" }, action);
  const text = make("p", { id: "question" }, question);
  const dialog = make("dialog", { "aria-labelledby": "question" },
    make("form", { method: "dialog" }, text, make("p", { class: "row" }, go, stay)));
  document.body.append(dialog);
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(dialog.returnValue === "go");
    });
    dialog.showModal();
    stay.focus();
  });
}

/**
 * Return save(now, put): it looks first whether somebody else has changed the same meanwhile, and then does nothing but
 * say so; the next time it puts. `now` gets what is there, `put` returns what is there then.
 */
export function careful(known) {
  let seen = JSON.stringify(known);
  return async (now, put) => {
    const found = JSON.stringify(await now());
    if (found !== undefined && found !== seen) {
      seen = found;
      throw new Error(texts.setup.changedMeanwhile);
    }
    seen = JSON.stringify(await put());
  };
}

/** Let the part's title have the focus: the button that had it is gone with its card. */
export function toTitle() {
  document.querySelector("#view h2")?.focus();
}

/** Return a button that does some work once at a time, and says what went wrong. */
export function worker(text, problem, work, attributes = {}) {
  const button = make("button", { type: "button", ...attributes }, text);
  button.addEventListener("click", () => busy(button, problem, work));
  return button;
}

/** Do some work while a button waits; problems are told in words. Returns whether it went well. */
export async function busy(button, problem, work) {
  if (button.disabled) return false;
  button.disabled = true;
  problem.textContent = "";
  try {
    await work();
    return true;
  } catch (error) {
    problem.textContent = error.message;
    return false;
  } finally {
    button.disabled = false;
  }
}
