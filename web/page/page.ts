/** The page: joins its parts. */

import { Camera } from "./camera.ts";
import { complain, element, say } from "./dom.ts";
import { best_way, Engine, type Way } from "./engine.ts";
import type { Site } from "./messages.ts";
import { Photos } from "./photos.ts";
import { Results } from "./results.ts";
import { Settings } from "./settings.ts";
import { TOO_OLD, words_of } from "./words.ts";

// A module of WebAssembly that uses SIMD, which the runtime needs.
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];

function is_supported(): boolean {
  return (
    typeof WebAssembly === "object" &&
    WebAssembly.validate(Uint8Array.from(SIMD)) &&
    typeof OffscreenCanvas === "function" &&
    typeof createImageBitmap === "function" &&
    typeof Worker === "function"
  );
}

async function read_site(): Promise<Site> {
  const answer = await fetch("site.json");
  if (!answer.ok) throw new Error(`site.json: the server answers ${answer.status}`);
  return (await answer.json()) as Site;
}

function tell_how(way: Way, site: Site): void {
  const where =
    way.device === "webgpu"
      ? "the graphics card (WebGPU)"
      : `the processor (WebAssembly, ${way.threads === 1 ? "1 thread" : `${way.threads} threads`})`;
  element("how").textContent = `Computed by ${where}.`;
  element("version").textContent = site.version;
}

/** Take photos that are dropped, pasted, chosen or taken. */
function receive(photos: Photos): void {
  const add = (files: Iterable<File>) => {
    photos.add(Array.from(files, (file) => ({ name: file.webkitRelativePath || file.name || "pasted.png", file })));
  };
  for (const id of ["files", "take"]) {
    const input = element<HTMLInputElement>(id);
    input.addEventListener("change", () => {
      add(input.files ?? []);
      input.value = "";
    });
  }
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) add(event.clipboardData.files);
  });
  const drop = element("drop");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer?.files.length) add(event.dataTransfer.files);
    else complain("What was dropped is no file: save the picture first, then drop its file.");
  });
}

/** Keep the page for times without a network; pages without HTTPS cannot. */
function keep_offline(): void {
  if (!("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register("sw.js").catch(() => undefined);
}

async function start(): Promise<void> {
  if (!is_supported()) return say(TOO_OLD);
  const site = await read_site();
  const settings = new Settings(site);
  let way = await best_way(site);
  let engine = new Engine(settings.model, way);
  const present = () => engine;
  const photos = new Photos(present, settings);
  const results = new Results(photos, () => engine.rest());
  const camera = new Camera(present, settings, (file, name) => photos.add([{ name, file }]));
  receive(photos);
  settings.addEventListener("shown", () => results.show());
  settings.addEventListener("model", () => {
    if (settings.model !== engine.model) {
      engine.end();
      engine = new Engine(settings.model, way);
    }
    photos.again();
  });
  addEventListener("pagehide", () => camera.stop());
  say("Loading the model …");
  try {
    if (way.device === "webgpu") {
      // A driver may promise more than it holds: then the processor computes.
      await engine.load().catch(() => {
        way = { ...way, device: "wasm" };
        engine = new Engine(settings.model, way);
      });
    }
    await engine.load();
    say("Ready.");
  } catch (error) {
    complain(words_of(error));
    say("Not ready.");
  }
  tell_how(way, site);
  document.documentElement.dataset.ready = "true";
  keep_offline();
}

start().catch((error: unknown) => {
  complain(words_of(error));
  say("Not ready.");
});
