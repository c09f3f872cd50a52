import { make, say } from "../common/dom.js";
import { texts } from "../texts.en.js";
import { addCamera, showCameras } from "./cameras.js";
import { showChanges } from "./changes.js";
import { showLog } from "./log.js";
import { showRule, showRules } from "./rules.js";
import { showZones } from "./zones.js";

const words = texts.setup;

/** The parts of the page: each shows itself in a place and may return leave(), which returns false to stay. */
const PARTS = { cameras: showCameras, rules: showRules, changes: showChanges, log: showLog };
const ALL = { ...PARTS, add: addCamera, rule: showRule };
const OF = { add: "cameras", rule: "rules" };

/** Load the styles of this page only where it is opened. */
function styled() {
  const href = new URL("setup.css", import.meta.url).href;
  if (document.querySelector(`link[href="${href}"]`)) return null;
  const link = make("link", { rel: "stylesheet", href });
  return new Promise((done) => {
    link.onload = link.onerror = done;
    document.head.append(link);
  });
}

function titleOf(part, name, below) {
  if (below === "zones") return words.zones.title(name);
  if (part === "cameras" && name) return words.cameras.change(name);
  if (part === "rule") return name ? words.rules.change(name) : words.rules.add;
  return words.parts[part] ?? words.cameras.titles[part] ?? texts.noPage;
}

/** Open the set-up; `#/cameras/NAME/zones` and the like say which part of it. */
export function setup(root, site) {
  let leave = null;
  let shown = null;
  let number = 0;
  const links = Object.keys(PARTS).map((name) => make("a", { href: `#/${name}` }, words.parts[name]));
  const place = make("div");
  const problem = make("p", { class: "problem", role: "alert" });

  async function show(focus) {
    const hash = location.hash;
    if (hash === shown) return;
    if (leave?.() === false) {
      history.pushState(null, "", shown || "#/cameras");
      return;
    }
    leave = null;
    shown = hash;
    const mine = ++number;
    const [part = "cameras", name, below] = hash.replace(/^#\//, "").split("/").filter(Boolean).map(decodeURIComponent);
    for (const link of links) {
      if (link.hash === `#/${OF[part] ?? part}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    say(problem, "");
    const title = titleOf(part, name, below);
    const inside = make("div");
    const head = make("h2", { tabindex: -1 }, title);
    try {
      await styled();
      const made = below === "zones" ? await showZones(inside, site, name) : await ALL[part]?.(inside, site, name);
      if (mine !== number) return made?.();
      leave = made ?? null;
    } catch (error) {
      if (mine !== number) return;
      console.error(error);
      say(problem, error.message);
    }
    place.replaceChildren(head, inside);
    if (focus) head.focus();
  }

  const changed = () => show(true);
  root.append(make("nav", { class: "parts", "aria-label": words.navigation }, ...links), problem, place);
  addEventListener("hashchange", changed);
  show(false);
  return () => {
    if (leave?.() === false) return false;
    number += 1;
    removeEventListener("hashchange", changed);
    return true;
  };
}
