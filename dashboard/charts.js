// Bars and lists, made of plain elements. Text is only ever set as text, so nothing in a path can become markup.

/** An element with a class and a text. */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== "") made.textContent = text;
  return made;
}

/**
 * Bars in `holder`, one per value. Pointer, touch and arrow keys pick a bar; its words appear under the chart.
 * `describe(index)` gives the words, `ends` the words at both ends of the axis, `summary` what a screen reader says.
 */
export function drawBars(holder, { values, describe, ends, summary }) {
  const chart = holder.chart ?? (holder.chart = makeBars(holder));
  chart.describe = describe;
  while (chart.bars.children.length > values.length) chart.bars.lastChild.remove();
  while (chart.bars.children.length < values.length) chart.bars.append(element("span"));
  const most = Math.max(1, ...values);
  values.forEach((value, index) => {
    // A value above zero stays visible beside a large one.
    const height = value > 0 ? Math.max(3, (100 * value) / most) : 0;
    chart.bars.children[index].style.setProperty("--height", `${height}%`);
  });
  chart.bars.setAttribute("aria-label", summary);
  chart.first.textContent = ends[0];
  chart.last.textContent = ends[1];
  chart.show();
}

function makeBars(holder) {
  const bars = element("div", "bars");
  // A slider is what a screen reader knows as "one value out of a row, changed with the arrow keys".
  bars.setAttribute("role", "slider");
  bars.tabIndex = 0;
  const axis = element("div", "axis");
  const [first, readout, last] = [element("span"), element("span", "readout"), element("span")];
  axis.append(first, readout, last);
  holder.replaceChildren(bars, axis);
  const chart = { bars, first, last, describe: () => "", picked: null };

  chart.show = () => {
    const count = bars.children.length;
    const index = chart.picked === null ? count - 1 : Math.min(Math.max(chart.picked, 0), count - 1);
    for (const [at, bar] of [...bars.children].entries()) bar.toggleAttribute("data-picked", chart.picked !== null && at === index);
    const words = count ? chart.describe(index) : "";
    readout.textContent = chart.picked === null ? "" : words;
    bars.setAttribute("aria-valuemin", "1");
    bars.setAttribute("aria-valuemax", String(Math.max(1, count)));
    bars.setAttribute("aria-valuenow", String(index + 1));
    bars.setAttribute("aria-valuetext", words);
  };
  const pick = (index) => { chart.picked = index; chart.show(); };
  const pickAt = (event) => {
    const box = bars.getBoundingClientRect();
    pick(Math.floor(((event.clientX - box.left) / box.width) * bars.children.length));
  };
  bars.addEventListener("pointermove", pickAt);
  bars.addEventListener("pointerdown", pickAt);
  bars.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && pick(null));
  bars.addEventListener("blur", () => pick(null));
  bars.addEventListener("keydown", (event) => {
    const last = bars.children.length - 1;
    const from = chart.picked ?? last + 1;
    const target = { ArrowLeft: from - 1, ArrowDown: from - 1, ArrowRight: from + 1, ArrowUp: from + 1, Home: 0, End: last }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    pick(Math.min(Math.max(target, 0), last));
  });
  return chart;
}

/** A list of `{ name, count, extra }` with a bar behind each, or `none` if it is empty. */
export function drawList(list, rows, none, format) {
  const most = Math.max(1, ...rows.map((row) => row.count));
  const items = rows.map(({ name, count, extra = "" }) => {
    const item = element("li");
    item.style.setProperty("--share", `${(100 * count) / most}%`);
    const label = element("span", "name", name);
    label.title = name;
    const number = element("span", "count", format(count));
    if (extra) number.append(element("small", "", extra));
    item.append(label, number);
    return item;
  });
  list.replaceChildren(...(items.length ? items : [element("li", "none", none)]));
}
