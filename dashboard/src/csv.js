// What the page shows of the past, as a file for a spreadsheet.

/** The text of the file: one row per bucket, page, referrer, country and device of an answer of `/api/stats`. */
export function csv(stats) {
  const { times, data, sessions, views } = stats.hourly_visitors;
  const rows = [["list", "name", "visitors", "sessions", "views"]];
  times.forEach((time, index) => rows.push(["time", new Date(time).toISOString(), data[index], sessions[index], views[index]]));
  for (const page of stats.top_pages) rows.push(["page", page.url, "", "", page.views]);
  for (const list of ["referrers", "countries", "devices"]) {
    for (const row of stats[list]) rows.push([list, row.name, "", row.sessions, ""]);
  }
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function cell(value) {
  let text = String(value);
  // A spreadsheet takes these for a formula, and anybody can visit a page of that name.
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Offers a text as a file. */
export function download(name, text) {
  const link = document.createElement("a");
  // The mark at the beginning tells Excel that it is UTF-8.
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}
