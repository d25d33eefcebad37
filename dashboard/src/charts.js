// Charts and lists. A canvas says nothing to a screen reader, so each chart is operated like a slider, says the value it stands on,
// and has a table behind it. Text is only ever set as text: nothing in a path can become markup.

import uPlot from "uplot/dist/uPlot.esm.js";

const steps = [1, 2, 5].flatMap((digit) => [0, 1, 2, 3, 4, 5, 6, 7].map((power) => digit * 10 ** power)).sort((one, other) => one - other);
const labelWidth = 84;

/** An element with a class and a text. */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== "") made.textContent = text;
  return made;
}

/** Leaves an unchanged text alone, which keeps selections and spares screen readers. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Bars in `holder`, one per value of `values`, and a dashed line through `ghost` if it is given.
 * `label(index)` is the word on the axis, `describe(index)` the words under the chart for the value that pointer, touch or arrow keys
 * stand on, `summary` what a screen reader says first, `table` is `{ caption, heads, row(index) }`.
 */
export function drawChart(holder, content) {
  const chart = holder.chart ?? (holder.chart = makeChart(holder));
  // Nothing is drawn again if nothing changed: a poll costs no frame.
  const { values, ghost = null, table, summary } = content;
  const rows = values.map((_, index) => table.row(index));
  const drawn = JSON.stringify([values, ghost, rows, table.heads, summary]);
  if (chart.drawn === drawn) return;
  Object.assign(chart, { drawn, content });
  chart.plot.setData([values.map((_, index) => index), ghost ?? values.map(() => null), values]);
  chart.slider.setAttribute("aria-label", summary);
  chart.table.replaceChildren(element("caption", "", table.caption), tableRow("th", table.heads), ...rows.map((row) => tableRow("td", row)));
  chart.show();
}

/** Draws again in the colours of the theme. */
export function recolour() {
  for (const holder of document.querySelectorAll(".chart")) holder.chart?.plot.redraw();
}

function tableRow(tag, cells) {
  const row = element("tr");
  row.append(...cells.map((cell, index) => {
    const made = element(index === 0 ? "th" : tag, "", cell);
    made.scope = tag === "th" ? "col" : "row";
    if (made.tagName === "TD") made.removeAttribute("scope");
    return made;
  }));
  return row;
}

function makeChart(holder) {
  const slider = element("div", "plot");
  // A slider is what a screen reader knows as "one value out of a row, changed with the arrow keys".
  slider.setAttribute("role", "slider");
  slider.tabIndex = 0;
  const readout = element("p", "readout");
  const table = element("table");
  // A table itself cannot be made a pixel small, what is around it can.
  const behind = element("div", "hidden");
  behind.append(table);
  holder.replaceChildren(slider, readout, behind);
  const chart = { slider, table, picked: null, content: { values: [], describe: () => "", label: () => "" } };
  const count = () => chart.content.values.length;

  chart.show = () => {
    const index = chart.picked ?? count() - 1;
    const words = count() ? chart.content.describe(Math.min(index, count() - 1)) : "";
    setText(readout, chart.picked === null ? "" : words);
    slider.setAttribute("aria-valuemin", "1");
    slider.setAttribute("aria-valuemax", String(Math.max(1, count())));
    slider.setAttribute("aria-valuenow", String(Math.max(1, index + 1)));
    slider.setAttribute("aria-valuetext", words);
  };
  chart.plot = new uPlot(options(slider, chart), [[], [], []], slider);
  new ResizeObserver(() => chart.plot.setSize(size(slider))).observe(slider);

  slider.addEventListener("keydown", (event) => {
    const last = count() - 1;
    const from = chart.picked ?? last + 1;
    const target = { ArrowLeft: from - 1, ArrowDown: from - 1, ArrowRight: from + 1, ArrowUp: from + 1, Home: 0, End: last }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const index = Math.min(Math.max(target, 0), last);
    chart.plot.setCursor({ left: chart.plot.valToPos(index, "x"), top: 0 });
  });
  slider.addEventListener("blur", () => chart.plot.setCursor({ left: -10, top: -10 }));
  return chart;
}

const size = (slider) => ({ width: Math.max(1, slider.clientWidth), height: Math.max(1, slider.clientHeight) });

function options(slider, chart) {
  // Colours are those of the style sheet, which knows the theme.
  const colours = () => getComputedStyle(slider);
  const [bars, words, lines] = [() => colours().color, () => colours().fill, () => colours().stroke];
  const count = () => chart.content.values.length;
  const places = (plot) => {
    const step = Math.max(1, Math.ceil(count() / Math.max(2, Math.floor(plot.width / labelWidth))));
    const all = [];
    for (let index = count() - 1; index >= 0; index -= step) all.unshift(index);
    return all;
  };
  const axis = { stroke: words, font: "12px system-ui, sans-serif", ticks: { show: false } };
  return {
    ...size(slider),
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: () => [-0.5, Math.max(0.5, count() - 0.5)] },
      y: { range: (_, low, high) => [0, Math.max(1, high ?? 0) * 1.05] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 26, splits: places, values: (_, splits) => splits.map((index) => chart.content.label(index)) },
      { ...axis, grid: { stroke: lines, width: 1 }, size: 40, incrs: steps, space: 36, values: (_, splits) => splits.map((value) => chart.content.number(value)) },
    ],
    series: [
      {},
      { stroke: words, width: 1.5, dash: [4, 4], points: { show: false }, spanGaps: true },
      { fill: bars, stroke: bars, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.72, 44], radius: 0.15 }) },
    ],
    hooks: {
      setCursor: [(plot) => {
        chart.picked = plot.cursor.left >= 0 && count() ? plot.cursor.idx ?? null : null;
        chart.show?.();
      }],
    },
  };
}

/** A list of `{ name, count, extra }` with a bar behind each, or the words of `none` if it is empty. */
export function drawList(list, rows, none, number) {
  const drawn = JSON.stringify([rows, none]);
  if (list.drawn === drawn) return;
  list.drawn = drawn;
  const most = Math.max(1, ...rows.map((row) => row.count));
  const items = rows.map(({ name, count, extra = "" }) => {
    const item = element("li");
    item.style.setProperty("--share", `${(100 * count) / most}%`);
    const label = element("span", "name", name);
    label.title = name;
    const amount = element("span", "count", number(count));
    if (extra) amount.append(element("small", "", extra));
    item.append(label, amount);
    return item;
  });
  list.replaceChildren(...(items.length ? items : [element("li", "none", none)]));
}

/** A list of `[time, what, where]`, newest first. */
export function drawFeed(list, rows, none) {
  const drawn = JSON.stringify([rows, none]);
  if (list.drawn === drawn) return;
  list.drawn = drawn;
  const items = rows.map((cells) => {
    const item = element("li");
    item.append(...cells.map((cell, index) => element("span", ["time", "what", "name"][index], cell)));
    return item;
  });
  list.replaceChildren(...(items.length ? items : [element("li", "none", none)]));
}
