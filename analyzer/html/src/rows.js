// The columns of the two tables: lines, and changes of lines.
import { make } from "./dom.js";
import { bars, errorMark, isNoise } from "./errors.js";
import { mark } from "./findings.js";
import { atMost, basename, bytes, count, percent, shortName, signed } from "./units.js";

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
      const error = row.errors?.[m.value];
      return [make("span", { class: "share" }, value && m.least < 0 ? percent(value, totals()[m.value]) : ""), make("b", {}, text), ...errorMark(show(m), value, error), ...bars("live", value, error, totals()[m.value])];
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
  const estimate = (row, side, number) => [row.atMost[side] ? atMost(value(number)) : value(number), ...errorMark(show(measure()), number, row.errors[side])];
  const noise = (row) => (isNoise(change(row), row.errors) ? [make("span", { class: "dim error" }, " within noise")] : []);
  return [
    {
      key: "change",
      title: "Change",
      about: "Sorted by its size, whether more or less",
      number: true,
      value: (row) => Math.abs(change(row)),
      cell: (row) => [make("b", { class: change(row) > 0 ? "more" : change(row) < 0 ? "less" : "dim" }, change(row) ? signed(value, change(row)) : "none"), ...noise(row)],
    },
    { key: "before", title: "Before", number: true, minor: () => true, value: (row) => row.before, cell: (row) => estimate(row, 0, row.before) },
    { key: "after", title: "After", number: true, minor: () => true, value: (row) => row.after, cell: (row) => estimate(row, 1, row.after) },
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
