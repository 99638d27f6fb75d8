// Numbers for people, as trace-report's own tables have them.

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

// Without the arguments of templates: "std::map<...>::insert(...)" is told from others by the rest of its name.
export function shortName(name) {
  if (!/[\w)]</.test(name)) return name;
  let out = "";
  let depth = 0;
  for (let i = 0; i < name.length; i++) {
    const c = name[i];
    const opens = c === "<" && (depth > 0 || (/\w/.test(name[i - 1] ?? "") && !/operator<*$/.test(name.slice(0, i))));
    if (opens && depth++ === 0) out += "<\u2026>";
    else if (c === ">" && depth > 0 && name[i - 1] !== "-") depth--;
    else if (depth === 0) out += c;
  }
  return depth === 0 || name.endsWith("\u2026") ? out : name;
}

export function basename(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}
