// Makes the two scripts that are published, public/app.js and public/liveinsight.js, of their sources in src/ and tracker/.
// They are committed, so that deploying needs no Node; tests/built.test.js proves that they are current.
//
//   node build.js            writes both
//   node build.js --watch    writes them again whenever a source changes

import * as esbuild from "esbuild";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const common = { bundle: true, minify: true, charset: "utf8", legalComments: "none", logLevel: "warning", absWorkingDir: here(".") };

const builds = [
  {
    ...common,
    entryPoints: [here("src/app.js")],
    outfile: here("public/app.js"),
    format: "esm",
    target: "es2022",
    banner: { js: "// Made of dashboard/src by `npm run build`. Contains uPlot; see licenses.txt." },
  },
  {
    ...common,
    entryPoints: [here("tracker/liveinsight.js")],
    outfile: here("public/liveinsight.js"),
    format: "iife",
    // Optional chaining is what every browser of the last six years knows; no newer syntax is used.
    target: "es2020",
  },
];

/** What the build makes, without writing it: `[{ path, text }]`. */
export async function make() {
  const made = await Promise.all(builds.map((options) => esbuild.build({ ...options, write: false })));
  return made.flatMap((result) => result.outputFiles).map(({ path, text }) => ({ path, text }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const options of builds) {
    if (process.argv.includes("--watch")) await (await esbuild.context(options)).watch();
    else await esbuild.build(options);
  }
}
