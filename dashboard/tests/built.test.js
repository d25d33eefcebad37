// What is published is what the sources say, and small.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { gzipSync } from "node:zlib";
import { make } from "../build.js";
import { texts } from "../src/texts.js";

const published = (name) => readFileSync(new URL(`../public/${name}`, import.meta.url));
const gzipped = (name) => gzipSync(published(name), { level: 9 }).length;

test("the published scripts are made of the current sources", async () => {
  for (const { path, text } of await make()) {
    assert.equal(readFileSync(path, "utf8"), text, `${path} is not current: run \`npm run build\` in dashboard/ and commit it`);
  }
});

test("the tracker has at most 2,048 bytes gzipped", () => {
  const size = gzipped("liveinsight.js");
  assert.ok(size <= 2_048, `it has ${size}`);
});

test("the dashboard has at most 45 KB gzipped in all", () => {
  const sizes = ["index.html", "style.css", "app.js"].map(gzipped);
  const sum = sizes.reduce((one, other) => one + other);
  assert.ok(sum <= 45 * 1_024, `it has ${sum}: ${sizes}`);
});

test("no page has code or styles inline, or anything from elsewhere", () => {
  for (const name of ["index.html", "error.html"]) {
    const text = published(name).toString();
    assert.doesNotMatch(text, /<style|style=|\son[a-z]+=|<script(?![^>]*\bsrc=)|javascript:/i, name);
    assert.doesNotMatch(text, /(src|href)="(https?:)?\/\//i, name);
  }
});

test("every language says everything, with the same values", () => {
  const [first, ...others] = Object.entries(texts);
  const values = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
  for (const [language, said] of others) {
    assert.deepEqual(Object.keys(said).sort(), Object.keys(first[1]).sort(), language);
    for (const [key, text] of Object.entries(said)) assert.equal(values(text), values(first[1][key]), `${language}: ${key}`);
  }
});

test("every text that the page names exists", () => {
  const named = [...published("index.html").toString().matchAll(/data-(?:text|label)="(\w+)"/g)].map((match) => match[1]);
  assert.ok(named.length > 10);
  for (const key of named) assert.ok(key in texts.en, key);
});
