// What trace-report put into the page, unpacked. analyzer/html/*.c says how it is packed.

export const MEASURES = [
  { name: "bytes", title: "Bytes", value: 1, blocks: 0, isBytes: true, about: "allocated in all" },
  { name: "allocations", title: "Allocations", value: 0, blocks: 0, isBytes: false, about: "in all" },
  { name: "peak", title: "Peak", value: 3, blocks: 2, isBytes: true, about: "held when the run held most" },
  { name: "live", title: "Live", value: 5, blocks: 4, isBytes: true, about: "never freed" },
  { name: "temporary", title: "Temporary", value: 6, blocks: 6, isBytes: false, about: "freed by the thread's next allocation" },
];
const VALUES = 7;
const ROW = 12;
const CHANGE = 10;

// Numbers in base 128 out of base 64. Beyond 2^53 they are rounded.
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

// Nodes in preorder: parent[0] is -1. own[run][value] is what nodes have by themselves.
function stacks(text, runs) {
  const parent = [-1];
  const depth = [0];
  const name = [-1];
  const own = Array.from({ length: runs }, () => Array.from({ length: VALUES }, () => [0]));
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
      for (let i = 0; i < VALUES; i++) values[i].push(bits & (1 << i) ? r.number() : 0);
    }
  }
  return { parent, depth, name, own };
}

function functions(numbers, texts) {
  const all = [];
  for (let i = 0; i < numbers.length; i += 3)
    all.push({ name: texts[numbers[i]] || "[unknown]", file: texts[numbers[i + 1]], module: texts[numbers[i + 2]] });
  all[0] = { name: "(smaller)", file: "", module: "", folded: true };
  return all;
}

function rows(numbers, texts, all) {
  const out = [];
  for (let i = 0; i < numbers.length; i += ROW)
    out.push({
      file: texts[numbers[i]],
      line: numbers[i + 1],
      function: texts[numbers[i + 2]],
      module: texts[numbers[i + 3]],
      values: numbers.slice(i + 4, i + 4 + VALUES),
      source: texts[numbers[i + 11]],
    });
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
      state: ["", "new", "gone"][numbers[i + 5]],
      before: numbers[i + 6],
      after: numbers[i + 7],
    });
  if (out.length) Object.assign(out[0], { rest: true, count: out[0].line, line: 0 });
  return out;
}

// Changes by number: [slice, allocations, bytes, live blocks, live bytes, temporary, ...].
const STRIDE = 6;
function inTime(text) {
  const all = new Map();
  let number = 0;
  for (const r = reader(text); r.more(); ) {
    number += r.number();
    const list = [];
    let slice = 0;
    for (let n = r.number(); n > 0; n--) {
      slice += r.number();
      list.push(slice, r.signed(), r.signed(), r.signed(), r.signed(), r.signed());
    }
    all.set(number, list);
  }
  return all;
}

export function read(element) {
  const json = JSON.parse(element.textContent);
  const data = {
    by: json.by,
    only: json.only, // what the filters let through, as a text; undefined = all
    // facts are of the whole run, shown has the measures of what passes in their place
    runs: json.runs.map((run) => ({ ...run, shown: { ...run.facts, ...run.passing }, samples: samples(run.samples) })),
    functions: functions(json.functions, json.texts),
    tree: stacks(json.stacks, json.runs.length),
    rows: json.rows ? rows(json.rows, json.texts, json.rows_in_all) : null,
    changes: null,
    times: null,
  };
  if (json.changes)
    data.changes = Object.fromEntries(Object.entries(json.changes).map(([by, list]) => [by, changes(list, json.texts)]));
  if (json.slices)
    data.times = {
      slices: json.slices,
      end: json.slices_end_s,
      rows: inTime(json.rows_in_time),
      stacks: inTime(json.stacks_in_time),
    };
  return data;
}

// The seven values of each number for the slices [from, to): what was allocated in them, what was live after
// them, and for the peak what was live when, in them, most was.
export function narrowed(times, from, to) {
  const live = new Float64Array(times.slices);
  for (const list of times.stacks.values())
    for (let i = 0; i < list.length; i += STRIDE) live[list[i]] += list[i + 4];
  let peak = from;
  for (let slice = 1; slice < times.slices; slice++) live[slice] += live[slice - 1];
  for (let slice = from; slice < to; slice++) if (live[slice] > live[peak]) peak = slice;
  const sums = (all) => {
    const out = new Map();
    for (const [number, list] of all) {
      const values = [0, 0, 0, 0, 0, 0, 0];
      for (let i = 0; i < list.length && list[i] < to; i += STRIDE) {
        if (list[i] >= from) {
          values[0] += list[i + 1];
          values[1] += list[i + 2];
          values[6] += list[i + 5];
        }
        if (list[i] <= peak) {
          values[2] += list[i + 3];
          values[3] += list[i + 4];
        }
        values[4] += list[i + 3];
        values[5] += list[i + 4];
      }
      out.set(number, values);
    }
    return out;
  };
  return { rows: sums(times.rows), stacks: sums(times.stacks) };
}
