// Below a line that was clicked: its own curve, its stacks, and the source around it.
import { byId, make } from "./dom.js";
import { errorText } from "./errors.js";
import { findingsOf } from "./findings.js";
import { bytes, count, percent, seconds, shortName } from "./units.js";

const WIDTH = 360;
const HEIGHT = 64;
const CALLERS = 12; // functions of a stack that are shown; the rest is said

function svg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// What the line held after each slice of time; null where nothing is known of it.
function heldOverTime({ times, runs, values }, row) {
  const list = times?.rows.get(row.index);
  if (!list) return null;
  const { stride, live } = times.part;
  const held = new Float64Array(times.slices);
  for (let i = 0; i < list.length; i += stride) held[list[i]] += list[i + live];
  for (let i = 1; i < held.length; i++) held[i] += held[i - 1];
  // What it held at the run's peak is known besides, between the samples as that may be.
  const at = Math.min(held.length - 1, Math.floor((runs[0].facts.peak_s / times.end) * held.length));
  held[at] = Math.max(held[at], row.whole[values.find((v) => v.column === "peak_bytes").value]);
  return held;
}

function curve(data, row) {
  const held = heldOverTime(data, row);
  if (!held) return [make("p", { class: "note" }, data.kind === "heap" ? "This recording holds no samples of this line over time." : "How mappings changed over time is not known by line.")];
  const most = held.reduce((a, b) => Math.max(a, b), 0);
  const x = (i) => ((i / held.length) * WIDTH).toFixed(1);
  const y = (value) => (HEIGHT - (most > 0 ? Math.max(0, value) / most : 0) * (HEIGHT - 4)).toFixed(1);
  let path = `M0 ${HEIGHT}`;
  held.forEach((value, i) => (path += `L${x(i)} ${y(value)}L${x(i + 1)} ${y(value)}`));
  return [
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "own-curve", role: "img", "aria-label": `held over time, at most ${bytes(most)}` }, svg("path", { d: `${path}L${WIDTH} ${HEIGHT}Z` })),
    make("div", { class: "own-axis note" }, make("span", {}, "0 s"), make("span", {}, `at most ${bytes(most)} at the moments that are known`), make("span", {}, seconds(data.times.end))),
  ];
}

// The functions of a node of the tree, innermost first.
function functionsOf(data, node) {
  const out = [];
  for (let at = node; at > 0; at = data.tree.parent[at]) out.push(data.functions[data.tree.name[at]]);
  return out;
}

function stackItem(data, row, stack, measure, onStack) {
  const show = measure.isBytes ? bytes : count;
  const value = stack.values[measure.value];
  const functions = functionsOf(data, stack.node);
  const names = functions.slice(0, CALLERS).map((f, i) => make("span", { class: i ? "caller" : "", title: f.folded ? "" : f.name }, f.folded ? "(stacks too small to be told apart)" : shortName(f.name)));
  if (functions.length > CALLERS) names.push(make("span", { class: "caller dim" }, `${count(functions.length - CALLERS)} more`));
  return make("li", {},
    make("button", { type: "button", title: "Show it in the stacks above", onclick: () => onStack(stack.node) }, show(value), make("span", { class: "dim error" }, errorText(show, value, stack.errors?.[measure.value]))),
    make("span", { class: "dim share" }, percent(value, row.whole[measure.value])),
    make("div", { class: "chain" }, ...names));
}

function stackList(data, row, measure, onStack) {
  const details = data.rowStacks.get(row.index);
  if (!details) return [make("p", { class: "note" }, "Of the largest lines only stacks are on this page: see trace-report top --stacks.")];
  const list = details.list.filter((stack) => stack.values[measure.value] > 0).sort((a, b) => b.values[measure.value] - a.values[measure.value]);
  const left = details.all - details.list.length;
  return [
    list.length ? make("ol", { class: "row-stacks" }, ...list.map((stack) => stackItem(data, row, stack, measure, onStack))) : make("p", { class: "note" }, `${measure.title}: nothing of this line.`),
    ...(left > 0 ? [make("p", { class: "note" }, `${count(left)} smaller ${left === 1 ? "stack" : "stacks"} more`)] : []),
  ];
}

function source(data, row) {
  const around = data.around.get(row.index);
  if (!around) return [];
  const digits = String(around.first + around.lines.length).length;
  return [
    make("div", { class: "detail source-around" },
      make("h3", {}, row.file),
      make("pre", {}, ...around.lines.map((text, i) => make("span", { class: around.first + i === row.line ? "here" : "" }, `${String(around.first + i).padStart(digits)}  ${text}`)))),
  ];
}

// row.whole: its values in the whole run, whatever part of it is shown in the table.
export function details(data, row, measure, { onStack, onFind }) {
  return [
    make("div", { class: "details" },
      ...findingsOf(row, data.runs[0].facts),
      make("div", { class: "detail" }, make("h3", {}, "What it held over time"), ...curve(data, row)),
      ...source(data, row),
      make("div", { class: "detail" },
        make("div", { class: "bar" }, make("h3", {}, `Its stacks, ${measure.title.toLowerCase()}`), make("button", { type: "button", onclick: () => onFind(row) }, "Find in stacks")),
        ...stackList(data, row, measure, onStack))),
  ];
}

export function showStacks() {
  byId("stacks").scrollIntoView({ block: "nearest", behavior: "smooth" });
}
