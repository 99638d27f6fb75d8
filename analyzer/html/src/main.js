// The page: connects its parts, and updates them when a choice changes.
import "./style.css";
import { Chart, residentDwarfs } from "./chart.js";
import { narrowed, read } from "./data.js";
import { details, showStacks } from "./details.js";
import { byId, choice, make } from "./dom.js";
import { errorText, modelled } from "./errors.js";
import { cards, sentence, subtitle } from "./facts.js";
import { findingsList, findingsNote } from "./findings.js";
import { histogram, lifetimeClass, sizeClass } from "./histogram.js";
import { partsTable } from "./parts.js";
import { changeColumns, lineColumns } from "./rows.js";
import { Stacks } from "./stacks.js";
import { Table } from "./table.js";
import { setUpTheme } from "./theme.js";
import { bytes, count, seconds } from "./units.js";

const data = read(byId("data"));
const two = data.runs.length > 1;

// Two runs are named by their labels if these differ, else by their numbers.
const alike = two && data.runs[0].facts.label === data.runs[1].facts.label;
for (const run of data.runs) run.name = alike ? `run ${run.facts.run}` : run.facts.label;

const state = {
  measure: data.measures.find((m) => m.name === data.by),
  slices: null, // [from, to) of the window, null = the whole run
  totals: null, // of the run or of the window, by number of the measure
};

// ---- parts

// Before anything is drawn, as canvases read the colours only once.
setUpTheme(() => {
  chart.build();
  stacks.flame.draw();
});

const stacks = new Stacks(data);
const columns = two ? changeColumns(() => state.measure, Object.values(data.changes).some((rows) => rows.some((row) => row.source))) : lineColumns(data.measures, () => state.totals, () => state.measure, () => state.slices, data.rows.some((row) => row.source));
const table = new Table(byId("rows"), columns, two ? { onRow: findInStacks } : { details: (row) => details(data, row, state.measure, { onStack, onFind: findInStacks }) });

function findInStacks(row) {
  const field = byId("stack-search");
  field.value = field.value === row.function ? "" : row.function;
  field.dispatchEvent(new Event("input"));
  showStacks();
}

function onStack(node) {
  stacks.flame.zoom(node);
  showStacks();
}

// A row for a part of the run, whose errors no file has.
function partOf(row, values) {
  const { sampling } = data.runs[0].facts;
  return { ...row, values, errors: sampling && modelled(data.measures, values, sampling.interval_bytes).map(Math.sqrt) };
}

// Recomputes everything for the chosen measure and window.
function refresh() {
  const { measure, slices } = state;
  const window = slices && narrowed(data.times, ...slices);
  const show = measure.isBytes ? bytes : count;
  if (window) {
    const own = data.values.map(() => new Float64Array(data.tree.parent.length));
    for (const [node, values] of window.stacks) values.forEach((v, i) => (own[i][node] = v));
    stacks.setMeasure(measure, own);
  } else {
    stacks.setMeasure(measure);
  }
  if (two) {
    const [before, after] = data.runs.map((run) => run.shown[measure.column] ?? run.shown[data.values[measure.ofRun].column]);
    byId("measure-total").textContent = sentence(data.runs, measure, before, after, show);
    table.setRows(data.changes[measure.name]);
    return;
  }
  const none = data.values.map(() => 0);
  const rows = window ? data.rows.map((row, i) => partOf(row, window.rows.get(i) ?? none)) : data.rows;
  state.totals = data.values.map((_, i) => rows.reduce((sum, row) => sum + row.values[i], 0));
  const error = Math.hypot(...rows.map((row) => row.errors?.[measure.value] ?? 0));
  byId("measure-total").textContent = `${show(state.totals[measure.value])}${errorText(show, state.totals[measure.value], error)} ${measure.isBytes ? "" : `${measure.noun}s, `}${window ? measure.aboutPart : measure.about}`;
  table.setRows(window ? rows.filter((row) => row.rest || row.values.some((v) => v)) : rows);
}

const measures = choice(
  byId("measure"),
  data.measures.map((m) => ({ value: m.name, title: m.title, about: m.about })),
  state.measure.name,
  (name) => setMeasure(data.measures.find((m) => m.name === name)),
);

function setMeasure(measure) {
  state.measure = measure;
  measures.select(measure.name);
  refresh();
  if (!two) table.sort(columns.find((column) => column.key === measure.name), true);
}

// ---- the window of time

const chart = new Chart(byId("chart"), data.runs, data.resident, data.times ? (from, to) => narrow(from, to) : null);

function narrow(from, to) {
  const { slices, end } = data.times;
  const first = Math.min(slices - 1, Math.max(0, Math.floor((from / end) * slices)));
  const last = Math.max(first + 1, Math.min(slices, Math.ceil((to / end) * slices)));
  state.slices = [first, last];
  if (state.measure.time === "whole") setMeasure(data.measures.find((m) => m.time === "level"));
  chart.show((first * end) / slices, (last * end) / slices);
  showWindow();
  refresh();
}

function widen() {
  state.slices = null;
  chart.show();
  showWindow();
  refresh();
}

function showWindow() {
  for (const measure of data.measures) if (measure.time === "whole") measures.button(measure.name).disabled = Boolean(state.slices);
  if (!state.slices) {
    byId("window").replaceChildren();
    return;
  }
  const [from, to] = state.slices.map((slice) => (slice * data.times.end) / data.times.slices);
  byId("window").replaceChildren(
    make("span", {}, `Only from ${seconds(from)} to ${seconds(to)}`),
    make("button", { type: "button", id: "widen", onclick: widen }, "Whole run"),
  );
}

// ---- the start

function setUpTexts() {
  const names = data.runs.map((run) => run.name);
  document.title = two ? `${names[1]} compared with ${names[0]}` : `${names[0]} \u2014 libtrace`;
  byId("title").textContent = two ? `${names[0]} \u2192 ${names[1]}` : names[0];
  byId("subtitle").replaceChildren(...data.runs.map((run) => make("span", {}, two ? `${run.name}: ${subtitle(run.facts)}` : `run ${run.facts.run}: ${subtitle(run.facts)}`)));
  if (data.only) byId("subtitle").append(make("span", { id: "only" }, `Only ${data.only}`));
  byId("rows-title").textContent = two ? "Changes by line" : "Lines";
  const whole = data.only ? [`The curve is of ${data.kind === "heap" ? "all that was allocated" : "the heap"}${data.resident ? ", and the parts of all that was resident" : ""}, whatever is left out elsewhere.`] : [];
  if (!two)
    whole.push(
      data.times
        ? "Drag over the curve to narrow the stacks and lines below to a part of the run."
        : "The stacks and lines below are of the whole run: this recording holds no samples of them over time, so the curve cannot narrow them.",
    );
  if (residentDwarfs(data.runs)) whole.push(`Resident memory is so much more that it is hidden${data.resident ? ", with its parts" : ""}: press its name to see it.`);
  byId("chart-note").textContent = whole.join(" ");
  byId("row-search").addEventListener("input", (event) => table.find(event.target.value));
}

function setUpHistograms() {
  const colors = two ? ["before", "after"] : ["live"];
  const counts = (key) => data.runs.map((run, i) => ({ counts: run[key], errors: run[`${key}_errors`], color: colors[i], name: run.name }));
  byId("histograms").append(
    histogram("Sizes of allocations", "allocations", counts("sizes"), sizeClass, "Nothing was allocated."),
    histogram("Lifetimes of freed blocks", "blocks", counts("lifetimes"), lifetimeClass, "Nothing was freed that was counted."),
  );
}

function setUpFindings() {
  if (!data.findings || !(data.findings.list.length || data.findings.suppressed)) return;
  byId("advice").hidden = false;
  byId("findings").append(...findingsList(data, reveal));
  byId("findings-note").textContent = findingsNote(data.findings);
}

// The row may be left out by what is searched for, or by the window.
function reveal(index) {
  byId("row-search").value = "";
  if (state.slices) widen();
  table.reveal(index);
}

setUpTexts();
setUpFindings();
cards(byId("facts"), data.runs, data.kind === "heap");
setUpHistograms();
if (data.resident) byId("chart-note").after(partsTable(data.resident));
setMeasure(state.measure);
if (two) table.sort(columns[0], true);
performance.mark("ready");
document.documentElement.dataset.ready = "yes";
