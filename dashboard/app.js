// The dashboard: asks the two reading endpoints again and again and shows what they say. Shows no number it was not given.

import { drawBars, drawList, element } from "./charts.js";
import { languages, speaker } from "./texts.js";

const REALTIME_PAUSE = 3_000;
// Without a hand on the page for five minutes, it asks less often.
const IDLE_AFTER = 300_000;
const IDLE_PAUSE = 10_000;
const STATS_PAUSE = 30_000;
const LONGEST_PAUSE = 30_000;
const TIMEOUT = 5_000;
const ANNOUNCE_EVERY = 15_000;

const $ = (id) => document.getElementById(id);
const stored = {
  get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
  set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* private mode: forgotten on reload */ } },
};

let language = languages.find((known) => known === stored.get("language"))
  ?? languages.find((known) => navigator.language.startsWith(known)) ?? "en";
let theme = ["light", "dark"].find((known) => known === stored.get("theme")) ?? "auto";
let say, numberFormat, percentFormat, timeFormat, hourFormat, dayFormat, countryNames;

let realtime = null;
let stats = null;
let period = "hour";
let lastAnswer = null;
// What went wrong at the last question to each endpoint, null if nothing did.
const troubles = { realtime: null, stats: null };
let lastTouched = Date.now();
let lastAnnounced = 0;

// ---- Asking

async function ask(path) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT);
  try {
    const response = await fetch(path, { signal: abort.signal, headers: { accept: "application/json" } });
    if (!response.ok) throw Object.assign(new Error(`status ${response.status}`), { status: response.status });
    return (await response.json()).data;
  } finally {
    clearTimeout(timer);
  }
}

/** Asks in a loop, never twice at a time, not while hidden, more slowly while it fails. Returns a way to ask at once. */
function poll(name, request, pause) {
  let timer, failures = 0, running = false, again = false;
  const turn = async () => {
    if (running) { again = true; return; }
    clearTimeout(timer);
    if (document.hidden) return;
    running = true;
    try {
      await request();
      failures = 0;
      troubles[name] = null;
    } catch (error) {
      failures += 1;
      troubles[name] = { status: error.status ?? null };
    }
    running = false;
    show();
    if (again) { again = false; turn(); return; }
    timer = setTimeout(turn, failures ? Math.min(LONGEST_PAUSE, pause() * 2 ** failures) : pause());
  };
  return turn;
}

const askRealtime = poll("realtime", async () => {
  realtime = await ask("/api/realtime");
  lastAnswer = Date.now();
}, () => (Date.now() - lastTouched > IDLE_AFTER ? IDLE_PAUSE : REALTIME_PAUSE));

const askStats = poll("stats", async () => {
  const asked = period;
  const answer = await ask(`/api/stats?period=${asked}&limit=${asked === "hour" ? 24 : 7}`);
  if (asked === period) stats = answer;
}, () => STATS_PAUSE);

// ---- Showing

function show() {
  showStatus();
  const isEmpty = realtime && stats && realtime.active_users === 0 && stats.summary.total_sessions === 0
    && stats.previous.total_sessions === 0 && stats.hourly_visitors.data.every((count) => count === 0);
  $("empty").hidden = !isEmpty;
  $("numbers").hidden = isEmpty || !realtime || !stats;
  if ($("numbers").hidden) return;
  showRealtime();
  showStats();
}

function showStatus() {
  // A single failure while the numbers are fresh is no news.
  const isLate = troubles.realtime && (!lastAnswer || Date.now() - lastAnswer > 3 * REALTIME_PAUSE);
  const trouble = isLate ? troubles.realtime : stats ? null : troubles.stats;
  const isStale = trouble !== null;
  const state = isStale ? "stale" : realtime ? (document.hidden ? "paused" : "live") : "loading";
  $("status").dataset.state = state;
  $("status-text").textContent = state === "stale" && !(isLate && lastAnswer) ? say("troubleTitle")
    : say(state, { time: lastAnswer ? timeFormat.format(lastAnswer) : "" });
  $("trouble").hidden = !isStale;
  if (!isStale) return;
  const { status } = trouble;
  const key = status === null ? "troubleNetwork" : status < 500 && status !== 429 ? "troubleRefused" : "troubleStatus";
  setText($("trouble-text"), say(key, { status }));
}

function showRealtime() {
  const count = numberFormat.format(realtime.active_users);
  setText($("active-users"), count);
  setText($("events-5"), numberFormat.format(realtime.events_last_5min));
  const pages = Object.entries(realtime.current_pages).map(([path, visitors]) => ({ name: pageName(path), count: visitors }));
  pages.sort((one, other) => other.count - one.count);
  drawList($("current-pages"), pages.slice(0, 6), say("none"), (value) => numberFormat.format(value));
  const { minutes } = realtime;
  const minuteName = new Intl.NumberFormat(language, { style: "unit", unit: "minute", unitDisplay: "short" });
  drawBars($("minutes"), {
    values: minutes.map((minute) => minute.users),
    describe: (index) => say("minuteReadout", {
      time: timeFormat.format(minutes[index].t),
      visitors: numberFormat.format(minutes[index].users), views: numberFormat.format(minutes[index].views),
    }),
    ends: [say("ago", { time: minuteName.format(minutes.length) }), say("now")],
    summary: say("minutesSummary", { most: Math.max(...minutes.map((minute) => minute.users)) }),
  });
  if (Date.now() - lastAnnounced > ANNOUNCE_EVERY) {
    lastAnnounced = Date.now();
    setText($("announcement"), say("announcement", { visitors: count }));
  }
}

function showStats() {
  const { summary, previous, hourly_visitors: buckets } = stats;
  $("totals").replaceChildren(...[
    ["sessions", summary.total_sessions, previous.total_sessions, (value) => numberFormat.format(value)],
    ["views", summary.total_pageviews, previous.total_pageviews, (value) => numberFormat.format(value)],
    ["duration", summary.avg_session_duration, previous.avg_session_duration, duration],
    ["bounce", stats.bounce_rate, previous.bounce_rate, (value) => percentFormat.format(value)],
  ].map(([key, value, before, format]) => total(say(key), value, before, format)));
  const isHours = buckets.labels[0].includes(":");
  // Hours are the same anywhere but for a few zones with half hours; days are UTC's, so their names are too.
  const name = (index) => (isHours ? hourFormat : dayFormat).format(buckets.times[index]);
  drawBars($("buckets"), {
    values: buckets.data,
    describe: (index) => say("bucketReadout", {
      time: name(index), visitors: numberFormat.format(buckets.data[index]), views: numberFormat.format(buckets.views[index]),
    }),
    ends: [name(0), name(buckets.data.length - 1)],
    summary: say("bucketsSummary", { most: Math.max(...buckets.data) }),
  });
  const list = (id, rows) => drawList($(id), rows, say("none"), (value) => numberFormat.format(value));
  list("top-pages", stats.top_pages.map((page) => (
    { name: pageName(page.url), count: page.views, extra: percentFormat.format(page.percentage / 100) })));
  const shares = (rows, rename) => rows.map((row) => ({ name: rename(row.name), count: row.sessions }));
  list("referrers", shares(stats.referrers, (host) => (host === "(direct)" ? say("direct") : host === "(other)" ? say("unknown") : host)));
  list("countries", shares(stats.countries, (code) => countryNames.of(code) ?? code));
  list("devices", shares(stats.devices, (device) => say(device)));
}

function total(name, value, before, format) {
  const holder = element("div");
  const shown = (number) => (number === null ? "–" : format(number));
  holder.append(element("dt", "", name), element("dd", "", shown(value)), element("dd", "before", say("before", { value: shown(before) })));
  return holder;
}

function duration(seconds) {
  const whole = Math.round(seconds);
  const unit = (value, name) => new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "narrow" }).format(value);
  return whole < 60 ? unit(whole, "second") : `${unit(Math.floor(whole / 60), "minute")} ${unit(whole % 60, "second")}`;
}

/** A path as people read it; one with broken escapes stays as it is. */
function pageName(path) {
  if (path === "(other)") return say("otherPages");
  try { return decodeURI(path); } catch { return path; }
}

/** Leaves an unchanged text alone, which keeps selections and spares screen readers. */
function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

// ---- Language, theme, controls

function setLanguage(next) {
  language = next;
  say = speaker(language);
  numberFormat = new Intl.NumberFormat(language);
  percentFormat = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  timeFormat = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  hourFormat = new Intl.DateTimeFormat(language, { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  dayFormat = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", timeZone: "UTC" });
  countryNames = new Intl.DisplayNames(language, { type: "region", fallback: "code" });
  document.documentElement.lang = language;
  for (const target of document.querySelectorAll("[data-text]")) target.textContent = say(target.dataset.text);
  const other = languages[(languages.indexOf(language) + 1) % languages.length];
  $("language").textContent = speaker(other)("name");
  $("language").lang = other;
  $("zone").textContent = say("zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
  setTheme(theme);
}

function setTheme(next) {
  theme = next;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $("theme").textContent = say("theme", { value: say(theme) });
}

function start() {
  setLanguage(language);
  $("snippet").textContent = `<script defer src="${new URL("/liveinsight.js", location.href)}"></script>`;
  $("language").addEventListener("click", () => {
    setLanguage(languages[(languages.indexOf(language) + 1) % languages.length]);
    stored.set("language", language);
    show();
  });
  $("theme").addEventListener("click", () => {
    const themes = ["auto", "light", "dark"];
    setTheme(themes[(themes.indexOf(theme) + 1) % themes.length]);
    stored.set("theme", theme);
  });
  $("period").addEventListener("click", (event) => {
    period = event.target.dataset.period ?? period;
    for (const button of $("period").children) button.setAttribute("aria-pressed", String(button.dataset.period === period));
    askStats();
  });
  $("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText($("snippet").textContent);
      $("copy").textContent = say("copied");
      setTimeout(() => { $("copy").textContent = say("copy"); }, 2_000);
    } catch {
      // Without permission to copy, at least select it.
      getSelection().selectAllChildren($("snippet"));
    }
  });
  $("retry").addEventListener("click", () => { askRealtime(); askStats(); });
  for (const kind of ["pointerdown", "keydown", "pointermove"]) addEventListener(kind, () => { lastTouched = Date.now(); }, { passive: true });
  document.addEventListener("visibilitychange", () => { show(); askRealtime(); askStats(); });
  show();
  askRealtime();
  askStats();
}

start();
