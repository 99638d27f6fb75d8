// Memory over time: live bytes and what was resident, of one run or two, with the peak and the marks.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { color } from "./dom.js";
import { drawParts, highestParts, watchParts } from "./parts.js";
import { bytes, seconds } from "./units.js";

const HEIGHT = 230;
const DWARFED = 20; // times the heap: larger resident memory would flatten the heap's curve, so it is shown on request

// Powers of two, so that the axis has round numbers of KiB and MiB.
function splits(_, __, low, high) {
  const step = Math.max(1, 2 ** Math.ceil(Math.log2(Math.max(high - low, 1) / 5)));
  const out = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) out.push(at);
  return out;
}

export function residentDwarfs(runs) {
  const most = (values) => values.reduce((a, b) => Math.max(a, b ?? 0), 0);
  return runs[0].kind === "heap" && Math.max(...runs.map((run) => most(run.samples.rss))) > DWARFED * Math.max(1, ...runs.map((run) => run.heapPeak));
}

function series(runs) {
  const names = runs.length > 1 ? runs.map((run) => run.name) : [""];
  const colors = runs.length > 1 ? ["before", "after"] : ["live"];
  const lines = [];
  runs.forEach((_, i) => {
    lines.push({
      label: `${names[i]} live`.trim(),
      stroke: color(colors[i]),
      fill: runs.length === 1 ? color("live-fill") : undefined,
      width: 2,
      points: { show: false },
      spanGaps: true,
      value: (_u, v) => (v == null ? "\u2013" : bytes(v)),
    });
    lines.push({
      label: `${names[i]} resident`.trim(),
      stroke: color(runs.length > 1 ? colors[i] : "rss"),
      width: 1,
      dash: [5, 4],
      show: !residentDwarfs(runs),
      points: { show: false },
      spanGaps: true,
      value: (_u, v) => (v == null ? "\u2013" : bytes(v)),
    });
  });
  return lines;
}

// A vertical line with a label at its top, on the side that has room.
function flag(plot, t, text, name, row) {
  const c = plot.ctx;
  const ratio = devicePixelRatio || 1;
  const x = plot.valToPos(t, "x", true);
  const { left, top, width, height } = plot.bbox;
  if (x < left - 1 || x > left + width + 1) return;
  c.save();
  c.strokeStyle = c.fillStyle = color(name);
  c.lineWidth = ratio;
  c.setLineDash([2 * ratio, 3 * ratio]);
  c.beginPath();
  c.moveTo(x, top);
  c.lineTo(x, top + height);
  c.stroke();
  c.font = `${11 * ratio}px system-ui, sans-serif`;
  c.textBaseline = "top";
  const shown = text.length > 40 ? `${text.slice(0, 39)}\u2026` : text;
  const room = c.measureText(shown).width + 8 * ratio;
  c.textAlign = x + room > left + width ? "right" : "left";
  c.fillStyle = color("card");
  c.fillRect(c.textAlign === "right" ? x - room : x + ratio, top + row * 13 * ratio, room - ratio, 13 * ratio);
  c.fillStyle = color(name);
  c.fillText(shown, x + (c.textAlign === "right" ? -4 : 4) * ratio, top + (2 + row * 13) * ratio);
  c.restore();
}

function drawFlags(plot, runs) {
  runs.forEach((run, i) => {
    const name = runs.length > 1 ? ["before", "after"][i] : "peak";
    const { facts } = run;
    if (run.heapPeak > 0)
      flag(plot, facts.peak_s, `${runs.length > 1 ? `${run.name} ` : ""}peak ${bytes(run.heapPeak)}`, name, i);
    run.marks.forEach((mark, n) => flag(plot, mark.t_s, mark.name, "mark", 2 + (n % 4)));
  });
}

// Adds the peak, which may be between two samples, so that the curve passes through it.
function points(run) {
  const { t, live, rss } = run.samples;
  const all = t.map((at, i) => [at, live[i], rss[i] || null]); // 0: the processes had ended, so nothing was measured
  if (run.heapPeak > 0) {
    const at = all.findIndex((p) => p[0] >= run.facts.peak_s);
    all.splice(at < 0 ? all.length : at, 0, [run.facts.peak_s, run.heapPeak, null]);
  }
  return [0, 1, 2].map((i) => all.map((p) => p[i]));
}

// onSelect(from, to) in seconds; null if the page has no data for parts of the time. resident: the parts of the
// resident memory at the known moments, shown together with its curve; null = none.
export class Chart {
  constructor(container, runs, resident, onSelect) {
    Object.assign(this, { container, runs, onSelect });
    this.resident = (plot) => (plot.series[2].show ? resident : null);
    const tables = runs.map(points);
    this.data = tables.length > 1 ? uPlot.join(tables) : tables[0];
    this.build();
    new ResizeObserver(() => {
      if (this.plot && container.clientWidth) this.plot.setSize({ width: container.clientWidth, height: HEIGHT });
    }).observe(container);
  }

  // Called again when the colours have changed.
  build() {
    const axis = { stroke: color("muted"), grid: { stroke: color("grid"), width: 1 }, ticks: { stroke: color("grid"), width: 1 } };
    this.plot?.destroy();
    this.plot = new uPlot(
      {
        width: this.container.clientWidth || 800,
        height: HEIGHT,
        padding: [8, 16, 0, 0],
        scales: { x: { time: false, range: (_u, _low, high) => [0, Math.max(high ?? 0, ...this.runs.map((run) => run.facts.wall_s)) || 1] }, y: { range: (u, _low, high) => [0, (Math.max(high ?? 0, highestParts(this.resident(u))) || 1) * 1.08] } },
        series: [{ label: "time", value: (_u, v) => (v == null ? "\u2013" : seconds(v)) }, ...series(this.runs)],
        axes: [
          { ...axis, values: (_u, all) => all.map((v) => (v === 0 ? "0" : seconds(v))) },
          { ...axis, size: 72, splits, values: (_u, all) => all.map(bytes) },
        ],
        legend: { markers: { dash: (_u, i) => (i > 0 && i % 2 === 0 ? "dashed" : "solid") } },
        cursor: { drag: { x: Boolean(this.onSelect), y: false, setScale: false } },
        hooks: {
          drawAxes: [(plot) => drawParts(plot, this.resident(plot))],
          draw: [(plot) => drawFlags(plot, this.runs)],
          setSelect: [(plot) => this.selected(plot)],
        },
      },
      this.data,
      this.container,
    );
    watchParts(this.plot, this.resident);
    if (this.window) this.show(...this.window);
  }

  selected(plot) {
    if (!this.onSelect || this.showing || plot.select.width < 3) return;
    this.window = [plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")];
    this.onSelect(...this.window);
  }

  // Marks a window of time without calling onSelect; no arguments: removes the mark.
  show(from, to) {
    this.window = from === undefined ? null : [from, to];
    this.showing = true;
    const left = this.window ? this.plot.valToPos(from, "x") : 0;
    const width = this.window ? this.plot.valToPos(to, "x") - left : 0;
    this.plot.setSelect({ left, width, top: 0, height: this.plot.over.clientHeight }, false);
    this.showing = false;
  }
}
