/* Charts: lines drawn at the width that there is; a pointer or the arrow keys ask a point for its value. */
const svgNamespace = new DOMParser().parseFromString("<svg></svg>", "text/html").body.firstChild.namespaceURI;
function shape(parent, tag, attributes, text) {
  const element = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}
const COLOURS = 7;

class ChartView {
  constructor(figure) {
    Object.assign(this, JSON.parse(figure.dataset.chart));
    this.figure = figure;
    this.colours = this.lines.map((line) => (line.colour < 0 ? "var(--quiet)" : `var(--line-${line.colour % COLOURS})`));
    this.hidden = new Set();
    this.at = [0, -1]; /* line and point that the keys have reached */
    this.box = make("div", { tabIndex: 0 });
    this.box.setAttribute("role", "group");
    this.box.setAttribute("aria-label", `${this.caption}. Arrow keys move from point to point.`);
    figure.append(this.box, this.legend());
    this.box.addEventListener("pointermove", (event) => this.point(event));
    this.box.addEventListener("pointerleave", () => this.leave());
    this.box.addEventListener("blur", () => this.leave());
    this.box.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(figure);
  }

  legend() {
    const buttons = this.lines.map((line, i) => {
      const swatch = make("i", { className: line.dashed ? "dashed" : "" });
      swatch.style.color = this.colours[i];
      const button = make("button", { type: "button" }, swatch, line.label);
      button.setAttribute("aria-pressed", "true");
      button.addEventListener("click", () => {
        if (!this.hidden.delete(i)) this.hidden.add(i);
        button.setAttribute("aria-pressed", String(!this.hidden.has(i)));
        this.draw();
      });
      return button;
    });
    return make("div", { className: "keys" }, ...buttons);
  }

  draw() {
    const width = Math.min(this.figure.clientWidth, 640);
    if (!width) return;
    const left = 54, bottom = 40, top = 8, right = 10;
    const inner = width - left - right, height = this.square ? Math.min(inner, 420) : Math.min(0.6 * inner, 320);
    this.place = ([x, y]) => [
      left + ((x - this.x.low) / (this.x.high - this.x.low)) * inner,
      top + (1 - (y - this.y.low) / (this.y.high - this.y.low)) * height,
    ];
    this.box.replaceChildren();
    const svg = shape(this.box, "svg", { width, height: top + height + bottom, "aria-hidden": "true" });
    this.axes(svg, { left, top, inner, height, width });
    const clip = shape(svg, "svg", { x: left - 4, y: top - 4, width: inner + 8, height: height + 8,
      viewBox: `${left - 4} ${top - 4} ${inner + 8} ${height + 8}` });
    this.lines.forEach((line, i) => { if (!this.hidden.has(i)) this.curve(clip, line, this.colours[i]); });
    this.ring = shape(svg, "circle", { class: "ring", r: 7, visibility: "hidden" });
  }

  axes(svg, { left, top, inner, height }) {
    for (const [value, text] of this.y.ticks) {
      const y = this.place([this.x.low, value])[1];
      shape(svg, "line", { class: "grid", x1: left, x2: left + inner, y1: y, y2: y });
      shape(svg, "text", { x: left - 6, y: y + 4, "text-anchor": "end" }, text);
    }
    let free = -Infinity; /* a label that would touch the one before it is left out */
    for (const [value, text] of this.x.ticks) {
      const x = this.place([value, this.y.low])[0];
      shape(svg, "line", { class: "grid", x1: x, x2: x, y1: top, y2: top + height });
      if (x - 4 * text.length < free) continue;
      free = x + 4 * text.length + 4;
      shape(svg, "text", { x, y: top + height + 16, "text-anchor": "middle" }, text);
    }
    shape(svg, "text", { x: left + inner / 2, y: top + height + 34, "text-anchor": "middle" }, this.x.label);
    const size = Math.min(12, (1.8 * (top + height)) / this.y.label.length); /* a long label on a low chart */
    const up = { transform: `translate(11 ${(top + height) / 2}) rotate(-90)`, "text-anchor": "middle" };
    shape(svg, "text", { ...up, style: `font-size: ${size}px` }, this.y.label);
  }

  curve(svg, line, colour) {
    const places = line.points.map(this.place);
    const style = `curve${line.dashed ? " dashed" : ""}`;
    shape(svg, "polyline", { class: style, points: places.map((p) => p.join(",")).join(" "), style: `stroke: ${colour}` });
    line.bars.forEach((bar, i) => {
      if (!bar) return;
      const [x, low] = this.place([line.points[i][0], bar[0]]);
      const high = this.place([line.points[i][0], bar[1]])[1];
      const d = `M${x} ${low}V${high}M${x - 4} ${low}h8M${x - 4} ${high}h8`;
      shape(svg, "path", { class: "bar", d, style: `stroke: ${colour}` });
    });
    for (const i of line.marked) shape(svg, "circle", { cx: places[i][0], cy: places[i][1], r: 3.5, style: `fill: ${colour}` });
  }

  point(event) {
    const box = this.box.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    let nearest = null, least = 40 * 40; /* pixels */
    this.lines.forEach((line, i) => {
      if (this.hidden.has(i)) return;
      line.points.forEach((point, j) => {
        const [a, b] = this.place(point), far = (a - x) ** 2 + (b - y) ** 2;
        if (far < least) [least, nearest] = [far, [i, j]];
      });
    });
    if (nearest) this.show(...nearest);
    else this.leave();
  }

  show(i, j) {
    this.at = [i, j];
    const [x, y] = this.place(this.lines[i].points[j]), box = this.box.getBoundingClientRect();
    for (const [name, value] of Object.entries({ cx: x, cy: y, visibility: "visible" })) this.ring.setAttribute(name, value);
    showTip(`${this.lines[i].label}: ${this.lines[i].texts[j]}`, box.left + x, box.top + y);
  }

  leave() {
    this.ring?.setAttribute("visibility", "hidden");
    hideTip();
  }

  key(event) {
    const shown = this.lines.map((_, i) => i).filter((i) => !this.hidden.has(i));
    if (!shown.length) return;
    let [i, j] = this.at;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], turn = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (turn) i = shown[(shown.indexOf(i) + turn + shown.length) % shown.length];
    else if (event.key === "Home") j = 0;
    else if (event.key === "End") j = Infinity;
    else if (!step) return;
    if (this.hidden.has(i)) i = shown[0];
    event.preventDefault();
    this.show(i, Math.max(0, Math.min(j + (step ?? 0), this.lines[i].points.length - 1)));
  }
}
document.querySelectorAll(".chart").forEach((figure) => new ChartView(figure));
