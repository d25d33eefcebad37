// Puts answers on the page. Shows no number that it was not given: what an answer lacks is left out, not made up.

import { drawChart, drawFeed, drawList, element, setText } from "./charts.js";

const $ = (id) => document.getElementById(id);
const rowsShown = 6;
const feedShown = 8;

/** Shows an answer of `/api/realtime`; `shownMinutes` of its minutes as bars. */
export function showRealtime(realtime, shownMinutes, format) {
  const { say, number } = format;
  const minutes = realtime.minutes.slice(-shownMinutes);
  // Each visitor is active in exactly one minute, so the minutes of a window add up, if the answer names them.
  const isExact = minutes.every((minute) => Number.isInteger(minute.active));
  const active = isExact ? minutes.reduce((sum, minute) => sum + minute.active, 0) : realtime.active_users;
  setText($("active-users"), number(active));
  setText($("active-note"), say("activeNote", { time: format.minutes(isExact ? shownMinutes : realtime.minutes.length) }));
  setText($("events-5"), number(realtime.events_last_5min));
  drawList($("current-pages"), counted(realtime.current_pages, format.page), say("none"), number);
  optional("live-referrers", counted(realtime.referrers, format.referrer), format);
  optional("live-countries", counted(realtime.countries, format.country), format);
  optional("live-devices", counted(realtime.devices, format.device), format);
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

/** A card that stays away while the installation does not count what it shows. */
function optional(id, rows, format) {
  $(`${id}-card`).hidden = !rows;
  if (rows) drawList($(id), rows, format.say("none"), format.number);
}

/** Rows of a list, from `{name: count}` or `[{name, sessions}]`; null if there is none. */
function counted(list, rename) {
  if (!list) return null;
  const rows = Array.isArray(list)
    ? list.map((row) => ({ name: rename(row.name), count: row.sessions ?? row.visitors ?? row.count }))
    : Object.entries(list).map(([name, count]) => ({ name: rename(name), count }));
  return rows.sort((one, other) => other.count - one.count).slice(0, rowsShown);
}

function showFeed(feed, format) {
  $("feed-card").hidden = !feed;
  if (!feed) return;
  const rows = feed.slice(0, feedShown).map((entry) => {
    const where = [format.page(entry.path ?? entry.page_url ?? ""), entry.country && format.country(entry.country)];
    return [format.second(entry.timestamp ?? entry.t), format.event(entry.event_type), where.filter(Boolean).join(" · ")];
  });
  drawFeed($("feed"), rows, format.say("none"));
}

/** Shows an answer of `/api/stats`; `before` has the sessions of the buckets before, if they are known. */
export function showStats(stats, before, format) {
  const { say, number, percent } = format;
  const { summary, previous, hourly_visitors: buckets } = stats;
  const totals = [
    ["visitors", summary.total_visitors, previous.total_visitors, number],
    ["sessions", summary.total_sessions, previous.total_sessions, number],
    ["views", summary.total_pageviews, previous.total_pageviews, number],
    ["duration", summary.avg_session_duration, previous.avg_session_duration, format.duration],
    ["bounce", stats.bounce_rate, previous.bounce_rate, percent],
  ].filter(([, value]) => value !== undefined);
  const drawn = JSON.stringify([totals, format.language]);
  if ($("totals").drawn !== drawn) {
    $("totals").drawn = drawn;
    $("totals").replaceChildren(...totals.map(([key, value, earlier, shape]) => total(key, value, earlier, shape, say)));
  }
  showBuckets(buckets, before, format);
  const shares = (rows, rename) => rows.map((row) => ({ name: rename(row.name), count: row.sessions }));
  const pages = stats.top_pages.map((page) => ({ name: format.page(page.url), count: page.views, extra: percent(page.percentage / 100) }));
  drawList($("top-pages"), pages, say("none"), number);
  drawList($("referrers"), shares(stats.referrers, format.referrer), say("none"), number);
  drawList($("countries"), shares(stats.countries, format.country), say("none"), number);
  drawList($("devices"), shares(stats.devices, format.device), say("none"), number);
}

function showBuckets(buckets, before, format) {
  const { say, number } = format;
  const { data, views, times, labels } = buckets;
  const isHours = labels[0].includes(":");
  const name = (index) => (isHours ? format.hour : format.day)(times[index]);
  $("before-legend").hidden = !before;
  drawChart($("buckets"), {
    values: data,
    ghost: before,
    number,
    label: (index) => (isHours ? format.time : format.day)(times[index]),
    describe(index) {
      const readout = say("bucketReadout", { time: name(index), visitors: number(data[index]), views: number(views[index]) });
      return before ? say("bucketBefore", { readout, before: number(before[index]) }) : readout;
    },
    summary: say("bucketsSummary", { most: number(Math.max(0, ...data)) }),
    table: {
      caption: say("bucketsCaption"),
      heads: [say("timeHead"), say("sessions"), say("views"), ...(before ? [say("beforeHead")] : [])],
      row: (index) => [name(index), number(data[index]), number(views[index]), ...(before ? [number(before[index])] : [])],
    },
  });
}

function total(key, value, before, format, say) {
  const holder = element("div");
  const shown = (number) => (number === null || number === undefined ? "–" : format(number));
  holder.append(element("dt", "", say(key)), element("dd", "", shown(value)), element("dd", "before", say("before", { value: shown(before) })));
  return holder;
}
