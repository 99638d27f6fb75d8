// The columns of the two tables: lines, and changes of lines.
import { make } from "./dom.js";
import { mark } from "./findings.js";
import { atMost, basename, bytes, count, percent, shortName, signed } from "./units.js";

const FEW = 20; // samples behind a number: VARIANCES_SAMPLES

const show = (measure) => (measure.isBytes ? bytes : count);
const place = (row) => (row.file ? `${row.file}${row.line ? `:${row.line}` : ""}` : basename(row.module || ""));

// The style sheet cuts long paths and names at their beginning, as the end says more. bdi keeps slashes in place.
const placeCell = (row) =>
  row.rest ? [] : [...mark(row), make("span", { class: "path", title: row.file || row.module }, make("bdi", {}, place(row)))];
const functionCell = (row) => [
  make("span", { class: "function", title: row.function }, make("bdi", {}, row.rest ? `${count(row.count)} more` : shortName(row.function) || "[unknown]")),
];

const sourceColumn = { key: "source", title: "Source", class: "source", minor: () => true, value: (row) => row.source, words: (row) => row.source, cell: (row) => (row.source ? [make("code", { title: row.source }, row.source)] : []) };

// totals: the run's, by number of the measure; measure(): the chosen one; part(): whether a part of the run is shown.
export function lineColumns(measures, totals, measure, part, hasSource) {
  const numbers = measures.map((m) => ({
    key: m.name,
    title: m.title,
    about: m.about,
    number: true,
    minor: () => m !== measure(),
    value: (row) => row.values[m.value],
    cell: (row) => {
      const value = row.values[m.value];
      if (m.time === "whole" && part()) return [];
      const text = m.least >= 0 && row.values[m.least] !== value ? atMost(show(m)(value)) : show(m)(value);
      if (m !== measure()) return [text];
      const error = part() ? 0 : row.errors?.[m.value];
      const few = error && value * value < FEW * error * error;
      const noise = error ? [make("span", { class: "dim" }, few ? " too few samples" : ` +-${show(m)(error)}`)] : [];
      const bar = make("span", { class: "fill live" });
      bar.style.width = `${totals()[m.value] > 0 ? (100 * value) / totals()[m.value] : 0}%`;
      return [make("span", { class: "share" }, value && m.least < 0 ? percent(value, totals()[m.value]) : ""), make("b", {}, text), ...noise, bar];
    },
  }));
  const texts = [
    { key: "line", title: "Line", value: place, words: (row) => `${place(row)}\n${row.module}`, cell: placeCell, class: "place" },
    { key: "function", title: "Function", value: (row) => row.function, words: (row) => row.function, cell: functionCell },
  ];
  if (hasSource) texts.push(sourceColumn);
  return [...numbers, ...texts];
}

export function changeColumns(measure, hasSource) {
  const value = (text) => show(measure())(text);
  const change = (row) => row.after - row.before;
  return [
    {
      key: "change",
      title: "Change",
      about: "Sorted by its size, whether more or less",
      number: true,
      value: (row) => Math.abs(change(row)),
      cell: (row) => [make("b", { class: change(row) > 0 ? "more" : change(row) < 0 ? "less" : "dim" }, change(row) ? signed(value, change(row)) : "none")],
    },
    { key: "before", title: "Before", number: true, minor: () => true, value: (row) => row.before, cell: (row) => [row.atMost[0] ? atMost(value(row.before)) : value(row.before)] },
    { key: "after", title: "After", number: true, minor: () => true, value: (row) => row.after, cell: (row) => [row.atMost[1] ? atMost(value(row.after)) : value(row.after)] },
    {
      key: "state",
      title: "",
      about: "New, or gone",
      value: (row) => row.state ?? "",
      words: (row) => row.state,
      cell: (row) => (row.state ? [make("span", { class: `state ${row.state}` }, row.state)] : []),
    },
    {
      key: "line",
      title: "Line",
      value: place,
      words: (row) => `${place(row)}\n${row.module}`,
      class: "place",
      cell: (row) => (row.lineBefore !== row.line && !row.rest ? [...placeCell(row), make("span", { class: "dim" }, ` was :${row.lineBefore}`)] : placeCell(row)),
    },
    { key: "function", title: "Function", value: (row) => row.function, words: (row) => row.function, cell: functionCell },
    ...(hasSource ? [sourceColumn] : []),
  ];
}
