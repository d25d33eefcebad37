// The real tracker, served by the deployed stack, in a real browser on another site; what arrives is counted by the deployed API.

import assert from "node:assert/strict";
import test, { after, before, beforeEach, afterEach } from "node:test";
import { api, browse, eventually, freshSite, openSite, pinnedTag, visitor } from "./harness.js";

let browser, shop, context;
before(async () => { browser = await browse(); });
after(() => browser?.close());
beforeEach(async () => {
  shop = await openSite(freshSite());
  context = await visitor(browser);
});
afterEach(async () => {
  await context.close();
  shop.close();
  assert.deepEqual(shop.collector.misfits, [], "everything sent and answered fits the wire format");
});

const types = () => shop.events().map((event) => event.event_type);
const views = () => shop.events().filter((event) => event.event_type === "page_view");

/** What the API counts, as soon as it agrees. */
async function counted({ views: expectedViews, sessions, pages }) {
  await eventually(async () => {
    const stats = await api("stats", shop.site);
    if (expectedViews !== undefined) assert.equal(stats.summary.total_pageviews, expectedViews);
    if (sessions !== undefined) assert.equal(stats.summary.total_sessions, sessions);
    if (pages) assert.deepEqual(Object.fromEntries(stats.top_pages.map((page) => [page.url, page.views])), pages);
  });
}

async function open(path = "/") {
  const page = await context.newPage();
  await page.goto(shop.url + path);
  return page;
}

/** Closes a tab as its visitor does; the browser takes a moment for it. */
async function leave(page) {
  const closed = page.waitForEvent("close");
  await page.close({ runBeforeUnload: true });
  await closed;
}

/** Until nothing more comes for as long as a batch may wait. */
async function quiet() {
  let before;
  do {
    before = shop.collector.seen.length;
    await new Promise((resolve) => setTimeout(resolve, 3_600));
  } while (shop.collector.seen.length > before);
}

test("a visit is one view, without preflight, cookie or query string of the visitor", async () => {
  const page = await open("/a?utm_source=news&secret=1");
  await counted({ views: 1, sessions: 1, pages: { "/a": 1 } });
  assert.equal(shop.collector.preflights, 0);
  assert.equal(shop.collector.seen[0].cookie, undefined);
  assert.match(shop.collector.seen[0].contentType, /^text\/plain/);
  assert.deepEqual(await context.cookies(), []);
  assert.match(views()[0].session_id, /^[A-Za-z0-9_-]{10,64}$/);
  assert.equal(await page.evaluate(() => Object.keys(localStorage).join()), "liveinsight");
});

test("three changes of the address in the page are four views", async () => {
  const page = await open("/");
  for (const path of ["/one", "/two", "/three"]) await page.evaluate((to) => history.pushState({}, "", to), path);
  // The same address again is no view, nor is an anchor.
  await page.evaluate(() => history.replaceState({}, "", location.href));
  await page.click("#inside");
  await counted({ views: 4, sessions: 1, pages: { "/": 1, "/one": 1, "/two": 1, "/three": 1 } });
  await page.goBack();
  await page.goBack();
  await counted({ views: 5 });
});

test("routes after # are pages of their own", async () => {
  const page = await open("/app/#/list");
  await page.evaluate(() => { location.hash = "#/cart"; });
  await counted({ views: 2, pages: { "/app/list": 1, "/app/cart": 1 } });
});

test("two refusals and an answer count once", async () => {
  shop.collector.failing = [{ status: 503 }, { status: 503 }];
  await open("/");
  await eventually(() => assert.equal(shop.collector.seen.length, 3));
  assert.equal(new Set(shop.collector.seen.map((batch) => batch.batch_id)).size, 1);
  await counted({ views: 1, sessions: 1 });
});

test("a batch whose answer was lost counts once", async () => {
  shop.collector.failing = [{ status: 503, forward: true }, { status: 429, forward: true }];
  await open("/");
  await eventually(() => assert.equal(shop.collector.seen.length, 3));
  await counted({ views: 1, sessions: 1 });
});

test("a refusal for good is not repeated", async () => {
  shop.collector.failing = [{ status: 400 }];
  const page = await open("/");
  await eventually(() => assert.equal(shop.collector.seen.length, 1));
  await page.evaluate(() => history.pushState({}, "", "/next"));
  await counted({ views: 1, pages: { "/next": 1 } });
  assert.equal(shop.collector.seen.length, 2);
});

test("what waits when the tab is closed arrives", async () => {
  const page = await open("/");
  await eventually(() => assert.equal(views().length, 1));
  await page.evaluate(() => window.liveinsight("conversion", { plan: "team" }));
  assert.ok(!types().includes("conversion"), "it still waits");
  await leave(page);
  await eventually(() => assert.ok(types().includes("conversion")));
  await counted({ views: 1, sessions: 1 });
});

test("a tab closed at once has still been here", async () => {
  const page = await context.newPage();
  await page.goto(shop.url, { waitUntil: "domcontentloaded" });
  await leave(page);
  await counted({ views: 1 });
});

for (const [name, mark] of [
  ["Global Privacy Control", () => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { value: true })],
  ["Do Not Track", () => Object.defineProperty(Navigator.prototype, "doNotTrack", { value: "1" })],
  ["a browser under remote control", () => Object.defineProperty(Navigator.prototype, "webdriver", { value: true })],
]) {
  test(`${name}: nothing is sent, nothing is kept`, async () => {
    await context.addInitScript(mark);
    const page = await open("/");
    await page.evaluate(() => { window.liveinsight("conversion"); history.pushState({}, "", "/next"); });
    await page.click("#plan");
    await quiet();
    assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
    await leave(page);
    await quiet();
    assert.equal(shop.collector.seen.length, 0);
  });
}

test("events without a network wait for it", async () => {
  const page = await open("/");
  await counted({ views: 1 });
  await context.setOffline(true);
  await page.evaluate(() => history.pushState({}, "", "/offline"));
  await quiet();
  assert.equal(views().length, 1);
  await context.setOffline(false);
  await counted({ views: 2, sessions: 1 });
});

test("events of a tab closed without a network come with the next visit", async () => {
  const page = await open("/");
  await counted({ views: 1 });
  await context.setOffline(true);
  await page.evaluate(() => history.pushState({}, "", "/offline"));
  await leave(page);
  await context.setOffline(false);
  const next = await open("/next");
  await counted({ views: 3, sessions: 1, pages: { "/": 1, "/offline": 1, "/next": 1 } });
  await eventually(async () => assert.equal(await next.evaluate(() => Object.keys(localStorage).join()), "liveinsight"));
});

test("at most 500 events wait, the newest", async () => {
  shop.collector.failing = Array.from({ length: 99 }, () => ({ status: 503 }));
  const page = await open("/");
  await page.evaluate(() => { for (let index = 0; index < 700; index += 1) window.liveinsight("tick", { index }); });
  await leave(page);
  shop.collector.failing = [];
  await quiet();
  shop.collector.seen.length = 0;
  await open("/");
  await eventually(() => {
    const ticks = shop.events().filter((event) => event.event_type === "tick").map((event) => event.props.index);
    // 25 batches are kept, of 20 events each but for those that a timer or the end of the page closed.
    assert.ok(ticks.includes(699) && !ticks.includes(0) && ticks.length <= 500 && ticks.length >= 440, `${ticks.length}`);
  });
});

test("back from the browser's memory is another view", async () => {
  const page = await open("/");
  await counted({ views: 1 });
  await page.evaluate(() => { window.isSameDocument = true; });
  await page.goto(`${shop.url}/elsewhere`);
  await page.goBack({ waitUntil: "commit" });
  assert.equal(await page.evaluate(() => window.isSameDocument), true, "the browser kept the page");
  await counted({ views: 2, sessions: 1 });
});

test("a page that is rendered ahead counts when it is shown", async () => {
  await context.addInitScript(() => {
    let isAhead = true;
    Object.defineProperty(Document.prototype, "prerendering", { get: () => isAhead });
    window.showPage = () => { isAhead = false; document.dispatchEvent(new Event("prerenderingchange")); };
  });
  const page = await open("/");
  await quiet();
  assert.equal(shop.collector.seen.length, 0);
  await page.evaluate(() => window.showPage());
  await counted({ views: 1 });
});

test("two tabs are one session, until it has rested for half an hour", async () => {
  const page = await open("/one");
  await open("/two");
  await counted({ views: 2, sessions: 1 });
  await page.evaluate(() => {
    const [id, time, ...rest] = localStorage.liveinsight.split(" ");
    localStorage.liveinsight = [id, time - 31 * 60_000, ...rest].join(" ");
  });
  await page.evaluate(() => history.pushState({}, "", "/three"));
  await counted({ views: 3, sessions: 2 });
});

test("a burst of a hundred events is counted to the last one", async () => {
  const page = await open("/");
  await page.evaluate(() => { for (let index = 0; index < 100; index += 1) window.liveinsight("tick", { index }); });
  await eventually(async () => assert.equal((await api("realtime", shop.site)).events_last_5min, 101));
  assert.ok(shop.collector.seen.every((batch) => batch.events.length <= 20));
});

test("clicks on marked elements, links out and downloads are events without query strings", async () => {
  const page = await open("/");
  for (const id of ["#plan", "#outbound", "#download", "#inside"]) await page.click(id);
  await eventually(() => assert.ok(["signup", "outbound", "download"].every((type) => types().includes(type)), types().join()));
  const props = Object.fromEntries(shop.events().map((event) => [event.event_type, event.props]));
  assert.deepEqual(props.signup, { planName: "team" });
  assert.deepEqual(props.outbound, { url: "https://other.invalid/page" });
  assert.deepEqual(props.download, { url: `${shop.url}/price-list.pdf` });
});

test("leaving a page tells how long it was read and how far", async () => {
  const page = await open("/");
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await page.waitForTimeout(600);
  await page.evaluate(() => history.pushState({}, "", "/next"));
  await eventually(() => assert.ok(types().includes("page_leave")));
  const leave = shop.events().find((event) => event.event_type === "page_leave");
  assert.equal(new URL(leave.page_url).pathname, "/", "it belongs to the page that was left");
  assert.ok(leave.props.engaged_ms >= 600 && leave.props.engaged_ms < 60_000, `${leave.props.engaged_ms}`);
  assert.ok(leave.props.scroll_percent >= 95, `${leave.props.scroll_percent}`);
});

test("the token of an answer comes back", async () => {
  shop.collector.rewrite = (data) => ({ ...data, token: "first-token" });
  const page = await open("/");
  await eventually(async () => assert.match(await page.evaluate(() => localStorage.liveinsight), / first-token$/));
  await page.evaluate(() => history.pushState({}, "", "/next"));
  await eventually(() => assert.equal(shop.collector.seen.length, 2));
  assert.deepEqual(shop.collector.seen.map((batch) => batch.token), [undefined, "first-token"]);
});

for (const token of ["expired-token", undefined]) {
  test(`a session that is not taken with ${token ?? "no token"} goes on as a new one, and nothing is lost`, async () => {
    shop.collector.rewrite = (data) => ({ ...data, token });
    const page = await open("/");
    await eventually(async () => assert.ok((await page.evaluate(() => localStorage.liveinsight)).endsWith(token ?? " ")));
    await counted({ views: 1 });
    shop.collector.rewrite = (data) => ({ ...data, token: "token-of-the-new-session" });
    shop.collector.failing = [{ status: 401 }];
    await page.evaluate(() => history.pushState({}, "", "/next"));
    await counted({ views: 2, sessions: 2, pages: { "/": 1, "/next": 1 } });
    const [first, refused, again] = shop.collector.seen;
    assert.deepEqual([refused.token, again.token], [token, undefined]);
    assert.equal(refused.batch_id, again.batch_id);
    const session = (batch) => batch.events[0].session_id;
    assert.ok(session(refused) === session(first) && session(again) !== session(first));
    // What follows is of the new session, with its token.
    await page.evaluate(() => history.pushState({}, "", "/third"));
    await counted({ views: 3, sessions: 2 });
    const last = shop.collector.seen.at(-1);
    assert.deepEqual([session(last), last.token], [session(again), "token-of-the-new-session"]);
  });
}

test("a batch that is refused as a new session, too, is given up", async () => {
  shop.collector.failing = [{ status: 401 }, { status: 401 }];
  const page = await open("/");
  await eventually(() => assert.equal(shop.collector.seen.length, 2));
  await page.evaluate(() => history.pushState({}, "", "/next"));
  await counted({ views: 1, pages: { "/next": 1 } });
});

test("without storage everything but the memory of the session works", async () => {
  await context.addInitScript(() => {
    Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });
  });
  const page = await open("/");
  await page.evaluate(() => history.pushState({}, "", "/next"));
  await counted({ views: 2, sessions: 1 });
});

test("the pinned tag counts on pages that isolate themselves, and a script that was tampered with does not run", async () => {
  assert.match(pinnedTag, /integrity="sha384-[A-Za-z0-9+/]{64}" crossorigin="anonymous"/);
  const headers = { "cross-origin-embedder-policy": "require-corp", "cross-origin-opener-policy": "same-origin" };
  const visit = async (tag) => {
    const isolated = await openSite(freshSite(), { tag, headers });
    try {
      const page = await context.newPage();
      const complaints = [];
      page.on("console", (message) => complaints.push(message.text()));
      await page.goto(isolated.url, { waitUntil: "load" });
      assert.equal(await page.evaluate(() => crossOriginIsolated), true);
      const runs = await page.evaluate(() => typeof window.liveinsight === "function");
      if (runs) await eventually(async () => assert.equal(isolated.collector.taken, 1));
      return { runs, complaints: complaints.join("\n") };
    } finally { isolated.close(); }
  };
  assert.deepEqual(await visit(pinnedTag), { runs: true, complaints: "" });
  const other = await visit(pinnedTag.replace(/sha384-.{8}/, "sha384-AAAAAAAA"));
  assert.equal(other.runs, false);
  assert.match(other.complaints, /integrity/);
});

test("a browser that kept the pinned script for a tag without crossorigin takes the one with it", async () => {
  const plain = `<script defer src="${pinnedTag.match(/src="([^"?]+)/)[1]}"></script>`;
  let tag = plain;
  const changing = await openSite(freshSite(), { tag: () => tag });
  try {
    const page = await context.newPage();
    for (const views of [1, 2]) {
      await page.goto(`${changing.url}/${views}`);
      await eventually(async () => assert.equal(changing.events().filter((event) => event.event_type === "page_view").length, views));
      tag = pinnedTag;
    }
  } finally { changing.close(); }
});
