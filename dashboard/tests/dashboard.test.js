// The dashboard as the deployed stack serves it, in a real browser, with the numbers of the deployed API. Only states that a healthy
// installation does not have (errors, a token, countries) are answered in the API's place.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import test, { after, afterEach, before, beforeEach } from "node:test";
import { api, browse, dashboardUrl, eventually, freshSite, openSite, send, visitor } from "./harness.js";
import { fits } from "./wire.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser, full;
before(async () => {
  browser = await browse();
  full = freshSite();
  await fill(full);
});
after(() => browser?.close());

let context, page, complaints, mayFail;
beforeEach(() => fresh());
afterEach(async () => {
  await context.close();
  assert.deepEqual(complaints, [], "the console is silent, and what was read fits the wire format");
  mayFail = false;
});

async function fresh(options = {}) {
  await context?.close();
  context = await visitor(browser, { locale: "en-GB", viewport: { width: 1280, height: 900 }, ...options });
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
  complaints = [];
  page.on("console", (message) => {
    // Browsers write answers with an error status to the console.
    const isExpected = mayFail && message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !isExpected) complaints.push(message.text());
  });
  // Also what a test answers in the API's place.
  page.on("response", async (response) => {
    const [, endpoint] = response.url().match(/\/api\/(realtime|stats)/) ?? [];
    // One that the page did not wait for has no content.
    const content = endpoint && response.status() === 200 && await response.json().catch(() => null);
    try { if (content) fits(endpoint, content.data); } catch (error) { complaints.push(error.message); }
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
}

/** Visits of several kinds, some hours old in the sense of their sessions. */
async function fill(site) {
  const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
  for (let index = 0; index < 12; index += 1) {
    const referrer = ["https://search.example/", "https://news.example/x", ""][index % 3];
    const agent = index % 4 ? undefined : phone;
    const paths = ["/", "/list", "/%EC%83%81%ED%92%88", "/cart"].slice(0, 1 + (index % 4));
    await send(site, paths.map((path, place) => ({ session: `full-${index}`, path, referrer, agent, ago: 5_000 - place * 900 })));
  }
}

const open = (site, parameters = "") => page.goto(`${dashboardUrl}?site=${site}${parameters}`);
const text = (id) => page.locator(`#${id}`).textContent();
const shown = (id) => page.locator(`#${id}`).waitFor({ state: "visible" }).catch(async (error) => {
  throw new Error(`#${id} is not shown; the page says: ${await page.evaluate(() => `${document.hidden} ${document.body.innerText}`)}`, { cause: error });
});

/** Lets the page's clock run: in steps, since answers come in real time. */
async function pass(milliseconds) {
  for (let passed = 0; passed < milliseconds; passed += 500) {
    await page.clock.runFor(500);
    await page.waitForTimeout(25);
  }
}

/** Answers in the API's place. `answer(url, headers)` gives `{ status, data }`, or nothing to ask the API after all. */
async function instead(answer) {
  await page.route("**/api/**", async (route) => {
    const { status = 200, data, details, abort } = (await answer(new URL(route.request().url()), route.request().headers())) ?? {};
    if (abort) return route.abort();
    if (status === 200 && !data) return route.fallback();
    return route.fulfill({ status, json: status === 200 ? { status: "success", data } : { status: "error", message: "as the test wants it", details } });
  });
}
test("the first visit turns the empty page into numbers with the first question after it", async (context_) => {
  const site = freshSite();
  const shop = await openSite(site);
  context_.after(shop.close);
  const shopper = await (await visitor(browser)).newPage();
  await open(site);
  await shown("empty");
  assert.equal(await text("snippet"), `<script defer src="${new URL("liveinsight.js", dashboardUrl)}" data-site="${site}"></script>`);
  assert.equal(await page.locator("#numbers").isVisible(), false);
  let asked = 0;
  page.on("request", (request) => { if (request.url().includes("/api/realtime")) asked += 1; });
  await shopper.goto(shop.url);
  const visited = Date.now();
  // Questions that were asked before the event was taken do not count; seconds would only tell how busy the machine is.
  await eventually(() => assert.equal(shop.collector.taken, 1));
  const askedBefore = asked;
  await page.waitForFunction(() => document.getElementById("active-users").textContent === "1", null, { polling: 50 });
  console.log(`page opened to number on the screen: ${Date.now() - visited} ms`);
  assert.ok(asked - askedBefore <= 1, `it took ${asked - askedBefore} questions`);
  assert.equal(await page.locator("#empty").isVisible(), false);
  assert.match(await text("current-pages"), /\//);
  await shopper.context().close();
});

test("the page shows what the API says, and nothing else", async () => {
  await open(full);
  await shown("numbers");
  const [realtime, stats] = [await api("realtime", full), await api("stats", full)];
  assert.equal(await text("active-users"), String(realtime.active_users));
  assert.equal(realtime.active_users, 12);
  assert.equal(await text("events-5"), String(realtime.events_last_5min));
  const totals = await page.locator("#totals dd:not(.before)").allTextContents();
  assert.ok(totals.includes(String(stats.summary.total_sessions)) && totals.includes(String(stats.summary.total_pageviews)), totals.join());
  assert.equal(stats.summary.total_pageviews, 30);
  assert.match(await text("top-pages"), /\/상품/, "paths are written as people read them");
  assert.match(await text("referrers"), /search\.example/);
  assert.match(await text("devices"), /Phone/);
  for (const [name, list] of [["live-referrers", realtime.referrers], ["live-devices", realtime.devices], ["feed", realtime.feed]]) {
    assert.ok(list.length > 0, name);
    assert.equal(await page.locator(`#${name} li:not(.none)`).count(), Math.min(list.length, name === "feed" ? 8 : 6), name);
  }
  // No CloudFront told countries here, so the cards say how to get them.
  assert.deepEqual(realtime.countries, []);
  for (const id of ["live-countries", "countries"]) assert.match(await text(id), /No visit told its country.*data-api/, id);
});

test("it takes at most five requests, all to the stack itself", async () => {
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await open(full);
  await shown("numbers");
  // Later rounds ask again; the first is what it takes.
  const first = [...new Set(requests)].filter((url) => !url.startsWith("data:"));
  assert.ok(first.length <= 5, first.join("\n"));
  assert.ok(first.every((url) => url.startsWith(dashboardUrl)), first.join("\n"));
});

test("the policy forbids code from elsewhere and inline, and the page obeys it", async () => {
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
  });
  await open(full);
  await shown("numbers");
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  const ran = page.evaluate(() => new Promise((resolve) => {
    const script = document.createElement("script");
    script.textContent = "window.injected = true";
    document.body.append(script);
    setTimeout(() => resolve(window.injected ?? false), 100);
  }));
  assert.equal(await ran, false);
  assert.deepEqual(await page.evaluate(() => window.violations), ["script-src-elem"]);
  complaints.length = 0;
});

test("names that look like code are shown as text", async () => {
  const site = freshSite();
  const path = "/<img src=x onerror=window.injected=1>";
  await send(site, [{ session: "hostile", path: encodeURI(path) }, { session: "hostile", path: "/%E0%A4%A" }]);
  await open(site);
  await shown("numbers");
  assert.ok((await page.locator("#top-pages .name").allTextContents()).includes(path));
  assert.ok((await page.locator("#top-pages .name").allTextContents()).includes("/%E0%A4%A"));
  assert.equal(await page.evaluate(() => window.injected), undefined);
});

for (const colorScheme of ["light", "dark"]) {
  for (const locale of ["en-GB", "ko-KR"]) {
    test(`no barrier in ${colorScheme}, ${locale}: empty, full, with countries, failing, locked`, async () => {
      const states = {
        full: [full, "numbers"],
        empty: [freshSite(), "empty"],
        countries: [full, "numbers", withCountries],
        failing: [full, "trouble", () => ({ status: 503 })],
        locked: [full, "locked", () => ({ status: 401 })],
      };
      for (const [name, [site, visible, answer]] of Object.entries(states)) {
        await fresh({ colorScheme, locale });
        if (answer) { await instead(answer); mayFail = true; }
        await open(site);
        await shown(visible);
        assert.equal(await page.evaluate(() => document.documentElement.lang), locale.slice(0, 2));
        // The page forbids code from elsewhere, so axe comes by the debugger.
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run());
        const told = violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`);
        assert.deepEqual(told, [], name);
        if (name === "full") assert.equal((await page.locator("#minutes canvas").count()), 1);
      }
    });
  }
}

/** Behind a distribution that tells countries, with a visitor in each of the last 24 minutes and more before. */
async function withCountries(url) {
  if (!url.pathname.endsWith("/realtime")) return undefined;
  const data = await api("realtime", full);
  const minutes = data.minutes.map((minute, index) => ({ ...minute, active: index >= 24 ? 1 : index >= 14 ? 2 : 3 }));
  const feed = [
    { t: data.timestamp, event_type: "page_view", path: "/cart", country: "KR" },
    { t: data.timestamp - 900, event_type: "signup", path: "/<b>", country: null },
  ];
  return { data: { ...data, minutes, feed, countries: [{ name: "KR", sessions: 5 }, { name: "DE", sessions: 2 }] } };
}

test("countries are named, and the active visitors are those of the minutes shown", async () => {
  await instead(withCountries);
  await open(full);
  await shown("numbers");
  assert.match(await text("live-countries"), /South Korea.*5/);
  assert.match(await text("feed"), /Page view\/cart · South Korea/);
  assert.match(await text("feed"), /signup\/<b>/);
  // Exact for every window, because each visitor is active in one minute.
  assert.equal(await text("active-users"), String(14 * 3 + 10 * 2 + 6));
  await page.click("#window [value='5']");
  assert.equal(await text("active-users"), "5");
  assert.match(await text("active-note"), /5 min/);
});

test("complete hours are compared with complete hours, and visitors with visitors", async () => {
  const sums = (sessions) => ({
    total_sessions: sessions, total_pageviews: 2 * sessions, avg_session_duration: 60, avg_engaged_time: 30, total_visitors: sessions, bounce_rate: 0.25,
  });
  await instead(async (url) => {
    if (!url.pathname.endsWith("/stats")) return undefined;
    const data = await api("stats", full, "&period=day&limit=7");
    const buckets = { ...data.hourly_visitors, data: [1, 2, 3, 4, 5, 6, 7], sessions: [9, 9, 9, 9, 9, 9, 9], previous: [7, 6, 5, 4, 3, 2, 1] };
    return { data: { ...data, hourly_visitors: buckets, summary: sums(50), complete: sums(40), previous: sums(32) } };
  });
  await open(full);
  await shown("numbers");
  const tiles = await page.locator("#totals > div").allInnerTexts();
  const tile = (name) => tiles.find((text) => text.startsWith(name))?.split("\n");
  assert.deepEqual(tile("Visitors"), ["Visitors", "50", "32 → 40 +25%"]);
  assert.deepEqual(tile("Page views"), ["Page views", "100", "64 → 80 +25%"]);
  assert.deepEqual(tile("Engaged time"), ["Engaged time", "30s", "30s → 30s 0%"]);
  assert.equal(tile("Bounce rate")[2], "25% → 25%");
  const rows = await page.locator("#buckets table tr").allInnerTexts();
  assert.match(rows[0], /Visitors/);
  assert.deepEqual(rows.slice(1).map((row) => row.split("\t").at(-1)), ["7", "6", "5", "4", "3", "2", "1"]);
  assert.deepEqual(rows.slice(1).map((row) => row.split("\t")[1]), ["1", "2", "3", "4", "5", "6", "7"]);
});

test("windows, periods and tables change together", async () => {
  await open(full);
  await shown("numbers");
  for (const minutes of [5, 15, 30]) {
    await page.click(`#window [value="${minutes}"]`);
    assert.equal(await page.locator("#minutes table tr").count(), minutes + 1);
    assert.equal(await page.locator("#window [aria-pressed='true']").getAttribute("value"), String(minutes));
  }
  for (const [period, rows] of [["days7", 7], ["days30", 30], ["hours24", 24]]) {
    await page.click(`#period [value="${period}"]`);
    await page.waitForFunction((expected) => document.querySelectorAll("#buckets table tr").length === expected + 1, rows);
    // With the period before beside it.
    await page.waitForFunction(() => document.querySelectorAll("#buckets table th[scope='col']").length === 4);
  }
  const views = await page.locator("#buckets table tr td:nth-child(3)").allTextContents();
  assert.equal(views.reduce((sum, count) => sum + Number(count), 0), 30);
});

test("the keyboard reads single values", async () => {
  await open(full);
  await shown("numbers");
  const slider = page.locator("#minutes [role='slider']");
  await slider.focus();
  assert.match(await slider.getAttribute("aria-valuetext"), /visitors · \d+ views/);
  await page.keyboard.press("Home");
  await page.waitForFunction(() => document.querySelector("#minutes [role='slider']").getAttribute("aria-valuenow") === "1");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector("#minutes [role='slider']").getAttribute("aria-valuenow") === "2");
  assert.match(await page.locator("#minutes .readout").textContent(), /0 visitors · 0 views/);
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.querySelector("#minutes [role='slider']").getAttribute("aria-valuenow") === "30");
});

test("language and theme are switched and remembered", async () => {
  await open(full);
  await shown("numbers");
  await page.click("#language");
  assert.equal(await text("now-title"), "현재 방문자");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "ko");
  await page.click("#theme");
  await page.click("#theme");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.reload();
  await shown("numbers");
  assert.equal(await text("now-title"), "현재 방문자");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
});

for (const width of [320, 390, 768]) {
  test(`nothing sticks out at ${width} pixels`, async () => {
    await fresh({ viewport: { width, height: 800 } });
    await instead(withCountries);
    await open(full);
    await shown("numbers");
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0);
  });
}

test("a failure says what to do, keeps the last numbers, and passes", async () => {
  let isFailing = false;
  await instead(() => (isFailing ? { status: 503 } : undefined));
  mayFail = true;
  await page.clock.install();
  await open(full);
  await shown("numbers");
  isFailing = true;
  await pass(30_000);
  await shown("trouble");
  assert.match(await text("trouble-text"), /error 503.*keeps trying/);
  assert.match(await text("status-text"), /No answer since \d\d:\d\d/);
  assert.equal(await page.locator("#status").getAttribute("data-state"), "stale");
  assert.equal(await text("active-users"), "12");
  isFailing = false;
  await page.click("#retry");
  await eventually(async () => {
    await pass(500);
    assert.equal(await page.locator("#status").getAttribute("data-state"), "live");
  });
  assert.equal(await page.locator("#trouble").isVisible(), false);
});

test("no network, a wrong address and the first answer missing are told apart", async () => {
  for (const [answer, expected] of [[{ abort: true }, /check your connection/], [{ status: 404 }, /refused the request \(404\)/], [{ status: 500 }, /error 500/]]) {
    await fresh();
    mayFail = true;
    await instead(() => answer);
    await open(full);
    await shown("trouble");
    assert.match(await text("trouble-text"), expected);
    assert.equal(await page.locator("#numbers").isVisible(), false, "no number without an answer");
  }
});

test("an installation with a token asks for it, once per tab", async () => {
  mayFail = true;
  const asked = [];
  await instead((url, headers) => {
    asked.push(headers.authorization);
    return headers.authorization === "Bearer right" ? undefined : { status: 401 };
  });
  await open(full);
  await shown("locked");
  assert.equal(await page.locator("#numbers").isVisible(), false);
  const before = asked.length;
  await page.waitForTimeout(3_500);
  assert.equal(asked.length, before, "it does not ask again without another token");
  await page.fill("#token", "wrong");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => /not accepted/.test(document.getElementById("locked-text").textContent));
  await page.fill("#token", "right");
  await page.click("#token-form button");
  await shown("numbers");
  await page.reload();
  await shown("numbers");
  assert.equal(await page.evaluate(() => Object.values(localStorage).join().includes("right")), false, "kept for the tab only");
});

test("an installation that nobody may read says so, and asks for nothing", async () => {
  mayFail = true;
  const details = { field: "READ_TOKEN_SHA256", error: "not set" };
  await instead(() => ({ status: 401, details }));
  await open(full);
  await shown("locked");
  assert.match(await text("locked-title"), /^Reading is closed: no token is set$/);
  assert.match(await text("locked-text"), /^Set READ_TOKEN_SHA256 to the SHA-256 of one/);
  assert.equal(await page.locator("#token-form").isVisible(), false, "no token would be taken");
  await page.click("#language");
  assert.match(await text("locked-title"), /토큰/);
});

test("it rests while hidden and slows down when nobody is there", async () => {
  const asked = [];
  page.on("request", (request) => { if (request.url().includes("/api/realtime")) asked.push(request.url()); });
  await page.clock.install();
  await open(full);
  await shown("numbers");
  const during = async (milliseconds) => {
    const before = asked.length;
    await pass(milliseconds);
    return asked.length - before;
  };
  const awake = await during(30_000);
  assert.ok(awake >= 9 && awake <= 16, `${awake} in half a minute`);
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await hide(true);
  await during(3_000);
  assert.equal(await text("status-text"), "Paused while hidden");
  assert.equal(await during(20_000), 0);
  const whileHidden = asked.length;
  await hide(false);
  await pass(500);
  assert.ok(asked.length > whileHidden, "back at once");
  await page.clock.fastForward(301_000);
  await during(4_000);
  const idle = await during(30_000);
  assert.ok(idle >= 2 && idle <= 3, `${idle} in half a minute`);
  const whileIdle = asked.length;
  await page.mouse.move(50, 50);
  await pass(500);
  assert.ok(asked.length > whileIdle, "a hand on the page wakes it");
});

test("screen readers hear the number at most every quarter of a minute", async () => {
  await page.clock.install();
  let active = 12;
  await instead(async (url) => {
    if (!url.pathname.endsWith("/realtime")) return undefined;
    const data = await api("realtime", full);
    active += 1;
    return { data: { ...data, active_users: active, minutes: data.minutes.map((minute, index) => ({ ...minute, active: index ? 0 : active })) } };
  });
  await open(full);
  await shown("numbers");
  await page.evaluate(() => {
    window.heard = 0;
    new MutationObserver(() => { window.heard += 1; }).observe(document.getElementById("announcement"), { childList: true, characterData: true, subtree: true });
  });
  await pass(60_000);
  const heard = await page.evaluate(() => window.heard);
  assert.ok(heard >= 1 && heard <= 4, `${heard} in a minute`);
});

test("the export holds what is shown, and no formula", async () => {
  const site = freshSite();
  await send(site, [{ session: "export", path: "/a,b" }, { session: "export", path: "/c", referrer: "https://search.example/" }]);
  await open(site);
  await shown("numbers");
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
  assert.equal(file.suggestedFilename(), "liveinsight-hours24.csv");
  const lines = readFileSync(await file.path(), "utf8").replace("\ufeff", "").trim().split("\r\n");
  assert.equal(lines[0], "list,name,visitors,sessions,views");
  assert.equal(lines.filter((line) => line.startsWith("time,")).length, 24);
  assert.ok(lines.includes('page,"/a,b",,,1'), lines.join("\n"));
});

test("the page for addresses that do not exist leads back, without barriers", async () => {
  await page.goto(`${dashboardUrl}error.html`);
  await page.getByRole("link", { name: /Open the dashboard/ }).waitFor();
  await page.evaluate(axe);
  assert.deepEqual((await page.evaluate(() => window.axe.run())).violations.map((violation) => violation.id), []);
});
