// Puts answers on the page. Shows no number that it was not given: what an answer lacks is left out, not made up.

import { drawChart, drawFeed, drawList, element, setText } from "./charts.js";

const $ = (id) => document.getElementById(id);
const rowsShown = 6;
const feedShown = 8;

/** Shows an answer of `/api/realtime`; `shownMinutes` of its minutes as bars. */
export function showRealtime(realtime, shownMinutes, format) {
  const { say, number } = format;
  const minutes = realtime.minutes.slice(-shownMinutes);
  // Each visitor is active in exactly one minute, so the minutes of a window add up.
  setText($("active-users"), number(minutes.reduce((sum, minute) => sum + minute.active, 0)));
  setText($("active-note"), say("activeNote", { time: format.minutes(shownMinutes) }));
  setText($("events-5"), number(realtime.events_last_5min));
  drawList($("current-pages"), fullest(realtime.current_pages, format), say("none"), number);
  for (const [name, rename] of [["referrers", format.referrer], ["countries", format.country], ["devices", format.device]]) {
    drawList($(`live-${name}`), shares(realtime[name], rename).slice(0, rowsShown), none(name, realtime, say), number);
  }
  showFeed(realtime.feed, format);
  const users = minutes.map((minute) => minute.users);
  drawChart($("minutes"), {
    values: users,
    number,
    label: (index) => (index === minutes.length - 1 ? "" : format.time(minutes[index].t)),
    describe: (index) => say("minuteReadout", {
      time: format.time(minutes[index].t), visitors: number(users[index]), views: number(minutes[index].views),
    }),
    summary: say("minutesSummary", { time: format.minutes(minutes.length), most: number(Math.max(0, ...users)) }),
    table: {
      caption: say("minutesCaption"),
      heads: [say("timeHead"), say("visitors"), say("views")],
      row: (index) => [format.time(minutes[index].t), number(users[index]), number(minutes[index].views)],
    },
  });
}

/** Rows of a list, which comes with the largest first. */
const shares = (list, rename) => list.map((row) => ({ name: rename(row.name), count: row.sessions }));

/** What an empty list says. Only CloudFront tells countries: if there are visits but no country, their batches went past it. */
const none = (name, answer, say) => say(name === "countries" && answer.devices.length ? "noCountries" : "none");

/** The fullest pages, of `{path: sessions}`. */
function fullest(pages, format) {
  const rows = Object.entries(pages).map(([path, count]) => ({ name: format.page(path), count }));
  return rows.sort((one, other) => other.count - one.count).slice(0, rowsShown);
}

function showFeed(feed, format) {
  const rows = feed.slice(0, feedShown).map((entry) => {
    const where = [format.page(entry.path), entry.country && format.country(entry.country)];
    return [format.second(entry.t), format.event(entry.event_type), where.filter(Boolean).join(" · ")];
  });
  drawFeed($("feed"), rows, format.say("none"));
}

/** Shows an answer of `/api/stats`. */
export function showStats(stats, format) {
  const { say, number, percent } = format;
  showTotals(stats, format);
  showBuckets(stats.hourly_visitors, format);
  const pages = stats.top_pages.map((page) => ({ name: format.page(page.url), count: page.views, extra: percent(page.percentage / 100) }));
  drawList($("top-pages"), pages, say("none"), number);
  drawList($("referrers"), shares(stats.referrers, format.referrer), say("none"), number);
  drawList($("countries"), shares(stats.countries, format.country), none("countries", stats, say), number);
  drawList($("devices"), shares(stats.devices, format.device), say("none"), number);
}

/** What is said in large, with what came before in small. */
const totals = [
  ["visitors", "total_visitors", "number"],
  ["sessions", "total_sessions", "number"],
  ["views", "total_pageviews", "number"],
  ["duration", "avg_session_duration", "duration"],
  ["engaged", "avg_engaged_time", "duration"],
  ["bounce", "bounce_rate", "percent"],
];

/** The large number is up to now. What is compared below it are the complete hours of both periods: the running one is no match. */
function showTotals({ summary, bounce_rate, complete, previous }, format) {
  const sums = { ...summary, bounce_rate };
  // Visitors of hours cannot be added up, so then there is no sum of them.
  const rows = totals.filter(([, field]) => field !== "total_visitors" || sums[field] !== null)
    .map(([key, field, shape]) => [key, sums[field], complete[field], previous[field], shape]);
  const drawn = JSON.stringify([rows, format.language]);
  if ($("totals").drawn === drawn) return;
  $("totals").drawn = drawn;
  $("totals").replaceChildren(...rows.map((row) => total(row, format)));
}

function total([key, value, now, before, shape], format) {
  const shown = (number) => (number === null ? "–" : format[shape](number));
  const change = before && now !== null && shape !== "percent" ? format.change(now / before - 1) : "";
  const holder = element("div");
  holder.append(
    element("dt", "", format.say(key)),
    element("dd", "", shown(value)),
    element("dd", "before", format.say("before", { before: shown(before), now: shown(now), change }).trim()),
  );
  return holder;
}

function showBuckets(buckets, format) {
  const { say, number } = format;
  const { data, previous, views, times, labels } = buckets;
  const isHours = labels[0].includes(":");
  const name = (index) => (isHours ? format.hour : format.day)(times[index]);
  drawChart($("buckets"), {
    values: data,
    ghost: previous,
    number,
    label: (index) => (isHours ? format.time : format.day)(times[index]),
    describe(index) {
      const readout = say("bucketReadout", { time: name(index), visitors: number(data[index]), views: number(views[index]) });
      return say("bucketBefore", { readout, before: number(previous[index]) });
    },
    summary: say("bucketsSummary", { most: number(Math.max(0, ...data)) }),
    table: {
      caption: say("bucketsCaption"),
      heads: [say("timeHead"), say("visitors"), say("views"), say("beforeHead")],
      row: (index) => [name(index), number(data[index]), number(views[index]), number(previous[index])],
    },
  });
}
