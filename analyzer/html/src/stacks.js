// The section of the stacks: the graph, its switches, the search, and the legend of colours.
import { byId, choice, color, make } from "./dom.js";
import { errorText, isNoise, modelled } from "./errors.js";
import { Flame } from "./flame.js";
import { atMost, basename, bytes, count, percent, shortName, signed } from "./units.js";

const COLORS = 6; // of modules, in the style sheet; the rest share one

// The sum over several stacks that are largest at different times is an upper bound.
const format = (measure) => {
  const show = measure.isBytes ? bytes : count;
  return measure.least < 0 ? show : (value) => atMost(show(value));
};

// Adds to each node what is below it; own is by node.
function withBelow(tree, own) {
  const total = Float64Array.from(own);
  for (let i = total.length - 1; i > 0; i--) total[tree.parent[i]] += total[i];
  return total;
}

// Modules by the bytes that are allocated in or below their functions, the most first.
function rankModules(data) {
  const { value } = data.measures[0];
  const sums = new Map();
  const totals = data.tree.own.map((values) => withBelow(data.tree, values[value]));
  data.tree.name.forEach((name, i) => {
    if (name <= 0) return;
    const { module } = data.functions[name];
    sums.set(module, (sums.get(module) ?? 0) + totals.reduce((sum, total) => sum + total[i], 0));
  });
  return [...sums].sort((a, b) => b[1] - a[1]).map(([module]) => module);
}

export class Stacks {
  constructor(data, onFind) {
    this.data = data;
    this.two = data.runs.length > 1;
    this.widths = "both";
    this.moduleColor = new Map(rankModules(data).map((module, i) => [module, i < COLORS ? `module-${i + 1}` : "module-other"]));
    this.flame = new Flame(byId("stacks"), data.tree, {
      colorOf: (node) => this.colorOf(node),
      pattern: (node) => (this.two ? this.stateOf(node) : ""),
      label: (node) => this.label(node),
      tip: (node) => this.tip(node),
      onZoom: (node) => (byId("stack-reset").disabled = node === 0),
    });
    this.setUpControls(onFind);
  }

  setUpControls(onFind) {
    choice(
      byId("direction"),
      [
        { value: "icicle", title: "Icicle", about: "The program's start at the top" },
        { value: "flame", title: "Flame", about: "The program's start at the bottom" },
      ],
      "icicle",
      (value) => this.flame.setFlipped(value === "flame"),
    );
    byId("stack-reset").addEventListener("click", () => this.flame.zoom(0));
    byId("stack-search").addEventListener("input", (event) => this.find(event.target.value, onFind));
    if (!this.two) return;
    byId("widths").hidden = false;
    choice(
      byId("widths"),
      [
        { value: "both", title: "Both", about: "As wide as in the run where it is larger: what is gone stays visible" },
        { value: "before", title: "Before", about: "As wide as in the first run" },
        { value: "after", title: "After", about: "As wide as in the second run" },
      ],
      "both",
      (value) => {
        this.widths = value;
        this.update();
      },
    );
  }

  // values: own values by measure and node for one run, which replace the page's (for a window of time).
  setMeasure(measure, values) {
    this.measure = measure;
    this.own = values ? [values] : this.data.tree.own;
    this.variances = values ? [this.ofPart(values)] : this.data.variances;
    this.update();
  }

  // Of a part of a run no variances are known: by value and node those of the model, null for an exact run.
  ofPart(values) {
    const { sampling } = this.data.runs[0].facts;
    if (!sampling) return null;
    const out = values.map((list) => new Float64Array(list.length));
    for (let node = 1; node < values[0].length; node++)
      modelled(this.data.measures, values.map((list) => list[node]), sampling.interval_bytes).forEach((variance, i) => (out[i][node] = variance));
    return out;
  }

  update() {
    const { tree } = this.data;
    const own = this.own.map((values) => values[this.measure.value]);
    this.totals = own.map((values) => withBelow(tree, values));
    this.noise = this.variances.map((values) => values && withBelow(tree, values[this.measure.value]));
    const shown = { before: own[0], after: own[1] }[this.widths] ?? own[0].map((v, i) => (this.two ? Math.max(v, own[1][i]) : v));
    this.flame.setValues(withBelow(tree, shown));
    if (this.wanted) this.find(this.wanted);
    this.legend();
    this.note();
  }

  errorOf(measure, value, variance) {
    return variance ? errorText(measure.isBytes ? bytes : count, value, Math.sqrt(variance)) : "";
  }

  // " +-12 KiB", behind what a node has with all below it.
  error(node, run = 0) {
    return this.errorOf(this.measure, this.totals[run][node], this.noise[run]?.[node]);
  }

  total(run = 0) {
    return this.totals[run][0];
  }

  stateOf(node) {
    const [before, after] = this.totals.map((total) => total[node]);
    if (before === 0 && after > 0) return "new";
    return after === 0 && before > 0 ? "gone" : "";
  }

  colorOf(node) {
    if (node === 0) return color("root");
    const folded = this.data.tree.name[node] === 0;
    if (!this.two) return color(folded ? "folded" : this.moduleColor.get(this.data.functions[this.data.tree.name[node]].module));
    const [before, after] = this.totals.map((total) => total[node]);
    const change = (after - before) / Math.max(before, after, 1);
    const step = Math.abs(change) < 0.005 ? 0 : Math.min(4, Math.ceil(Math.abs(change) * 4));
    return color(step === 0 ? "same" : `${change > 0 ? "more" : "less"}-${step}`);
  }

  label(node) {
    if (node === 0) return this.two ? "both runs" : this.data.runs[0].facts.label;
    const f = this.data.functions[this.data.tree.name[node]];
    const name = (f.short ??= shortName(f.name));
    const state = this.two && this.stateOf(node) !== this.stateOf(this.data.tree.parent[node]) ? this.stateOf(node) : "";
    return state ? `${state}: ${name}` : name;
  }

  tip(node) {
    const show = format(this.measure);
    const f = node === 0 ? null : this.data.functions[this.data.tree.name[node]];
    const lines = [make("b", {}, f ? f.name : this.label(0))];
    if (f?.folded) lines.push(make("div", {}, "stacks too small to be seen, added up"));
    if (f?.file) lines.push(make("div", {}, f.file));
    if (f?.module) lines.push(make("div", { class: "dim" }, f.module));
    const fact = (text) => lines.push(make("div", { class: "fact" }, text));
    if (this.two) {
      const [before, after] = this.totals.map((total) => total[node]);
      const noise = isNoise(after - before, this.noise.map((variances) => Math.sqrt(variances?.[node] ?? 0))) ? ", within the noise of sampling" : "";
      fact(`${show(before)}${this.error(node, 0)} \u2192 ${show(after)}${this.error(node, 1)}  (${signed(show, after - before)}${before > 0 ? `, ${signed((v) => percent(v, before), after - before)}` : ""}${noise})`);
      return lines;
    }
    const own = this.own[0][this.measure.value][node];
    fact(`${this.measure.title}: ${show(this.totals[0][node])}${this.error(node)}, ${percent(this.totals[0][node], this.total())} of all`);
    if (own > 0 && own !== this.totals[0][node]) fact(`${show(own)}${this.errorOf(this.measure, own, this.variances[0]?.[this.measure.value][node])} of it right here`);
    if (this.measure.isBytes) {
      const beside = this.data.values[this.measure.beside];
      const below = (own) => withBelow(this.data.tree, own[beside.value])[node];
      const blocks = below(this.own[0]);
      fact(`${count(blocks)}${this.errorOf(beside, blocks, this.variances[0] && below(this.variances[0]))} ${beside.noun}s`);
    }
    return lines;
  }

  legend() {
    const swatch = (name, text, title = text, pattern = "") => {
      const box = make("i", { class: `swatch ${pattern}` });
      box.style.backgroundColor = `var(--${name})`;
      return make("span", { title }, box, text);
    };
    if (this.two) {
      byId("legend").replaceChildren(
        swatch("less-4", "gone", "only in the first run", "gone"),
        swatch("less-2", "less"),
        swatch("same", "same"),
        swatch("more-2", "more"),
        swatch("more-4", "new", "only in the second run", "new"),
      );
      return;
    }
    const modules = [...this.moduleColor].slice(0, COLORS).map(([module, name]) => swatch(name, basename(module) || "no module", module));
    if (this.moduleColor.size > COLORS) modules.push(swatch("module-other", "others"));
    byId("legend").replaceChildren(...modules);
  }

  note() {
    const stacks = this.data.runs.map((run) => count(run.stacks)).join(" and ");
    byId("stacks-note").textContent = this.flame.matches
      ? this.found()
      : `${stacks} ${stacks === "1" ? "stack" : "stacks"}. Click to look closer; click further out, or press Escape, to come back.`;
  }

  found() {
    const total = this.flame.matchedTotal(this.flame.total);
    const error = this.two || !this.noise[0] ? "" : this.errorOf(this.measure, total, this.flame.matchedTotal(this.noise[0]));
    return `${format(this.measure)(total)}${error} found, ${percent(total, this.flame.total[0])}`;
  }

  find(text, onFind) {
    const wanted = text.trim().toLowerCase();
    this.wanted = wanted;
    const hit = this.data.functions.map((f) => !f.folded && wanted !== "" && `${f.name}\n${f.file}\n${f.module}`.toLowerCase().includes(wanted));
    this.flame.setMatches(wanted ? Uint8Array.from(this.data.tree.name, (name) => Number(name > 0 && hit[name])) : null);
    this.note();
    onFind?.(wanted);
  }
}
