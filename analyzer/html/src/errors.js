// Of a sampled run every number is an estimate: how far it may be off, as texts and as the faint ends of bars.
import { make } from "./dom.js";

const FEW = 20; // samples behind a number: VARIANCES_SAMPLES

const tooFew = (value, error) => value * value < FEW * error * error;

// " +-0.9 MiB" or ", too few samples", behind a number; "" where it is exact.
export function errorText(show, value, error) {
  if (!error) return "";
  return tooFew(value, error) ? ", too few samples" : ` +-${show(error)}`;
}

// The same as a list of one element or none.
export const errorMark = (show, value, error) => (error ? [make("span", { class: "dim error" }, errorText(show, value, error))] : []);

// True if a change is below two standard errors of it; errors: of before and after.
export const isNoise = (change, errors) => change !== 0 && Math.abs(change) < 2 * Math.hypot(...errors);

// A bar as far as the number is sure, and a faint one from a standard error below it to one above. They go into an element
// in which places count from its left.
export function bars(color, value, error, whole) {
  const share = (v) => (whole > 0 ? (100 * Math.min(Math.max(v, 0), whole)) / whole : 0);
  const low = share(value - (error || 0));
  const bar = make("span", { class: `fill ${color}` });
  bar.style.width = `${low}%`;
  if (!error) return [bar];
  const end = make("span", { class: `fill faint ${color}` });
  end.style.left = `${low}%`;
  end.style.width = `${share(value + error) - low}%`;
  return low > 0 ? [bar, end] : [end];
}

// The variances of what a part of a run says, which no file has: of blocks that are all as large as they are on average, one
// taken in so many bytes (variances_model() in query/variances.c). measures: those that have a place; values: of all.
export function modelled(measures, values, interval) {
  const out = values.map(() => 0);
  const of = (some, blocks, bytes) => (Math.abs(bytes) < Math.abs(blocks) * interval ? Math.abs(some) * Math.abs(blocks / (Math.abs(bytes) + Math.abs(blocks))) * interval : 0);
  const allocations = measures.find((m) => m.name === "allocations");
  for (const m of measures) {
    if (m.time === "whole") continue;
    const [blocks, bytes] = m.isBytes ? [values[m.beside], values[m.value]] : [values[allocations.value], values[allocations.beside]];
    if (m.isBytes) out[m.value] = Math.abs(bytes) < Math.abs(blocks) * interval ? Math.abs(bytes) * interval : 0;
    out[m.isBytes ? m.beside : m.value] = of(m.isBytes ? blocks : values[m.value], blocks, bytes);
  }
  return out;
}
