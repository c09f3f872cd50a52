/** Lets esbuild take a module of WebAssembly's text format as its bytes. */

import { readFile } from "node:fs/promises";

import makeWabt from "wabt";

export const wat = {
  name: "wat",
  setup(build) {
    build.onLoad({ filter: /\.wat$/ }, async ({ path }) => {
      const parsed = (await makeWabt()).parseWat(path, await readFile(path, "utf8"), { simd: true });
      const contents = parsed.toBinary({}).buffer;
      parsed.destroy();
      return { contents, loader: "binary" };
    });
  },
};
