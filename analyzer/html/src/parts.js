// What was resident, by part: a column under the curve at each moment at which the pages were looked at (between two of
// them nothing is known), and a table that is also the legend.
import { color, hideTip, make, showTip } from "./dom.js";
import { basename, bytes, count, percent, seconds, shortName } from "./units.js";

const WIDEST = 14; // of a column, in CSS pixels
const NARROWEST = 4;
const REACH = 4; // the pointer counts as on a narrow column within so many pixels of it

const ABOUT = {
  live: "blocks in use, as they were asked for",
  rounding: "headers of blocks, and what they were rounded up by",
  pinned: "free, but on pages that live blocks hold",
  free: "the allocator's pages without a live block",
  mapped: "mapped by the program or its libraries",
  stacks: "of threads",
  files: "code and data that is mapped from them",
  tracer: "libtrace's own in the program",
  other: "other mappings",
};

// A stranger's file may hold any numbers: negative ones get no height.
const height = (moment) => moment.parts.reduce((sum, value) => sum + Math.max(0, value), 0);

export const highestParts = (resident) => (resident ? Math.max(...resident.moments.map(height)) : 0);

function nameOf(moment) {
  if (moment.kind === "mark") return moment.mark || "mark";
  return { high: "high", end: "end" }[moment.kind] ?? "asked for";
}

// The positions of the columns in CSS pixels of the plot, by time; later ones are drawn over earlier ones.
function columns(plot, resident) {
  const { clientWidth: room, clientHeight: bottom } = plot.over;
  const xs = resident.moments.map((moment) => plot.valToPos(moment.t, "x"));
  const gaps = xs.slice(1).map((x, i) => x - xs[i]);
  const width = Math.min(WIDEST, Math.max(NARROWEST, Math.min(...gaps) - 2));
  const y = (value) => Math.min(bottom, Math.max(0, plot.valToPos(value, "y")));
  return resident.moments.map((moment, i) => ({
    moment,
    width,
    left: Math.min(room - width, Math.max(0, xs[i] - width / 2)), // the first and the last stay within the plot
    top: y(height(moment)),
    y,
  }));
}

function drawColumn(c, { moment, left, width, y }, parts, place) {
  let sum = 0;
  moment.parts.forEach((value, part) => {
    if (value <= 0) return;
    const low = y(sum);
    sum += value;
    const high = y(sum);
    const gap = low - high > 3 ? 1 : 0; // separates neighbours without relying on colour
    c.fillStyle = color(`part-${parts[part]}`);
    c.fillRect(...place(left, high + gap, width, low - high - gap));
  });
}

// The name beside the top of a column, if the previous name leaves room; marks have theirs at the top of the chart.
function drawName(plot, { moment, left, width, top }, taken) {
  const { ctx: c, bbox } = plot;
  const ratio = devicePixelRatio || 1;
  c.font = `${11 * ratio}px system-ui, sans-serif`;
  const x = left - 4 - c.measureText(nameOf(moment)).width / ratio;
  if (moment.kind !== "mark" && x >= taken) {
    c.textAlign = "left";
    c.textBaseline = "top";
    c.fillStyle = color("muted");
    c.fillText(nameOf(moment), bbox.left + x * ratio, bbox.top + Math.min(top + 1, plot.over.clientHeight - 14) * ratio);
  }
  return left + width + 3;
}

// Draws the columns under the curves. resident may be null.
export function drawParts(plot, resident) {
  if (!resident) return;
  const ratio = devicePixelRatio || 1;
  const place = (x, y, width, height) => [plot.bbox.left + x * ratio, plot.bbox.top + y * ratio, width * ratio, height * ratio];
  let taken = 0;
  plot.ctx.save();
  for (const column of columns(plot, resident)) {
    plot.ctx.fillStyle = color("card");
    plot.ctx.fillRect(...place(column.left - 1, column.top, column.width + 2, plot.over.clientHeight - column.top));
    drawColumn(plot.ctx, column, resident.parts, place);
    taken = drawName(plot, column, taken);
  }
  plot.ctx.restore();
}

const swatch = (part) => make("i", { class: `swatch part ${part}` });

function tipOf(moment, parts) {
  const shown = parts.map((part, i) => ({ part, value: moment.parts[i] })).filter(({ value }) => value !== 0);
  return [
    make("b", {}, `${nameOf(moment)}, ${seconds(moment.t)}`),
    make("div", { class: "fact" }, `${bytes(moment.resident)} resident`),
    ...shown.reverse().map(({ part, value }) => make("div", { class: "fact" }, swatch(part), `${part} ${bytes(value)}, ${percent(value, moment.resident)}`)),
  ];
}

// Shows a tip for the column under the pointer. residentOf(plot): what is shown now.
export function watchParts(plot, residentOf) {
  plot.over.addEventListener("mousemove", (event) => {
    const resident = residentOf(plot);
    const box = plot.over.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const away = (column) => Math.abs(x - column.left - column.width / 2);
    const near = (resident ? columns(plot, resident) : []).filter((column) => away(column) <= column.width / 2 + REACH && y >= column.top - REACH);
    if (!near.length) return hideTip();
    const nearest = near.reduce((a, b) => (away(b) <= away(a) ? b : a));
    showTip(event.clientX, event.clientY, tipOf(nearest.moment, resident.parts));
  });
  plot.over.addEventListener("mouseleave", hideTip);
}

function lineOf(line) {
  const place = line.name ? line.name : `${basename(line.file)}${line.file && line.line ? `:${line.line}` : ""}`;
  const name = line.name ? "" : shortName(line.function);
  if (!place && !name) return null; // the sum of those without names
  return make("div", { title: line.name || `${line.file} ${line.function}` }, make("span", { class: "dim" }, `${bytes(line.bytes)} `), [place, name].filter(Boolean).join(" "));
}

function rowsOf(resident, moment) {
  const latest = moment === resident.moments.at(-1);
  return resident.parts.flatMap((part, i) => {
    if (resident.moments.every((other) => other.parts[i] === 0)) return [];
    const lines = latest ? resident.lines.filter((line) => line.part === i).map(lineOf).filter(Boolean) : [];
    return [
      make(
        "tr",
        { "data-part": part },
        make("th", { scope: "row" }, swatch(part), part),
        make("td", { class: "number" }, bytes(moment.parts[i])),
        make("td", { class: "number" }, percent(moment.parts[i], moment.resident)),
        make("td", { class: "minor" }, ABOUT[part] ?? ""),
        make("td", { class: "lines" }, ...lines),
      ),
    ];
  });
}

function noteOf(resident, moment) {
  const out = ["A column under the curve for each moment at which the pages were looked at; between them the parts are not known."];
  const left = moment.resident - moment.parts.reduce((sum, value) => sum + value, 0);
  if (resident.all > resident.moments.length) out.push(`There are ${count(resident.all)} moments; these are the highest of those that lie close together, and the last.`);
  if (left !== 0 && moment.resident !== 0) out.push(`The parts differ from what was resident by ${bytes(left)}.`);
  if (moment.untouched > 0) out.push(`Beside them ${bytes(moment.untouched)} are live, and never touched or not resident.`);
  if (moment === resident.moments.at(-1)) out.push(...resident.missing.map((text) => `Not all could be seen: ${text}`));
  return out.join(" ");
}

// The parts at a moment, at first the latest, which mostly is the end.
export function partsTable(resident) {
  const body = make("tbody");
  const note = make("p", { class: "note" });
  const options = resident.moments.map((moment, i) =>
    make("option", { value: String(i) }, `${nameOf(moment).slice(0, 60)}, ${seconds(moment.t)}: ${bytes(moment.resident)}`),
  );
  const select = make("select", { "aria-label": "Moment" }, ...options);
  const show = () => {
    const moment = resident.moments[select.selectedIndex];
    body.replaceChildren(...rowsOf(resident, moment));
    note.textContent = noteOf(resident, moment);
  };
  select.selectedIndex = options.length - 1;
  select.addEventListener("change", show);
  show();
  const head = (title, attributes) => make("th", { scope: "col", ...attributes }, title);
  return make(
    "div",
    { id: "parts" },
    make("div", { class: "bar" }, make("h3", {}, "Resident memory, by part"), select),
    make(
      "table",
      { "aria-label": "Resident memory, by part" },
      make("thead", {}, make("tr", {}, head("Part"), head("Bytes", { class: "number" }), head("Share", { class: "number" }), head("What it is", { class: "minor" }), head("Most of it"))),
      body,
    ),
    note,
  );
}
