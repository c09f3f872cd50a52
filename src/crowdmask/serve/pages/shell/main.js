import { address, api, ROOT, useSession } from "../common/api.js";
import { make, say } from "../common/dom.js";
import { useZone } from "../common/format.js";
import { texts } from "../texts.en.js";
import { hideLogin, prepareLogin, showLogin } from "./login.js";
import { ROUTES } from "./routes.js";

const AGAIN_MS = 2000;
const at = (id) => document.getElementById(id);
const tell = (text) => say(at("status"), text);

let me = null;
let info = null;
let leave = () => {};
let shown = null;
let again = null;

const isHere = (url) => url.origin === ROOT.origin && url.pathname.startsWith(ROOT.pathname);
const routes = () => ROUTES.filter((route) => !route.admin || me?.role === "admin");
const pathOf = (url) => url.pathname.slice(ROOT.pathname.length).replace(/\/$/, "");
const routeOf = (url) => routes().find((route) => isHere(url) && route.path === pathOf(url));

function end() {
  leave();
  leave = () => {};
  shown = null;
  at("view").replaceChildren();
}

/** Show the page that the address names; `focus` tells screen readers that it is another one. */
async function show({ focus = false } = {}) {
  const url = new URL(location.href);
  const route = routeOf(url);
  end();
  shown = url;
  for (const link of at("navigation").querySelectorAll("a")) {
    if (route && link.pathname === new URL(route.path, ROOT).pathname) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = route?.text ?? texts.noPage;
  document.title = `${title} · ${info.name}`;
  at("title").textContent = title;
  tell("");
  if (focus) at("title").focus();
  if (!route) {
    at("view").append(make("p", {}, texts.noPageWhy));
    return;
  }
  try {
    const open = await route.load();
    if (shown === url) leave = open(at("view"), siteOf(url)) ?? (() => {});
  } catch (error) {
    if (shown !== url) return;
    console.error(error);
    tell(texts.lost);
    again = setTimeout(() => shown === url && show(), AGAIN_MS);
  }
}

/** What a page gets. */
function siteOf(url) {
  return {
    me, info, api, say: tell, go, reenter: enter,
    params: url.searchParams,
    setParams(params) {
      const next = address(pathOf(url), params);
      history.replaceState(null, "", next);
      shown = next;
    },
  };
}

/** Go to another page, or to other parameters of this one. */
function go(path, params = {}) {
  if (leave() === false) return;
  leave = () => {};
  history.pushState(null, "", address(path, params));
  show({ focus: true });
}

function fillNavigation() {
  const links = routes().map(({ path, text }) => make("a", { href: new URL(path, ROOT).href }, text));
  const photos = make("a", { href: new URL("photos/", ROOT).href, id: "photos" }, texts.photos);
  at("navigation").replaceChildren(...links, photos);
  at("logout").hidden = me.open;
  say(at("user"), me.open ? "" : me.name);
  say(at("brand"), info.name);
}

/** Find out who looks; returns false where somebody has to log in first. */
async function enter() {
  try {
    me = await api("GET", "v1/me");
    info = await api("GET", "v1/site");
  } catch (error) {
    if (error.status === 401) return false;
    throw error;
  }
  useSession({ csrf: me.csrf });
  useZone(info.timezone);
  hideLogin();
  at("page").hidden = at("navigation").hidden = false;
  fillNavigation();
  return true;
}

function leaveSite() {
  if (!at("login").hidden) return;
  end();
  at("page").hidden = at("navigation").hidden = at("logout").hidden = true;
  tell("");
  say(at("user"), "");
  showLogin();
}

async function begin() {
  clearTimeout(again);
  try {
    if (await enter()) await show();
  } catch {
    tell(texts.lost);
    again = setTimeout(begin, AGAIN_MS);
  }
}

at("skip").textContent = texts.skip;
at("logout").textContent = texts.logout;
at("navigation").setAttribute("aria-label", texts.navigation);
tell(texts.connecting);
useSession({ ended: leaveSite });
prepareLogin(begin);
at("logout").addEventListener("click", async () => {
  await api("POST", "v1/logout").catch(() => null);
  leaveSite();
});
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (!link || !plain || link.target || link.download || !me) return;
  const url = new URL(link.href);
  if (!routeOf(url) || (url.hash && pathOf(url) === pathOf(new URL(location.href)))) return;
  event.preventDefault();
  go(pathOf(url), Object.fromEntries(url.searchParams));
});
addEventListener("popstate", () => {
  const here = new URL(location.href);
  const onlyHash = shown && here.pathname + here.search === shown.pathname + shown.search;
  if (!me || onlyHash) return;
  if (leave() === false) history.pushState(null, "", shown);
  else {
    leave = () => {};
    show({ focus: true });
  }
});
begin();
