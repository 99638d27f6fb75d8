// Counts by power of two, as bars, of one run or of two side by side.
import { make } from "./dom.js";
import { bars, errorText } from "./errors.js";
import { count, percent, power, seconds } from "./units.js";

// Class 0 is 0, class i is from 2^(i-1) to below 2^i.
export const sizeClass = (i) => (i === 0 ? "0 B" : i === 1 ? "1 B" : `${power(i - 1)} \u2013 ${power(i)}`);
export const lifetimeClass = (i) => (i === 0 ? "< 10 ms" : `${seconds(2 ** (i - 1) / 100)} \u2013 ${seconds(2 ** i / 100)}`);

export function histogram(title, unit, runs, nameOf, note) {
  const length = Math.max(...runs.map((run) => run.counts.length));
  const first = Math.min(...runs.map((run) => run.counts.findIndex((n) => n > 0)).map((i) => (i < 0 ? length : i)));
  let last = length - 1;
  while (last >= 0 && runs.every((run) => !run.counts[last])) last--;
  const most = Math.max(1, ...runs.flatMap((run) => run.counts.map((n, i) => n + (run.errors?.[i] ?? 0))));
  const sums = runs.map((run) => run.counts.reduce((a, b) => a + b, 0));
  const body = make("tbody");
  for (let i = first; i <= last; i++)
    runs.forEach((run, n) => {
      const value = run.counts[i] ?? 0;
      const error = run.errors?.[i];
      body.append(
        make(
          "tr",
          { class: n ? "second" : "" },
          make("th", { scope: "row" }, n ? "" : nameOf(i)),
          make("td", { class: "bar-cell" }, value ? make("div", { class: "bars" }, ...bars(run.color, value, error, most)) : ""),
          make("td", { class: "number" }, value ? count(value) : "\u2013", make("span", { class: "dim error" }, errorText(count, value, error))),
          make("td", { class: "number share" }, value ? percent(value, sums[n]) : ""),
        ),
      );
    });
  return make(
    "div",
    { class: "histogram" },
    make("h2", {}, title),
    runs.length > 1 ? make("p", { class: "whose" }, ...runs.map((run) => make("span", {}, make("i", { class: `swatch fill ${run.color}` }), run.name))) : "",
    last < first ? make("p", { class: "note" }, note) : make("table", { "aria-label": `${title}, ${unit}` }, body),
  );
}
