// The tracker. Sends page views and own events to the API of the site that this script came from.
// `npm run build` makes ../public/liveinsight.js of this file: at most 2,048 bytes gzipped, which a test checks.
//
//   <script defer src="https://…/liveinsight.js"></script>      optional: data-api="https://…/api/events" data-site="key"
//   liveinsight("conversion", { plan: "team" })                 own events by function
//   <button data-liveinsight="signup" data-liveinsight-plan="team">     or by attribute, sent on a click
//
// Sent by itself: page_view, page_leave {engaged_ms, scroll_percent}, outbound {url}, download {url}.
//
// No cookie. Kept in localStorage: a random session, replaced after 30 minutes without an event, and events that could not be
// delivered yet. Nothing at all is kept or sent for visitors who ask not to be tracked (Global Privacy Control, Do Not Track)
// and for browsers under remote control.

const script = document.currentScript;
const endpoint = script.dataset.api || new URL("/api/events", script.src).href;
const name = "liveinsight";
const sessionIdle = 18e5; // milliseconds without an event that end a session
const batchSize = 20;
const mostBatches = 25; // 500 events are kept while the server does not answer; the oldest go first
const usualWait = 3e3;
const viewWait = 250;
const keepaliveLimit = 6e4; // browsers refuse a larger body on a request that outlives its page

let session, token, seen = 0, last = 0;
let queue = [], batches = [];
let timer, isSending, renewed, notBefore = 0, failures = 0;
let page, engaged = 0, activeSince = 0, scrolled = 0;

const random = () => crypto.getRandomValues(new Uint32Array(4)).reduce((text, part) => text + part.toString(36), "");

/** Runs what storage may forbid; then everything lives as long as the page. */
const attempt = (work) => {
  try { return work(); } catch {}
};

/** All tabs share a session, so it is read again before every event. */
const startSession = (now) => {
  const [id = session, time = seen, proof = token] = attempt(() => localStorage[name].split(" ")) || [];
  if (now - time < sessionIdle) [session, token] = [id, proof];
  else newSession();
  seen = now;
  remember();
};
const newSession = () => { [session, token] = [random(), ""]; };
const remember = () => attempt(() => (localStorage[name] = [session, seen, token].join(" ")));

/** A fragment is part of the address only where it is a route: /app#/cart counts as /app/cart. */
const address = () => {
  const { origin, pathname, search, hash } = location;
  return (origin + (/^#!?\//.test(hash) ? (pathname + hash).replace(/\/?#!?/, "") : pathname) + search).slice(0, 2048);
};

const track = (type, props, wait = usualWait) => {
  const now = Date.now();
  startSession(now);
  // No two events in the same millisecond: the server would have to look for the next free one.
  last = Math.max(now, last + 1);
  queue.push({
    session_id: session, timestamp: last, event_type: type, page_url: page || address(), user_agent: navigator.userAgent,
    referrer: document.referrer.slice(0, 2048), props,
  });
  if (queue.length >= batchSize) flush();
  else if (!timer || wait < usualWait) {
    clearTimeout(timer);
    timer = setTimeout(flush, wait);
  }
};

/** A batch keeps its identifier, so the server counts it once however often it is sent. */
const pack = () => {
  clearTimeout(timer);
  timer = 0;
  while (queue[0]) batches.push({ batch_id: random(), k: script.dataset.site, token: token || undefined, events: queue.splice(0, batchSize) });
  batches = batches.slice(-mostBatches);
};

const bodyOf = (batch) => JSON.stringify({ ...batch, sent_at: Date.now() });

const flush = async () => {
  pack();
  const batch = batches[0];
  if (isSending || !batch || Date.now() < notBefore) return;
  isSending = 1;
  let wait = 0;
  try {
    const body = bodyOf(batch);
    // A string goes as text/plain, which needs no preflight.
    const response = await fetch(endpoint, { method: "POST", body, keepalive: body.length < keepaliveLimit, credentials: "omit" });
    const { status } = response;
    if (status == 401 && batch != renewed) {
      // Nobody can prove any more that the session is this visitor's: its events go on, once, as those of a new one.
      wait = 1;
      renewed = batch;
      if (batch.events[0].session_id == session) newSession();
      for (const event of batch.events) event.session_id = session;
      batch.token = token || undefined;
      remember();
    } else if (status == 429 || status > 499) wait = response.headers.get("retry-after") * 1e3 || 1;
    else if (response.ok) {
      token = (await response.json()).data.token || token;
      remember();
    }
  } catch {
    wait = 1;
  }
  isSending = 0;
  if (wait) {
    // Ever more rarely, and not all visitors at once.
    wait = Math.max(wait, 1e3 * 2 ** Math.min(failures++, 6) * (0.5 + Math.random()));
    notBefore = Date.now() + wait;
    setTimeout(flush, wait + 9);
  } else {
    // Taken, or refused for good.
    failures = 0;
    batches = batches.filter((other) => other != batch);
    keep();
    flush();
  }
};

/** What is not delivered waits in storage, under a name of this page's own, for the next page of this site. */
const keptName = name + random();
const keep = () => attempt(() => (batches[0] ? (localStorage[keptName] = JSON.stringify(batches)) : delete localStorage[keptName]));
const takeKept = () => attempt(() => {
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(name) && key != name) {
      batches.push(...JSON.parse(localStorage[key]));
      delete localStorage[key];
    }
  }
});

/** The page may be gone the next moment: all goes as a beacon, also what is under way. It counts once. */
const hide = () => {
  leave();
  pack();
  // Without a network, or while the server fails, a beacon would go nowhere and not say so.
  batches = batches.filter((batch) => failures || !navigator.onLine || !navigator.sendBeacon(endpoint, bodyOf(batch)));
  keep();
};

/** Engaged is the time in which the page is seen and has the focus. */
const measure = () => {
  const now = Date.now();
  if (activeSince) engaged += now - activeSince;
  activeSince = !document.hidden && document.hasFocus() && now;
};
const measureScroll = () => {
  scrolled = Math.max(scrolled, Math.min(100, Math.round(((scrollY + innerHeight) / document.documentElement.scrollHeight) * 100)));
};

const leave = () => {
  measure();
  if (engaged > 99) track("page_leave", { engaged_ms: engaged, scroll_percent: scrolled });
  engaged = 0;
};

const view = () => {
  if (address() == page) return;
  if (page) leave();
  page = address();
  engaged = scrolled = 0;
  measure();
  measureScroll();
  track("page_view", undefined, viewWait);
};

const click = ({ target, button }) => {
  const named = target.closest?.("[data-liveinsight]");
  const link = target.closest?.("a[href]");
  if (button > 1) return; // the right one opens a menu
  if (named) {
    const props = {};
    for (const key in named.dataset) if (/^liveinsight./.test(key)) props[key[11].toLowerCase() + key.slice(12)] = named.dataset[key];
    track(named.dataset.liveinsight, props);
  }
  if (link && /^http/.test(link.protocol)) {
    const isDownload = link.download || /\.(pdf|zip|t?gz|dmg|exe|msi|apk|docx?|xlsx?|pptx?|csv|mp[34]|epub)$/i.test(link.pathname);
    if (isDownload || link.host != location.host) track(isDownload ? "download" : "outbound", { url: link.origin + link.pathname });
  }
};

const start = () => {
  for (const change of ["pushState", "replaceState"]) {
    const original = history[change];
    history[change] = function (...values) {
      original.apply(this, values);
      view();
    };
  }
  addEventListener("popstate", view);
  addEventListener("hashchange", view);
  addEventListener("pageshow", (event) => {
    // Back from the browser's memory is a new view of the same page.
    if (event.persisted) { page = 0; view(); }
  });
  addEventListener("pagehide", hide);
  addEventListener("online", () => { notBefore = 0; flush(); });
  addEventListener("focus", measure);
  addEventListener("blur", measure);
  addEventListener("scroll", measureScroll, { passive: true });
  document.addEventListener("visibilitychange", () => (document.hidden ? hide() : (measure(), flush())));
  document.addEventListener("click", click, true);
  document.addEventListener("auxclick", click, true);
  takeKept();
  view();
};

if (!window[name]) {
  const { globalPrivacyControl, doNotTrack, webdriver } = navigator;
  const isSilent = globalPrivacyControl || doNotTrack == 1 || webdriver;
  window[name] = isSilent ? () => {} : (type, props) => track(type, props);
  if (!isSilent) document.prerendering ? document.addEventListener("prerenderingchange", start, { once: true }) : start();
}
