/** Builds the page into the Python package, which `crowdmask web` writes out. */

import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PLAIN = ["index.html", "page.css", "old.js", "manifest.webmanifest", "icon.svg", "icon.png"];
const RUNTIME = "node_modules/onnxruntime-web";

/**
 * @param {string} to folder whose files are made anew.
 * @param {import("esbuild").BuildOptions} shared
 */
export async function buildPage(to, shared) {
  await mkdir(`${to}/webgpu`, { recursive: true });
  for (const name of await readdir(to, { recursive: true })) {
    // What tools/pack_page.py made stays: it is written where it differs.
    if (!["webgpu", "models"].includes(name) && !/\.(xz|onnx)$/.test(name)) await rm(`${to}/${name}`, { force: true });
  }
  for (const name of PLAIN) await cp(here(`page/${name}`), `${to}/${name}`);
  const options = { ...shared, minify: true, conditions: ["onnxruntime-web-use-extern-wasm"] };
  const bundles = { "page.js": "page", "sw.js": "sw", "worker.js": "worker_wasm", "webgpu/worker.js": "worker_webgpu" };
  for (const [name, entry] of Object.entries(bundles)) {
    // A service worker is no module, so that all browsers run it.
    const format = name === "sw.js" ? "iife" : "esm";
    await build({ ...options, format, entryPoints: [here(`page/${entry}.ts`)], outfile: `${to}/${name}` });
  }
  const dist = here(`${RUNTIME}/dist`);
  await cp(`${dist}/ort-wasm-simd-threaded.mjs`, `${to}/ort-wasm-simd-threaded.mjs`);
  const asyncify = "ort-wasm-simd-threaded.asyncify";
  await cp(`${dist}/${asyncify}.mjs`, `${to}/webgpu/${asyncify}.mjs`);
  await writeFile(`${to}/licences.txt`, await licences());
}

async function licences() {
  const { version, license } = JSON.parse(await readFile(here(`${RUNTIME}/package.json`), "utf8"));
  const mit = await readFile(here("page/mit.txt"), "utf8");
  return (
    "crowdmask: Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0\n\n" +
    `ONNX Runtime Web ${version} (${license}), Copyright (c) Microsoft Corporation\n\n${mit}`
  );
}
