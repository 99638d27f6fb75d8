// The flame graph and the icicle: a canvas that draws only what is visible, so that tens of thousands of stacks are
// fast. Widths show one measure; with two runs, colours show the change between them.
import { color, hideTip, make, showTip } from "./dom.js";
import { nextPart } from "./units.js";

const ROW = 19;
const FONT = "12px ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
const NARROWEST = 0.4; // pixels; what is narrower is not drawn
const SHADES = [1, 0.9, 0.8, 0.95, 0.85]; // so that neighbours of the same colour can be distinguished
const TEXT_ROOM = 28; // pixels that a frame needs to get a name

export class Flame {
  // options: colorOf(node) -> CSS colour, pattern(node) -> "new" | "gone" | "", label(node), tip(node) -> elements,
  // onZoom(node)
  constructor(container, tree, options) {
    Object.assign(this, { container, tree, options });
    this.size = tree.parent.length;
    this.x0 = new Float64Array(this.size);
    this.x1 = new Float64Array(this.size);
    this.focus = 0;
    this.hover = -1;
    this.matches = null;
    this.flipped = false; // the root is at the bottom
    this.canvas = make("canvas", { tabindex: "0", role: "img", "aria-label": "Stacks: the wider, the more" });
    this.room = make("div", { class: "flame-room" }, this.canvas);
    this.scroller = make("div", { class: "flame" }, this.room);
    container.replaceChildren(this.scroller);
    this.context = this.canvas.getContext("2d");
    this.widths = new Map(); // of texts, cached
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.scroller);
  }

  // total: by node, with everything below it. The largest children are laid out first.
  setValues(total) {
    const { parent } = this.tree;
    const children = Array.from({ length: this.size }, () => null);
    this.total = total;
    for (let i = 1; i < this.size; i++) if (total[i] > 0) (children[parent[i]] ||= []).push(i);
    this.x0.fill(0);
    this.x1.fill(0);
    this.x1[0] = 1;
    for (let i = 0; i < this.size; i++) {
      if (!children[i]) continue;
      let x = this.x0[i];
      const scale = total[i] > 0 ? (this.x1[i] - x) / total[i] : 0;
      children[i].sort((a, b) => total[b] - total[a] || a - b);
      for (const child of children[i]) {
        this.x0[child] = x;
        x += total[child] * scale;
        this.x1[child] = x;
      }
    }
    this.order = Array.from({ length: this.size }, (_, i) => i).filter((i) => i === 0 || total[i] > 0);
    while (this.focus !== 0 && !(total[this.focus] > 0)) this.focus = parent[this.focus];
    this.zoom(this.focus);
  }

  setFlipped(flipped) {
    this.flipped = flipped;
    this.resize();
    this.scroller.scrollTop = flipped ? this.scroller.scrollHeight : 0;
  }

  // matches: by node, 1 = found; null = there is no search.
  setMatches(matches) {
    this.matches = matches;
    this.draw();
  }

  // The sum over the found nodes of what they have with all below them; those inside others are not counted twice.
  matchedTotal(total) {
    const inside = new Uint8Array(this.size);
    let sum = 0;
    for (let i = 1; i < this.size; i++) {
      const within = inside[this.tree.parent[i]];
      inside[i] = within | this.matches[i];
      if (!within && this.matches[i]) sum += total[i];
    }
    return sum;
  }

  zoom(node) {
    this.focus = node;
    this.canvas.dataset.focus = this.options.label(node);
    this.deepest = 0;
    const { depth } = this.tree;
    const [from, to] = [this.x0[node], this.x1[node]];
    const least = (NARROWEST / Math.max(300, this.width || 1000)) * (to - from);
    for (const i of this.order)
      if (this.x1[i] > from && this.x0[i] < to && this.x1[i] - this.x0[i] >= least && depth[i] > this.deepest)
        this.deepest = depth[i];
    this.options.onZoom?.(node);
    this.resize();
    if (this.flipped) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  resize() {
    const width = this.scroller.clientWidth;
    if (!width || !this.total) return;
    const height = (this.deepest + 1) * ROW;
    this.room.style.height = `${height}px`;
    this.width = width;
    this.height = Math.min(height, this.scroller.clientHeight || height);
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.draw();
  }

  // Left edge and width in pixels; nodes above the focus are as wide as the focus.
  place(node) {
    const from = this.x0[this.focus];
    const scale = this.width / (this.x1[this.focus] - from || 1);
    const left = Math.max(0, (this.x0[node] - from) * scale);
    return [left, Math.min(this.width, (this.x1[node] - from) * scale) - left];
  }

  top(depth) {
    return (this.flipped ? this.deepest - depth : depth) * ROW - this.scroller.scrollTop;
  }

  draw() {
    if (!this.total || !this.width) return;
    const c = this.context;
    const ratio = devicePixelRatio || 1;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    c.font = FONT;
    c.textBaseline = "middle";
    this.drawn = 0;
    const ink = color("flame-ink");
    const found = color("found");
    for (const i of this.order) {
      const y = this.top(this.tree.depth[i]);
      if (y > this.height || y < -ROW) continue;
      const [x, w] = this.place(i);
      if (w < NARROWEST) continue;
      this.drawn++;
      const isFound = this.matches?.[i];
      c.globalAlpha = (this.matches && !isFound ? 0.35 : 1) * SHADES[this.tree.name[i] % SHADES.length || 0] * (this.x1[i] - this.x0[i] > this.x1[this.focus] - this.x0[this.focus] ? 0.55 : 1);
      c.fillStyle = isFound ? found : this.options.colorOf(i);
      c.fillRect(x, y, Math.max(w - (w > 2 ? 1 : 0), 0.5), ROW - 1);
      const pattern = this.options.pattern(i);
      if (pattern && w > 3) this.hatch(x, y, w - 1, pattern);
      if (i === this.hover) {
        c.strokeStyle = ink;
        c.lineWidth = 1.5;
        c.strokeRect(x + 0.75, y + 0.75, Math.max(w - 2.5, 1), ROW - 2.5);
      }
      if (w > TEXT_ROOM) {
        c.globalAlpha = this.matches && !isFound ? 0.5 : 1;
        c.fillStyle = isFound ? color("found-ink") : ink;
        c.fillText(this.cut(this.options.label(i), w - 9), x + 4, y + ROW / 2);
      }
    }
    c.globalAlpha = 1;
  }

  // So that they can be told apart without colour: hatching of new nodes leans one way, that of gone ones the other.
  hatch(x, y, w, pattern) {
    const c = this.context;
    c.save();
    c.beginPath();
    c.rect(x, y, w, ROW - 1);
    c.clip();
    c.strokeStyle = color("hatch");
    c.lineWidth = 1.5;
    c.beginPath();
    for (let at = x - ROW - ((x - ROW) % 8); at < x + w + ROW; at += 8) {
      c.moveTo(at, pattern === "new" ? y + ROW : y);
      c.lineTo(at + ROW, pattern === "new" ? y : y + ROW);
    }
    c.stroke();
    c.restore();
  }

  measured(text) {
    let width = this.widths.get(text);
    if (width === undefined) this.widths.set(text, (width = this.context.measureText(text).width));
    return width;
  }

  // As much of a name as fits: without its namespaces if necessary, then cut at its end.
  cut(text, room) {
    let shown = text.length > 300 ? text.slice(0, 300) : text;
    if (this.measured(shown) <= room) return shown;
    for (let part = nextPart(shown), n = 0; part && n < 20 && !shown.includes("+0x"); part = nextPart(part), n++) {
      if (this.measured(`\u2026${part}`) <= room) return `\u2026${part}`;
      if (!nextPart(part)) shown = part;
    }
    let fits = Math.min(shown.length, Math.ceil((shown.length * room) / this.measured(shown)) + 1);
    while (fits > 1 && this.context.measureText(`${shown.slice(0, fits)}\u2026`).width > room) fits--;
    return fits > 1 ? `${shown.slice(0, fits)}\u2026` : "";
  }

  nodeAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top + this.scroller.scrollTop;
    const depth = this.flipped ? this.deepest - Math.floor(y / ROW) : Math.floor(y / ROW);
    const at = this.x0[this.focus] + (x / this.width) * (this.x1[this.focus] - this.x0[this.focus]);
    for (const i of this.order)
      if (this.tree.depth[i] === depth && this.x0[i] <= at && at < this.x1[i]) return i;
    return -1;
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("mousemove", (event) => {
      const node = this.nodeAt(event);
      if (node !== this.hover) {
        this.hover = node;
        this.draw();
      }
      canvas.style.cursor = node >= 0 ? "pointer" : "default";
      if (node >= 0) showTip(event.clientX, event.clientY, this.options.tip(node));
      else hideTip();
    });
    canvas.addEventListener("mouseleave", () => {
      this.hover = -1;
      hideTip();
      this.draw();
    });
    canvas.addEventListener("click", (event) => {
      const node = this.nodeAt(event);
      if (node >= 0) this.zoom(node);
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.scroller.addEventListener("scroll", () => this.draw());
  }

  // Arrow keys walk through the stacks: out, into the largest, and to the next largest sibling.
  key(event) {
    const { parent } = this.tree;
    const widest = (below) => this.order.reduce((best, i) => (parent[i] === below && i && this.total[i] > (this.total[best] ?? 0) ? i : best), -1);
    const siblings = () => this.order.filter((i) => i && parent[i] === parent[this.focus]).sort((a, b) => this.x0[a] - this.x0[b]);
    const beside = (step) => siblings()[siblings().indexOf(this.focus) + step] ?? this.focus;
    const steps = {
      Escape: () => 0,
      Home: () => 0,
      ArrowUp: () => (this.flipped ? widest(this.focus) : parent[this.focus]),
      ArrowDown: () => (this.flipped ? parent[this.focus] : widest(this.focus)),
      ArrowLeft: () => beside(-1),
      ArrowRight: () => beside(1),
    };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const node = step();
    if (node >= 0) this.zoom(node);
  }
}
