/**
 * Builds what TypeScript cannot: bundles.
 *
 *     node build.mjs            the page, into the Python package and its supplement; or with --to FOLDER
 *     node build.mjs --tests    the tests, into dist/test/
 *     node build.mjs --package  the npm package, into dist/
 */

import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { buildPage } from "./build_page.mjs";
import { wat } from "./wat.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const shared = { bundle: true, format: "esm", target: "es2022", logLevel: "warning", legalComments: "none", plugins: [wat] };

if (process.argv.includes("--tests")) {
  const tests = (await readdir(here("test"))).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...shared,
    entryPoints: tests.map((name) => here(`test/${name}`)),
    outdir: here("dist/test"),
    outExtension: { ".js": ".mjs" },
    platform: "node",
    packages: "external",
    sourcemap: "inline",
  });
} else if (process.argv.includes("--package")) {
  await build({
    ...shared,
    entryPoints: [here("src/index.ts")],
    outfile: here("dist/crowdmask.js"),
    packages: "external",
    external: ["#runtime"],
    sourcemap: true,
  });
} else {
  const at = process.argv.indexOf("--to");
  const to = at > 0 ? process.argv[at + 1] : here("../src/crowdmask/web/page");
  const webgpu = at > 0 ? `${to}/webgpu` : here("../supplement/src/crowdmask_supplement/page/webgpu");
  await buildPage(to, webgpu, shared);
}
