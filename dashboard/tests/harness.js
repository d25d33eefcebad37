// What the tests share: the deployed stack, a real browser, and a site of its own that carries the tracker.
//
//   LIVEINSIGHT_DASHBOARD_URL   where the dashboard is served, as `liveinsight outputs` prints it
//   LIVEINSIGHT_API_URL         the API's own address, likewise
//   LIVEINSIGHT_PINNED_TAG      the tag of the tracker of this version alone, likewise
//   CHROMIUM                    the browser, if it is not /usr/bin/chromium

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { chromium } from "playwright-core";
import { fits } from "./wire.js";

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run these tests with \`cargo test --test browser\`, which deploys the stack first`);
  return value;
}

export const dashboardUrl = needed("LIVEINSIGHT_DASHBOARD_URL");
export const apiUrl = needed("LIVEINSIGHT_API_URL");
/** The tag of the tracker of this version alone, with the digest of its content. */
export const pinnedTag = needed("LIVEINSIGHT_PINNED_TAG");
// A usual browser: one that says it is remote-controlled or headless is taken for a robot, which is tested apart.
const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

/** Generous: the machine may be busy. What has to be quick is tested where it is promised. */
const patience = 30_000;

/** A browser; `robot` leaves its marks on it. */
export async function browse({ robot = false } = {}) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) throw new Error(`no browser at ${executablePath}: install chromium, or set CHROMIUM`);
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", ...(robot ? [] : ["--disable-blink-features=AutomationControlled"])],
    // Playwright switches the page memory off, which users have.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
}

/** A context as a visitor has it, with its cookies and storage to itself. */
export const visitor = (browser, options = {}) => browser.newContext({ userAgent, ...options });

let sites = 0;
/** The name of a site that nobody has used. */
export const freshSite = () => `t${process.pid}-${Date.now().toString(36)}-${(sites += 1)}`;

/** What the deployed API says of a site: `realtime` or `stats`. */
export async function api(endpoint, site, parameters = "") {
  const response = await fetch(`${apiUrl}/api/${endpoint}?k=${site}${parameters}`);
  assert.equal(response.status, 200, `GET /api/${endpoint} answered ${response.status}`);
  const { data } = await response.json();
  fits(endpoint, data);
  return data;
}

/** Posts events as the tracker does. Each is `{ session, path, ago, referrer, agent }`. */
export async function send(site, events) {
  const now = Date.now();
  const response = await fetch(`${apiUrl}/api/events`, {
    method: "POST",
    headers: { "user-agent": userAgent },
    body: JSON.stringify({
      k: site, batch_id: `b${now}-${Math.random().toString(36).slice(2)}`, sent_at: now,
      events: events.map(({ session, path, ago = 0, referrer = "", agent = userAgent }) => ({
        session_id: `${site}-${session}`, timestamp: now - ago, event_type: "page_view",
        page_url: `https://shop.example${path}`, referrer, user_agent: agent,
      })),
    }),
  });
  assert.equal(response.status, 200, await response.text());
}

/** Asks again until `check` throws no more. */
export async function eventually(check) {
  const end = Date.now() + patience;
  for (;;) {
    try { return await check(); } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/**
 * A site on an address of its own, and a collector on another one that stands before the deployed API: it keeps what it was sent in
 * `seen` and what does not fit the wire format in `misfits`, passes it on (and counts in `taken` what was accepted), and fails as
 * `failing` says: a list of `{ status, forward }`, one for each of the next posts, of which `forward` reaches the API all the same,
 * so that only the answer is lost. `rewrite(data)` may change what an answer says. `tag` carries the tracker, or makes the tag
 * for each page; `headers` are the pages'.
 */
export async function openSite(site, { tag, headers = {} } = {}) {
  const collector = { seen: [], misfits: [], taken: 0, preflights: 0, failing: [], rewrite: (data) => data };
  const collecting = createServer(async (request, response) => {
    const cors = { "access-control-allow-origin": "*", "access-control-expose-headers": "retry-after" };
    if (request.method !== "POST") {
      collector.preflights += 1;
      response.writeHead(200, cors).end();
      return;
    }
    let body = "";
    for await (const chunk of request) body += chunk;
    const batch = JSON.parse(body);
    judge(collector, "batch", batch);
    collector.seen.push({ ...batch, contentType: request.headers["content-type"], cookie: request.headers.cookie });
    const failure = collector.failing.shift();
    let answer = { status: failure?.status, text: "{}" };
    if (!failure || failure.forward) {
      const headers = { "content-type": request.headers["content-type"], "user-agent": request.headers["user-agent"] };
      const passed = await fetch(`${apiUrl}/api/events`, { method: "POST", headers, body });
      const content = await passed.json();
      judge(collector, passed.ok ? "received" : "error", passed.ok ? content.data : content);
      if (passed.ok) collector.taken += 1;
      if (!failure) answer = { status: passed.status, text: JSON.stringify({ ...content, data: collector.rewrite(content.data ?? {}) }) };
    }
    // The page may be gone, and with it the connection.
    response.on("error", () => {}).writeHead(answer.status, { ...cors, "content-type": "application/json" }).end(answer.text);
  });
  const collectorUrl = await listen(collecting);
  const usual = `<script defer src="${new URL("liveinsight.js", dashboardUrl)}"></script>`;
  const tracker = () => (typeof tag === "function" ? tag() : tag ?? usual)
    .replace("<script ", `<script data-api="${collectorUrl}/api/events" data-site="${site}" `);
  const serving = createServer((request, response) => {
    if (request.url === "/elsewhere") { response.end("<title>elsewhere</title>"); return; }
    response.setHeader("content-type", "text/html; charset=utf-8");
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.end(`<!doctype html><title>shop</title>
      ${tracker()}
      <main style="height:3000px">
        <button id="plan" data-liveinsight="signup" data-liveinsight-plan-name="team">sign up</button>
        <a id="outbound" target="_blank" href="https://other.invalid/page?secret=1">other</a>
        <a id="download" href="/price-list.pdf?secret=1" target="_blank">price list</a>
        <a id="inside" href="#details">details</a>
      </main>`);
  });
  const url = await listen(serving);
  return {
    site, url, collector,
    events: () => {
      // A batch counts once, however often it was sent.
      const batches = new Map(collector.seen.map((batch) => [batch.batch_id, batch]));
      return [...batches.values()].flatMap((batch) => batch.events);
    },
    close: () => { for (const server of [collecting, serving]) { server.closeAllConnections(); server.close(); } },
  };
}

function judge(collector, definition, value) {
  try { fits(definition, value); } catch (error) { collector.misfits.push(error.message); }
}

async function listen(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}`;
}
