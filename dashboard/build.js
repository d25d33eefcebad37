// Makes the scripts that are published in public/, app.js and liveinsight.js, of their sources in src/ and tracker/. They are
// committed, so that deploying needs no Node; tests/built.test.js proves that they are current.
//
// The tracker is written twice. liveinsight.js is for a tag that is pasted once and gets later versions by itself. The other has
// the version and a digest of its content in its name: its content never changes, browsers keep it for a year, and the ones of
// earlier versions stay in public/ for the pages that have their names.
//
//   node build.js            writes all
//   node build.js --watch    writes app.js and liveinsight.js again whenever a source changes

import * as esbuild from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url)));
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
  const files = made.flatMap((result) => result.outputFiles).map(({ path, text }) => ({ path, text }));
  const tracker = files.find(({ path }) => path.endsWith("/liveinsight.js"));
  const digest = createHash("sha256").update(tracker.text).digest("hex").slice(0, 12);
  return [...files, { path: here(`public/liveinsight-${version}.${digest}.js`), text: tracker.text }];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--watch")) {
    for (const options of builds) await (await esbuild.context(options)).watch();
  } else {
    for (const { path, text } of await make()) writeFileSync(path, text);
  }
}
