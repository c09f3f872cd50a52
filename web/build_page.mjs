/** Builds the page into the Python package, which `crowdmask web` writes out. */

import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PLAIN = ["index.html", "page.css", "old.js", "manifest.webmanifest", "icon.svg", "icon.png"];
const RUNTIME = "node_modules/onnxruntime-web";

/**
 * @param {string} to folder whose files are made anew.
 * @param {string} webgpu the same of the build for graphics cards, which is a package of its own.
 * @param {import("esbuild").BuildOptions} shared
 */
export async function buildPage(to, webgpu, shared) {
  for (const folder of [to, webgpu]) {
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      // What tools/pack_page.py made stays: it is written where it differs.
      if (name !== "webgpu" && name !== "models" && !name.endsWith(".xz")) await rm(`${folder}/${name}`, { recursive: true });
    }
  }
  for (const name of PLAIN) await cp(here(`page/${name}`), `${to}/${name}`);
  const options = { ...shared, minify: true, conditions: ["onnxruntime-web-use-extern-wasm"] };
  const bundles = {
    page: `${to}/page.js`,
    sw: `${to}/sw.js`,
    worker_wasm: `${to}/worker.js`,
    worker_webgpu: `${webgpu}/worker.js`,
  };
  for (const [entry, outfile] of Object.entries(bundles)) {
    // A service worker is no module, so that all browsers run it.
    const format = entry === "sw" ? "iife" : "esm";
    await build({ ...options, format, entryPoints: [here(`page/${entry}.ts`)], outfile });
  }
  const dist = here(`${RUNTIME}/dist`);
  await cp(`${dist}/ort-wasm-simd-threaded.mjs`, `${to}/ort-wasm-simd-threaded.mjs`);
  const asyncify = "ort-wasm-simd-threaded.asyncify";
  await cp(`${dist}/${asyncify}.mjs`, `${webgpu}/${asyncify}.mjs`);
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
