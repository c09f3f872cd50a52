import { ROOT } from "../common/api.js";
import { field, make, table } from "../common/dom.js";
import { dayAndClock } from "../common/format.js";
import { texts } from "../texts.en.js";

const DAYS = 30;

/** Make and revoke links for wall screens. */
export function open(root, site) {
  const words = texts.screens;
  const name = make("input", { id: "link-name", required: true, maxlength: 64, autocomplete: "off" });
  const days = make("input", { id: "link-days", type: "number", min: 1, max: 366, value: DAYS, required: true });
  const problem = make("p", { class: "problem", role: "alert" });
  const made = make("div", { id: "made-link", class: "card", hidden: true });
  const names = [words.name, words.by, words.made, words.ends, words.state, words.action];
  const links = table(words.links, names, { texts: names });
  links.root.id = "links-table";
  links.root.classList.add("tall");
  const none = make("p", { hidden: true }, words.none);

  const form = make(
    "form", { class: "card row end", "aria-label": words.make, onsubmit: create },
    field(words.name, name, words.nameHint), field(words.days, days), make("button", { class: "primary", id: "make-link" }, words.make),
  );
  root.append(make("p", {}, words.about), form, problem, made, make("h2", {}, words.links), none, links.root);

  async function create(event) {
    event.preventDefault();
    problem.textContent = "";
    try {
      const link = await site.api("POST", "v1/links", { name: name.value.trim(), days: Number(days.value) });
      showMade(link);
      name.value = "";
      await list();
    } catch (error) {
      problem.textContent = error.message;
    }
  }

  function showMade(link) {
    const address = make("input", { id: "link-address", readonly: true, value: new URL(`wall#${link.token}`, ROOT).href });
    const copy = make("button", { type: "button", id: "copy-link", onclick: () => copyOf(address) }, words.copy);
    const watch = make("a", { class: "button", href: address.value, target: "_blank", rel: "noreferrer" }, words.openIt);
    made.replaceChildren(make("p", {}, words.once(link.name)), make("div", { class: "row end" }, field(words.address, address), copy, watch));
    made.hidden = false;
    address.focus();
    address.select();
  }

  async function copyOf(address) {
    address.select();
    try {
      await navigator.clipboard.writeText(address.value);
      site.say(words.copied);
    } catch {
      // Browsers let only pages from HTTPS or this machine copy: it is selected for the keyboard.
      site.say(words.copyYourself);
    }
  }

  async function revoke(link, button) {
    if (!confirm(words.sure(link.name))) return;
    button.disabled = true;
    try {
      await site.api("DELETE", `v1/links/${link.id}`);
      await list();
      links.root.focus();
    } catch (error) {
      problem.textContent = error.message;
      button.disabled = false;
    }
  }

  async function list() {
    const found = await site.api("GET", "v1/links");
    none.hidden = found.length > 0;
    links.root.hidden = found.length === 0;
    links.body.replaceChildren(...found.map((link) => {
      const over = Date.parse(link.expires_utc) <= Date.now();
      const state = link.revoked_utc ? words.revoked(link.revoked_by) : over ? words.expired : words.valid;
      const button = make("button", { type: "button", class: "danger", "aria-label": words.revokeOf(link.name), onclick: () => revoke(link, button) }, words.revoke);
      const cells = [link.created_by, dayAndClock(link.created_utc), dayAndClock(link.expires_utc), state];
      return make(
        "tr", {}, make("th", { scope: "row" }, link.name), ...cells.map((text) => make("td", { class: "text" }, text)),
        make("td", { class: "text" }, link.revoked_utc || over ? texts.noValue : button),
      );
    }));
  }

  list().catch((error) => {
    problem.textContent = error.message;
  });
}
