// Formats numbers as trace-report's tables do.

const PREFIXES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

export function bytes(value) {
  const sign = value < 0 ? "\u2212" : "";
  let size = Math.abs(value);
  let unit = 0;
  while (size >= 1023.5 && unit < 6) {
    size /= 1024;
    unit++;
  }
  const digits = unit === 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return `${sign}${size.toFixed(digits)} ${PREFIXES[unit]}`;
}

// An upper bound.
export const atMost = (text) => `\u2264 ${text}`;

export function count(value) {
  return Math.round(value).toLocaleString("en-US").replace("-", "\u2212");
}

export function signed(format, value) {
  return value > 0 ? `+${format(value)}` : format(value);
}

export function percent(part, whole) {
  if (!whole) return "\u2013";
  const value = (100 * part) / whole;
  if (value !== 0 && Math.abs(value) < 0.05) return "<0.1 %";
  return `${value.toFixed(Math.abs(value) < 99.95 ? 1 : 0)} %`;
}

export function seconds(value) {
  if (value >= 60) return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
  if (value >= 1) return `${value.toFixed(value >= 9.995 ? 1 : 2)} s`;
  if (value >= 0.001) return `${(value * 1e3).toFixed(value >= 0.00995 ? 0 : 1)} ms`;
  return value > 0 ? `${(value * 1e6).toFixed(0)} \u00b5s` : "0 s";
}

// "16 B", "4 KiB": two to the power of exponent.
export function power(exponent) {
  return `${2 ** (exponent % 10)} ${PREFIXES[Math.floor(exponent / 10)]}`;
}

// Shortens names by their brackets, without arguments of templates and functions, as trace-report's tables do
// (query/names.c).

function opens(name, i) {
  const before = name[i - 1] ?? "";
  if (i === 0 || /operator<?$/.test(name.slice(Math.max(0, i - 9), i))) return false;
  if (name[i] === "<") return /\w/.test(before);
  return name[i] === "(" && name[i + 1] !== ")" && /[\w>)\]}=+\-*/%^&|~!,<]/.test(before);
}

// The bracket that closes the one at i; -1 = none.
function closing(name, i) {
  let angles = 0;
  let rounds = 0;
  for (; i < name.length; i++) {
    const c = name[i];
    if (c === "(") rounds++;
    else if (c === "<" && rounds === 0) angles++;
    else if (c === ")" && rounds > 0) rounds--;
    else if (c === ">" && angles > 0 && rounds === 0 && name[i - 1] !== "-") angles--;
    else continue;
    if (angles === 0 && rounds === 0) return i;
  }
  return -1;
}

// Compilers copy functions for some of their calls, and name the copies ".constprop.0" and the like.
function withoutCopySuffix(name) {
  return name.replace(/ \[clone .*$/, "").replace(/(?<=.)(\.(constprop|isra|llvm|lto_priv|part)\.\d+)+$/, "");
}

// "std::map<...>::insert(...)": the rest of a name tells it from others.
export function shortName(whole) {
  const name = withoutCopySuffix(whole);
  let out = "";
  for (let i = 0; i < name.length; i++) {
    const open = opens(name, i);
    const end = open ? closing(name, i) : -1;
    if (open && end < 0) return out + (name.endsWith("\u2026") ? `${name[i]}\u2026${name[i] === "(" ? ")" : ">"}` : name.slice(i)); // the name was cut off
    out += name[i];
    if (!open) continue;
    out += `\u2026${name[end]}`;
    i = end;
  }
  return out;
}

// What follows the first namespace or type of a short name; "" = nothing.
export function nextPart(name) {
  for (let i = 0; i < name.length && name[i] !== "<" && name[i] !== "("; i++) {
    if (name.startsWith("::", i)) return name.slice(i + 2);
    if (name[i] === "." && i > 0) return name.slice(i + 1);
  }
  const end = closing(name, Math.max(0, name.search(/[<(]/)));
  if (end < 0 || !/[<(]/.test(name)) return "";
  return name.startsWith("::", end + 1) ? name.slice(end + 3) : nextPart(name.slice(end + 1));
}

export function basename(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}
