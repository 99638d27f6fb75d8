// A table that can be sorted and searched; the first rows are shown at once, more on request.
import { make } from "./dom.js";

const FIRST = 30;
const MORE = 400;

export class Table {
  // options: onRow(row), of a row that is clicked, or details(row) -> nodes below it, until it is clicked again.
  // columns: { key, title, about, number, value(row), cell(row) -> nodes, words(row), minor() -> left out on narrow screens }.
  constructor(container, columns, options = {}) {
    Object.assign(this, { container, columns, options, rows: [], words: [], shown: FIRST, open: null });
    this.head = make("tr");
    this.body = make("tbody");
    this.foot = make("p", { class: "note" });
    this.more = make("button", { type: "button", onclick: () => ((this.shown += MORE), this.fill()) });
    container.replaceChildren(
      make("div", { class: "table-room" }, make("table", {}, make("thead", {}, this.head), this.body)),
      make("div", { class: "bar" }, this.foot, this.more),
    );
    for (const column of columns) {
      column.button = make("button", { type: "button", title: column.about, onclick: () => this.sort(column) }, column.title);
      column.heading = make("th", { scope: "col", class: column.number ? "number" : "" , "data-key": column.key }, column.button);
      this.head.append(column.heading);
    }
  }

  setRows(rows) {
    this.rows = rows.filter((row) => !row.rest);
    this.rest = rows.find((row) => row.rest);
    this.found = null;
    this.refresh();
  }

  // Choosing the same column again reverses the order.
  sort(column, down = this.sorted === column ? !this.down : Boolean(column.number)) {
    this.sorted = column;
    this.down = down;
    this.refresh();
  }

  find(text) {
    this.wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.shown = FIRST;
    this.refresh();
  }

  refresh() {
    const { sorted, down, wanted } = this;
    const words = (row) => (row.words ??= this.columns.map((c) => c.words?.(row) ?? "").join("\n").toLowerCase());
    this.list = wanted?.length ? this.rows.filter((row) => wanted.every((word) => words(row).includes(word))) : this.rows.slice();
    if (sorted) {
      const by = sorted.number
        ? (a, b) => sorted.value(b) - sorted.value(a)
        : (a, b) => (sorted.value(a) < sorted.value(b) ? 1 : sorted.value(a) > sorted.value(b) ? -1 : 0);
      this.list.sort((a, b) => (down ? by(a, b) : by(b, a)));
    }
    for (const column of this.columns) {
      column.heading.setAttribute("aria-sort", column === sorted ? (down ? "descending" : "ascending") : "none");
      column.heading.classList.toggle("minor", Boolean(column.minor?.()));
    }
    this.fill();
  }

  row(row) {
    const element = make("tr", { class: row.rest ? "rest" : "" });
    for (const column of this.columns)
      element.append(make("td", { class: `${column.class ?? (column.number ? "number" : "")} ${column.minor?.() ? "minor" : ""}` }, ...column.cell(row)));
    if (!row.rest) this.makeButton(element, row);
    return element;
  }

  // Rows are parts of other objects when a part of the run is shown: they are told by their index.
  makeButton(element, row) {
    const { onRow, details } = this.options;
    const press = onRow ? () => onRow(row) : () => this.turn(element, row);
    element.tabIndex = 0;
    if (details) element.setAttribute("aria-expanded", String(this.open === row.index));
    element.addEventListener("click", press);
    element.addEventListener("keydown", (event) => {
      if (event.target !== element || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      press();
    });
  }

  turn(element, row) {
    const before = this.body.querySelector("tr.opened");
    before?.previousElementSibling.setAttribute("aria-expanded", "false");
    before?.remove();
    this.open = this.open === row.index ? null : row.index;
    if (this.open === null) return;
    element.setAttribute("aria-expanded", "true");
    element.after(this.detailsOf(row));
  }

  // Opens a row, whatever was searched for, and scrolls to it.
  reveal(index) {
    this.wanted = [];
    this.refresh();
    const at = this.list.findIndex((row) => row.index === index);
    if (at < 0) return;
    this.shown = Math.max(this.shown, at + 1);
    this.open = index;
    this.fill();
    this.body.querySelector("tr[aria-expanded=true]").scrollIntoView({ block: "center", behavior: "smooth" });
  }

  detailsOf(row) {
    return make("tr", { class: "opened" }, make("td", { colspan: this.columns.length }, ...this.options.details(row)));
  }

  fill() {
    const part = this.list.slice(0, this.shown);
    const left = this.list.length - part.length;
    this.body.replaceChildren(...part.flatMap((row) => (row.index !== undefined && row.index === this.open ? [this.row(row), this.detailsOf(row)] : [this.row(row)])));
    if (this.rest?.count && !this.wanted?.length && left === 0) this.body.append(this.row(this.rest));
    const all = this.rows.length + (this.rest?.count ?? 0);
    this.foot.textContent = this.wanted?.length
      ? `${this.list.length.toLocaleString("en-US")} of ${all.toLocaleString("en-US")} found`
      : all === 0
        ? "Nothing was allocated that could be seen."
        : `${all.toLocaleString("en-US")} ${all === 1 ? "line" : "lines"}`;
    this.more.hidden = left <= 0;
    this.more.textContent = `Show ${Math.min(left, MORE).toLocaleString("en-US")} more`;
  }
}
