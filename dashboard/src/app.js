// The dashboard: what is asked and when, which of its states the page is in, and what its controls do.

import { ask, poll, token } from "./ask.js";
import { recolour, setText } from "./charts.js";
import { csv, download } from "./csv.js";
import { formats } from "./format.js";
import { showRealtime, showStats } from "./show.js";
import { languages, speaker } from "./texts.js";

// Milliseconds. Without a hand on the page for five minutes, it asks less often.
const realtimePause = 1_500;
const idleAfter = 300_000;
const idlePause = 10_000;
const statsPause = 30_000;
const announceEvery = 15_000;
const periods = { hours24: ["hour", 24], days7: ["day", 7], days30: ["day", 30] };

const $ = (id) => document.getElementById(id);
const stored = {
  get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* private mode: forgotten on reload */ } },
};

/** The site whose numbers are shown: `?site=shop` in the page's address, the only one without. */
const site = new URLSearchParams(location.search).get("site");
let language = languages.find((known) => known === stored.get("language"))
  ?? languages.find((known) => navigator.language.startsWith(known)) ?? "en";
let theme = ["light", "dark"].find((known) => known === stored.get("theme")) ?? "auto";
let format = formats(language);
let period = "hours24";
let shownMinutes = 30;

let realtime = null;
let stats = null;
let lastAnswer = null;
let lastTouched = Date.now();
let lastAnnounced = 0;
// What went wrong at the last question to each endpoint, null if nothing did.
const troubles = { realtime: null, stats: null };

// ---- Asking

function address(path, parameters = {}) {
  const query = new URLSearchParams({ ...parameters, ...(site && { k: site }) }).toString();
  return query ? `${path}?${query}` : path;
}

function heard(endpoint) {
  return (trouble) => {
    troubles[endpoint] = trouble;
    show();
  };
}

const askRealtime = poll(async () => {
  const wasEmpty = isEmpty();
  realtime = await ask(address("/api/realtime"));
  lastAnswer = Date.now();
  // The first visitor of all: the history begins too.
  if (wasEmpty && !isEmpty()) askStats();
}, () => (Date.now() - lastTouched > idleAfter ? idlePause : realtimePause), heard("realtime"));

const askStats = poll(async () => {
  const asked = period;
  const [name, limit] = periods[asked];
  const answer = await ask(address("/api/stats", { period: name, limit }));
  if (asked !== period) return;
  stats = answer;
}, () => statsPause, heard("stats"));

// ---- Showing

function isEmpty() {
  return Boolean(realtime && stats) && realtime.active_users === 0 && stats.summary.total_sessions === 0
    && stats.previous.total_sessions === 0 && stats.hourly_visitors.data.every((count) => count === 0);
}

function show() {
  const locks = [troubles.realtime, troubles.stats].filter((trouble) => trouble?.status === 401);
  const isLocked = locks.length > 0;
  // No token would be taken.
  const isClosed = locks.some(({ field }) => field === "READ_TOKEN_SHA256");
  showStatus(isLocked, isClosed);
  $("locked").hidden = !isLocked;
  $("token-form").hidden = isClosed;
  if (isClosed) {
    setText($("locked-title"), format.say("closedTitle"));
    setText($("locked-text"), format.say("closedText"));
  }
  $("empty").hidden = isLocked || !isEmpty();
  $("numbers").hidden = isLocked || isEmpty() || !realtime || !stats;
  if ($("numbers").hidden) return;
  showRealtime(realtime, shownMinutes, format);
  showStats(stats, format);
  if (Date.now() - lastAnnounced > announceEvery) {
    lastAnnounced = Date.now();
    setText($("announcement"), format.say("announcement", { visitors: $("active-users").textContent }));
  }
}

function showStatus(isLocked, isClosed) {
  const { say } = format;
  // A single failure while the numbers are fresh is no news.
  const isLate = troubles.realtime && (!lastAnswer || Date.now() - lastAnswer > 4 * realtimePause);
  const trouble = isLocked ? null : isLate ? troubles.realtime : stats ? null : troubles.stats;
  const state = isLocked ? "locked" : trouble ? "stale" : realtime ? (document.hidden ? "paused" : "live") : "loading";
  $("status").dataset.state = state;
  setText($("status-text"), state === "stale" && !(isLate && lastAnswer) ? say("troubleTitle")
    : say(isClosed ? "closed" : state, { time: lastAnswer ? format.time(lastAnswer) : "" }));
  $("trouble").hidden = !trouble;
  if (!trouble) return;
  const { status } = trouble;
  const text = status === null ? "troubleNetwork" : status < 500 && status !== 429 ? "troubleRefused" : "troubleStatus";
  setText($("trouble-text"), say(text, { status }));
}

// ---- Controls

function setLanguage(next) {
  language = next;
  format = formats(language);
  document.documentElement.lang = language;
  for (const target of document.querySelectorAll("[data-text]")) target.textContent = format.say(target.dataset.text);
  for (const target of document.querySelectorAll("[data-label]")) target.setAttribute("aria-label", format.say(target.dataset.label));
  for (const button of $("window").children) button.textContent = format.minutes(Number(button.value));
  const other = languages[(languages.indexOf(language) + 1) % languages.length];
  $("language").textContent = speaker(other)("name");
  $("language").lang = other;
  $("zone").textContent = format.say("zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
  setTheme(theme);
}

function setTheme(next) {
  theme = next;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $("theme").textContent = format.say("theme", { value: format.say(theme) });
  recolour();
}

/** A row of buttons of which one is pressed. */
function choice(id, chosen) {
  $(id).addEventListener("click", ({ target }) => {
    if (!target.value) return;
    for (const button of $(id).children) button.setAttribute("aria-pressed", String(button === target));
    chosen(target.value);
  });
}

async function copySnippet() {
  try {
    await navigator.clipboard.writeText($("snippet").textContent);
    $("copy").textContent = format.say("copied");
    setTimeout(() => { $("copy").textContent = format.say("copy"); }, 2_000);
  } catch {
    // Without permission to copy, at least select it.
    getSelection().selectAllChildren($("snippet"));
  }
}

function unlock(event) {
  event.preventDefault();
  token.set($("token").value.trim());
  $("token").value = "";
  setText($("locked-text"), format.say("lockedWrong"));
  askRealtime();
  askStats();
}

function start() {
  setLanguage(language);
  if (site) document.title = `${site} · liveinsight`;
  const place = new URL("/liveinsight.js", location.href);
  $("snippet").textContent = `<script defer src="${place}"${site ? ` data-site="${site}"` : ""}></script>`;
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
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  choice("period", (value) => { period = value; askStats(); });
  choice("window", (value) => { shownMinutes = Number(value); show(); });
  $("copy").addEventListener("click", copySnippet);
  $("token-form").addEventListener("submit", unlock);
  $("export").addEventListener("click", () => download(`liveinsight-${period}.csv`, csv(stats)));
  $("retry").addEventListener("click", () => { askRealtime(); askStats(); });
  for (const kind of ["pointerdown", "keydown", "pointermove"]) addEventListener(kind, touched, { passive: true });
  document.addEventListener("visibilitychange", () => { show(); askRealtime(); askStats(); });
  show();
  askRealtime();
  askStats();
}

function touched() {
  // Back after a while: not another ten seconds of old numbers.
  if (Date.now() - lastTouched > idleAfter) askRealtime();
  lastTouched = Date.now();
}

start();
