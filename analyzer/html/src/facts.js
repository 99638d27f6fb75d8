// What is known of a run, or of two side by side.
import { make } from "./dom.js";
import { errorText, isNoise } from "./errors.js";
import { bytes, count, seconds, signed } from "./units.js";

const FACTS = [
  { title: "peak", error: "peak_bytes_error", value: (f) => f.peak_bytes, show: bytes, more: (f, heap) => `${count(f.peak_allocations)} ${heap ? `blocks, at ${seconds(f.peak_s)}` : "mappings"}` },
  { title: "allocated", error: "bytes_error", value: (f) => f.bytes, show: bytes, more: (f, heap) => `in ${count(f.allocations)} ${heap ? "allocations" : "mappings"}` },
  { title: "live at the end", never: "never freed", error: "live_bytes_error", value: (f) => f.live_bytes, show: bytes, more: (f, heap) => `${count(f.live_allocations)} ${heap ? "blocks" : "mappings"}` },
  { title: "temporary", error: "temporary_error", value: (f) => f.temporary, show: count, more: () => "allocations, freed at once" },
  { title: "resident at most", value: (f) => f.peak_rss_bytes, show: bytes, more: () => "as the system counts" },
  { title: "wall time", value: (f) => f.wall_s, show: seconds, more: (f) => `${seconds(f.cpu_s)} of CPU` },
];

const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

export function subtitle(f) {
  const end = f.exit_status == null ? "" : f.exit_status < 0 ? `, killed by ${f.exit_signal}` : `, exit status ${f.exit_status}`;
  return `${f.command} \u2014 ${f.started.replace("T", " ").replace("Z", " UTC")}, ${plural(f.processes, "process", "processes")}, ${plural(f.threads, "thread", "threads")}${end}`;
}

function sampled({ interval_bytes: interval, samples, allocations, bytes: size }) {
  const exact = allocations === null || size === null ? "" : ` Exact totals: ${plural(allocations, "allocation", "allocations")}, ${bytes(size)}.`;
  return `Sampled: one block in ${bytes(interval)}, ${plural(samples, "sample", "samples")}; numbers are estimates.${exact}`;
}

export const warnings = (f) => [...(f.sampling ? [sampled(f.sampling)] : []), ...f.missing];

// heap: of allocations, not of what programs map by themselves.
export function cards(container, runs, heap) {
  const facts = runs.map((run) => run.shown);
  const freed_later = runs.some((run) => run.facts.unfreed_bytes !== run.facts.live_bytes);
  const card = ({ title, never, value, error, show, more }) => {
    const [a, b] = facts.map(value);
    const errors = runs.map((run) => run.errors?.[error] ?? 0);
    const noise = (i) => errorText(show, [a, b][i], errors[i]);
    const body =
      b === undefined
        ? [make("strong", {}, show(a), make("span", { class: "dim error" }, noise(0))), make("span", { class: "dim" }, more(facts[0], heap))]
        : [
            make("strong", {}, show(a), make("span", { class: "dim error" }, noise(0)), ` \u2192 ${show(b)}`, make("span", { class: "dim error" }, noise(1))),
            make("span", { class: b > a ? "more" : b < a ? "less" : "dim" }, a === b ? "the same" : isNoise(b - a, errors) ? "within the noise of sampling" : `${b < a ? "\u2212" : "+"}${show(Math.abs(b - a))}${a > 0 ? `, ${signed((v) => `${v.toFixed(Math.abs(v) < 10 ? 1 : 0).replace("-", "\u2212")} %`, (100 * (b - a)) / a)}` : ""}`),
          ];
    return make("div", { class: "card" }, make("span", { class: "name" }, freed_later && never ? never : title), ...body);
  };
  container.replaceChildren(
    ...runs.flatMap((run) => warnings(run.facts)).map((text) => make("p", { class: "warning" }, text)),
    make("div", { class: runs.length > 1 ? "cards two" : "cards" }, ...FACTS.filter(({ title }) => heap || title !== "temporary").map(card)),
  );
}

// The answer first: "stream peaks at 0.4 % of list (14.2 MiB -> 61 KiB)".
export function sentence(runs, measure, before, after, show) {
  const [a, b] = runs.map((run) => run.name);
  const errors = runs.map((run) => run.errors?.[`${measure.column}_error`] ?? 0);
  const numbers = `(${show(before)} \u2192 ${show(after)}${isNoise(after - before, errors) ? ", within the noise of sampling" : ""})`;
  if (before === after) return `${b} and ${a} are the same ${numbers}`;
  if (before === 0) return `${b} ${measure.verb} ${show(after)} where ${a} has none`;
  const share = after / before;
  const much = share >= 2 ? `${share.toFixed(share < 10 ? 1 : 0)} times` : `${(100 * share).toFixed(share < 0.001 ? 2 : 1)} % of`;
  return `${b} ${measure.verb} ${much} ${measure.of}${a} ${numbers}`;
}
