// What trace-report put into the page, unpacked. analyzer/html/*.c says how it is packed.

const CHANGE = 13;
const PARTS = 16; // of an error

// Reads numbers in base 128 from base 64. Numbers above 2^53 are rounded.
function reader(text) {
  const data = atob(text);
  let at = 0;
  function number() {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = data.charCodeAt(at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  }
  return {
    number,
    signed() {
      const value = number();
      return value % 2 ? -(value + 1) / 2 : value / 2;
    },
    more: () => at < data.length,
  };
}

function samples(text) {
  const series = [[], [], [], []];
  const now = [0, 0, 0, 0];
  for (const r = reader(text); r.more(); )
    for (let i = 0; i < 4; i++) series[i].push((now[i] += r.signed()));
  return { t: series[0].map((us) => us / 1e6), live: series[1], blocks: series[2], rss: series[3] };
}

// Nodes are in preorder; parent[0] is -1. own[run][value] is what a node has without what is below it.
function stacks(text, runs, count) {
  const parent = [-1];
  const depth = [0];
  const name = [-1];
  const own = Array.from({ length: runs }, () => Array.from({ length: count }, () => [0]));
  const path = [0];
  let level = 0;
  for (const r = reader(text); r.more(); ) {
    level = level + 1 - r.number();
    const node = parent.length;
    parent.push(path[level - 1]);
    depth.push(level);
    name.push(r.number());
    path[level] = node;
    for (const values of own) {
      const bits = r.number();
      for (let i = 0; i < count; i++) values[i].push(bits & (1 << i) ? r.number() : 0);
    }
  }
  return { parent, depth, name, own };
}

// By run: null for an exact one; else by value and node the variance of what a node has without what is below it.
function stackVariances(text, runs, nodes, count) {
  const r = reader(text);
  const all = runs.map((run) => (run.facts.sampling ? Array.from({ length: count }, () => new Float64Array(nodes)) : null));
  for (let node = 1; node < nodes; node++)
    for (const values of all) if (values) errorsOf(r, count).forEach((error, i) => (values[i][node] = error * error));
  return all;
}

function errorsOf(r, count) {
  const bits = r.number();
  return Array.from({ length: count }, (_, i) => (bits & (1 << i) ? r.number() / PARTS : 0));
}

function functions(numbers, texts) {
  const all = [];
  for (let i = 0; i < numbers.length; i += 3)
    all.push({ name: texts[numbers[i]] || "[unknown]", file: texts[numbers[i + 1]], module: texts[numbers[i + 2]] });
  all[0] = { name: "(smaller)", file: "", module: "", folded: true };
  return all;
}

// errors: of a sampled run, the standard errors of each row's values.
function rows(numbers, texts, all, count, errors) {
  const out = [];
  for (let i = 0; i < numbers.length; i += 5 + count)
    out.push({
      file: texts[numbers[i]],
      line: numbers[i + 1],
      function: texts[numbers[i + 2]],
      module: texts[numbers[i + 3]],
      values: numbers.slice(i + 4, i + 4 + count),
      source: texts[numbers[i + 4 + count]],
    });
  out.forEach((row, index) => Object.assign(row, { index, whole: row.values, errors: errors?.slice(index * count, (index + 1) * count) }));
  if (out.length) Object.assign(out[0], { rest: true, count: all - (out.length - 1) });
  return out;
}

function changes(numbers, texts) {
  const out = [];
  for (let i = 0; i < numbers.length; i += CHANGE)
    out.push({
      file: texts[numbers[i]],
      line: numbers[i + 1],
      lineBefore: numbers[i + 2],
      function: texts[numbers[i + 3]],
      module: texts[numbers[i + 4]],
      state: ["", "new", "gone"][numbers[i + 5] & 3],
      atMost: [numbers[i + 5] & 4, numbers[i + 5] & 8], // before, after: upper bounds
      before: numbers[i + 6],
      after: numbers[i + 7],
      source: texts[numbers[i + 10]],
      errors: [numbers[i + 11], numbers[i + 12]], // before, after; 0 where it is exact
    });
  if (out.length) Object.assign(out[0], { rest: true, count: out[0].line, line: 0 });
  return out;
}

// By number: [slice, a change of each sampled measure, ...].
function inTime(text, count) {
  const all = new Map();
  let number = 0;
  for (const r = reader(text); r.more(); ) {
    number += r.number();
    const list = [];
    let slice = 0;
    for (let n = r.number(); n > 0; n--) {
      slice += r.number();
      list.push(slice);
      for (let i = 0; i < count; i++) list.push(r.signed());
    }
    all.set(number, list);
  }
  return all;
}

// Source around lines, by row: { first, lines }.
function around(numbers, texts) {
  const all = new Map();
  for (let i = 0; i < numbers.length; i += 3 + numbers[i + 2])
    all.set(numbers[i], { first: numbers[i + 1], lines: numbers.slice(i + 3, i + 3 + numbers[i + 2]).map((n) => texts[n]) });
  return all;
}

// Stacks of rows: { all: how many there are, list: [{ node, values, errors (of a sampled run) }, ...] }.
function rowStacks(text, count, sampled) {
  const all = new Map();
  let row = 0;
  for (const r = reader(text); r.more(); ) {
    row += r.number();
    const details = { all: r.number(), list: [] };
    for (let n = r.number(); n > 0; n--) {
      const node = r.number();
      const bits = r.number();
      const values = Array.from({ length: count }, (_, i) => (bits & (1 << i) ? r.number() : 0));
      details.list.push({ node, values, errors: sampled ? errorsOf(r, count) : null });
    }
    all.set(row, details);
  }
  return all;
}

// What was resident, by part, at the known moments in order of time: analyzer/html/page_resident.c.
function resident({ parts, kinds, moments, moments_in_all: all, lines, missing }, texts) {
  const out = { parts, all, missing, moments: [], lines: [] };
  for (let i = 0; i < moments.length; i += 5 + parts.length)
    out.moments.push({
      t: moments[i] / 1e9,
      kind: kinds[moments[i + 1]],
      mark: texts[moments[i + 2]],
      resident: moments[i + 3],
      untouched: moments[i + 4],
      parts: moments.slice(i + 5, i + 5 + parts.length),
    });
  for (let i = 0; i < lines.length; i += 6)
    out.lines.push({ part: lines[i], file: texts[lines[i + 1]], line: lines[i + 2], function: texts[lines[i + 3]], name: texts[lines[i + 4]], bytes: lines[i + 5] });
  return out;
}

// How to compute each measure for a part of a run's time: { value, at: its place in an item of inTime(), time }.
function partly(values) {
  const sampled = values.filter((v) => v.time === "flow" || v.time === "level");
  const at = (value) => 1 + sampled.indexOf(value);
  return {
    stride: 1 + sampled.length,
    live: at(values.find((v) => v.column === "live_bytes")),
    measures: values.map((v) => ({ value: v.value, time: v.time, at: at(v.time === "peak" ? values[v.level] : v) })),
  };
}

// list: of those that are told; the rows that they are about know them, too.
function findings(json, texts, rows) {
  const list = json.list.map((finding) => ({ ...finding, file: texts[finding.file], function: texts[finding.function], what: texts[finding.what], remedy: texts[finding.remedy] }));
  for (const finding of list) if (finding.row && rows[finding.row]) (rows[finding.row].findings ??= []).push(finding);
  return { ...json, list };
}

export function read(element) {
  const json = JSON.parse(element.textContent);
  const values = json.measures.map((measure, value) => ({ ...measure, value }));
  const data = {
    values, // all measures; each row and stack has a number for each
    measures: values.filter((m) => m.place).sort((a, b) => a.place - b.place), // that can be chosen
    by: json.by,
    kind: json.kind, // of memory: heap, or mapped
    only: json.only, // what the filters select, as a text; undefined = everything
    // facts are of the whole run; in shown, the filtered measures replace them
    // The curve is of the heap: its peak is not that of mappings.
    runs: json.runs.map((run) => ({ ...run, kind: json.kind, heapPeak: json.kind === "heap" ? run.facts.peak_bytes : 0, shown: { ...run.facts, ...run.passing }, samples: samples(run.samples) })),
    functions: functions(json.functions, json.texts),
    tree: stacks(json.stacks, json.runs.length, values.length),
    rows: json.rows ? rows(json.rows, json.texts, json.rows_in_all, values.length, json.errors) : null,
    around: json.around ? around(json.around, json.texts) : null,
    rowStacks: json.row_stacks ? rowStacks(json.row_stacks, values.length, json.runs[0].facts.sampling) : null,
    changes: null,
    times: null,
    resident: json.resident ? resident(json.resident, json.texts) : null,
  };
  data.variances = json.stack_errors !== undefined ? stackVariances(json.stack_errors, json.runs, data.tree.parent.length, values.length) : json.runs.map(() => null);
  data.findings = json.findings ? findings(json.findings, json.texts, data.rows) : null; // null = nobody looked for some
  if (json.changes)
    data.changes = Object.fromEntries(Object.entries(json.changes).map(([by, list]) => [by, changes(list, json.texts)]));
  const part = partly(values);
  if (json.slices)
    data.times = {
      part,
      slices: json.slices,
      end: json.slices_end_s,
      rows: inTime(json.rows_in_time, part.stride - 1),
      stacks: inTime(json.stacks_in_time, part.stride - 1),
    };
  return data;
}

// The values of each row or stack for the slices [from, to): what was allocated in them, what was live after them, and
// for the peak what was live when the total was highest in them. Measures that are known for whole runs only stay 0.
export function narrowed(times, from, to) {
  const { stride, live: liveAt, measures } = times.part;
  const live = new Float64Array(times.slices);
  for (const list of times.stacks.values())
    for (let i = 0; i < list.length; i += stride) live[list[i]] += list[i + liveAt];
  let peak = from;
  for (let slice = 1; slice < times.slices; slice++) live[slice] += live[slice - 1];
  for (let slice = from; slice < to; slice++) if (live[slice] > live[peak]) peak = slice;
  const first = { flow: from, level: 0, peak: 0, whole: times.slices };
  const last = { flow: to - 1, level: to - 1, peak, whole: -1 };
  const sums = (all) => {
    const out = new Map();
    for (const [number, list] of all) {
      const values = measures.map(() => 0);
      for (let i = 0; i < list.length && list[i] < to; i += stride)
        for (const { value, time, at } of measures)
          if (list[i] >= first[time] && list[i] <= last[time]) values[value] += list[i + at];
      out.set(number, values);
    }
    return out;
  };
  return { rows: sums(times.rows), stacks: sums(times.stacks) };
}
