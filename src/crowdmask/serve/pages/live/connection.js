import { ROOT } from "../common/api.js";

const FIRST_MS = 500;
const MOST_MS = 5000;
const SILENT_MS = 30000;

/**
 * Follow the site over one WebSocket, again after a broken connection, and not while the tab is hidden.
 * `told` gets opened(), closed(), news(kind, record), picture(head, blob); closed() resolves to whether to go on.
 * `most_fps` is asked at each connection: so many pictures of one camera a second are enough.
 */
export function follow(told, most_fps = () => 8) {
  let socket = null;
  let timer = null;
  let silence = null;
  let wait = FIRST_MS;
  let ended = false;

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(drop, SILENT_MS);
  }

  /** Give up a connection at once: without a network the browser waits long for the other side's farewell. */
  function drop() {
    const old = socket;
    if (!old) return;
    lost(old);
    old.close();
  }

  async function lost(made) {
    if (socket !== made) return;
    socket = null;
    clearTimeout(silence);
    if (!(await told.closed()) || ended) return;
    timer = setTimeout(open, wait);
    wait = Math.min(2 * wait, MOST_MS);
  }

  function open() {
    clearTimeout(timer);
    if (ended || socket || document.hidden) return;
    const address = new URL("v1/live", ROOT.href.replace(/^http/, "ws"));
    address.searchParams.set("fps", most_fps());
    const made = new WebSocket(address);
    made.binaryType = "arraybuffer";
    socket = made;
    heard();
    made.onopen = () => {
      wait = FIRST_MS;
      told.opened();
    };
    made.onmessage = ({ data }) => {
      if (socket !== made) return;
      heard();
      if (typeof data === "string") {
        const { kind, record } = JSON.parse(data);
        told.news(kind, record);
      } else {
        const length = new DataView(data).getUint32(0);
        const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
        told.picture(head, new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }));
      }
    };
    made.onclose = () => lost(made);
  }

  function close() {
    const old = socket;
    socket = null;
    clearTimeout(timer);
    clearTimeout(silence);
    old?.close();
  }

  function seen() {
    if (document.hidden) close();
    else open();
  }

  document.addEventListener("visibilitychange", seen);
  window.addEventListener("offline", drop);
  open();
  return () => {
    ended = true;
    document.removeEventListener("visibilitychange", seen);
    window.removeEventListener("offline", drop);
    close();
  };
}
