// What advise finds: a list above the curve, a mark at the lines in the table, and the words in a line's details.
import { make } from "./dom.js";
import { bytes, count, percent, shortName } from "./units.js";

// What it saves, as trace-report advise says it; less than a hundredth of all is left out.
function savings(finding, facts) {
  const of = (value, whole, words) => (value > 0 && value >= whole / 100 ? [`${words}${whole ? ` (${percent(value, whole)})` : ""}`] : []);
  return [
    ...of(finding.peak, facts.peak_bytes, finding.space ? `${bytes(finding.peak)} of the peak, in address space` : `about ${bytes(finding.peak)} of the peak`),
    ...of(finding.end / 2 > finding.peak ? finding.end : 0, 0, `${bytes(finding.end)} of what is held at the end`),
    ...of(finding.resident, 0, `about ${bytes(finding.resident)} of resident memory`),
    ...of(finding.bytes, facts.bytes, `${bytes(finding.bytes)} of all that is allocated`),
    ...of(finding.allocations, facts.allocations, `${count(finding.allocations)} allocations`),
  ];
}

const kind = (finding) => make("span", { class: "certainty", title: `rule ${finding.rule}` }, `${finding.rule}, ${finding.certainty}`);

// What is known of it, without its line and what it saves most.
function words(finding, facts) {
  const more = savings(finding, facts).slice(1);
  return [make("p", {}, finding.what), make("p", {}, finding.remedy), ...(more.length ? [make("p", {}, `Saves ${more.join("; ")}, too.`)] : [])];
}

const saves = (finding, facts) => make("span", { class: "saves" }, savings(finding, facts).slice(0, 1).map((text) => `saves ${text}`).join(""));

// onRow(index): shows that row of the table.
export function findingsList({ findings, runs }, onRow) {
  const { facts } = runs[0];
  return findings.list.map((finding, i) => {
    const place = `${finding.file}${finding.line ? `:${finding.line}` : ""}`;
    const where = finding.row ? make("button", { type: "button", class: "where", title: "Show the line in the table below", onclick: () => onRow(finding.row) }, place) : make("span", { class: "where" }, place);
    const head = make("summary", {}, where, make("span", { class: "dim", title: finding.function }, shortName(finding.function)), make("b", {}, finding.title), saves(finding, facts), kind(finding));
    return make("li", {}, make("details", { open: i === 0 }, head, ...words(finding, facts)));
  });
}

export function findingsNote({ list, more, suppressed }) {
  const all = list.length + more;
  return [
    all ? "Certain is what the record proves, likely what two independent signals say." : "",
    more ? `${count(more)} more: trace-report advise --limit 0.` : "",
    suppressed ? `${count(suppressed)} ${suppressed === 1 ? "finding is" : "findings are"} suppressed.` : "",
  ].filter(Boolean).join(" ");
}

// The mark beside a line that has findings.
export function mark(row) {
  const titles = (row.findings ?? []).map((finding) => `${finding.title} (${finding.rule}, ${finding.certainty})`).join("\n");
  return titles ? [make("span", { class: "finding-mark", role: "img", "aria-label": titles, title: titles }, "\u25c6")] : [];
}

// For a row's details.
export function findingsOf(row, facts) {
  return (row.findings ?? []).map((finding) => make("div", { class: "detail finding" }, make("h3", {}, make("b", {}, finding.title), saves(finding, facts), kind(finding)), ...words(finding, facts)));
}
