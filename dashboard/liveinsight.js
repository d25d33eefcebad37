// The tracker. Sends page views and own events to the API of the site that this script came from.
//
//   <script defer src="https://…/liveinsight.js"></script>      optional: data-api="https://…/api/events" data-site="key"
//   liveinsight("conversion", { plan: "team" })                 own events
//
// No cookie, nothing kept beyond the tab, and nothing at all is sent for visitors who ask not to be tracked.
(() => {
  const script = document.currentScript;
  const { api, site } = script.dataset;
  const endpoint = api || new URL("/api/events", script.src).href;
  const idle = 18e5; // a session ends after 30 minutes without an event
  const most = 500; // events kept while the server does not answer
  let session, seen = 0, queue = [], batches = [], timer, sending = false, failures = 0, notBefore = 0, lastPage, left;

  if (navigator.globalPrivacyControl || navigator.doNotTrack === "1") {
    window.liveinsight = () => {};
    return;
  }

  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  // Lives in the tab, or in the page where storage is forbidden.
  const currentSession = (now) => {
    try {
      const [stored, time] = (sessionStorage.liveinsight || "").split(" ");
      if (stored) { session = stored; seen = +time; }
    } catch {}
    if (!session || now - seen > idle) session = random();
    seen = now;
    try { sessionStorage.liveinsight = `${session} ${now}`; } catch {}
    return session;
  };

  const track = (type, props, wait = 3e3) => {
    const now = Date.now();
    queue.push({
      session_id: currentSession(now), timestamp: now, event_type: type, page_url: location.href.slice(0, 2048),
      user_agent: navigator.userAgent, referrer: document.referrer.slice(0, 2048), props,
    });
    if (queue.length >= 20) flush();
    else if (!timer || wait < 3e3) { clearTimeout(timer); timer = setTimeout(flush, wait); }
  };

  // A batch keeps its identifier, so the server counts it once however often it is sent.
  const pack = () => {
    clearTimeout(timer);
    timer = 0;
    while (queue.length) batches.push({ batch_id: random(), k: site, events: queue.splice(0, 20) });
    batches = batches.slice(-most / 20);
  };

  const body = (batch) => JSON.stringify({ ...batch, sent_at: Date.now() });

  const flush = async () => {
    pack();
    if (sending || !batches.length || Date.now() < notBefore) return;
    sending = true;
    const batch = batches[0];
    let wait = 0;
    try {
      // Plain text needs no preflight; keepalive outlives the page.
      const response = await fetch(endpoint, {
        method: "POST", body: body(batch), keepalive: true, credentials: "omit", headers: { "content-type": "text/plain" },
      });
      if (response.status === 429 || response.status >= 500) wait = response.headers.get("retry-after") * 1e3 || 1;
    } catch { wait = 1; }
    sending = false;
    if (!wait) {
      // Taken, or refused for good.
      failures = 0;
      batches = batches.filter((other) => other !== batch);
      if (batches.length) flush();
    } else {
      // Ever more rarely, and not all visitors at once.
      wait = Math.max(wait, 1e3 * 2 ** Math.min(++failures, 6) * (0.5 + Math.random()));
      notBefore = Date.now() + wait;
      setTimeout(flush, wait + 9);
    }
  };

  // The page may be gone the next moment: all goes as a beacon, also what is under way. It counts once.
  const leave = () => {
    if (lastPage && left !== lastPage) { left = lastPage; track("page_leave"); }
    pack();
    batches = batches.filter((batch) => !navigator.sendBeacon(endpoint, body(batch)));
  };

  const view = () => {
    const page = location.pathname + location.search;
    if (page === lastPage) return;
    lastPage = page;
    left = 0;
    track("page_view", undefined, 250);
  };

  for (const name of ["pushState", "replaceState"]) {
    const original = history[name];
    history[name] = function (...values) {
      original.apply(this, values);
      view();
    };
  }
  addEventListener("popstate", view);
  addEventListener("pageshow", (event) => { if (event.persisted) { lastPage = 0; view(); } });
  addEventListener("pagehide", leave);
  addEventListener("online", () => { notBefore = 0; flush(); });
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : flush()));

  window.liveinsight = (type, props) => track(type, props);
  if (document.prerendering) document.addEventListener("prerenderingchange", view, { once: true });
  else view();
})();
