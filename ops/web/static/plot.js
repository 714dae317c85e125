// A plot of some lines over time: an SVG without text, and words beside it that say the same.

import {el} from "./dom.js";
import {clock} from "./text.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 600;
const HEIGHT = 120;

function svg(name, attributes) {
  const host = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) host.setAttribute(key, value);
  return host;
}

// The least round number that is not below a value.
function ceiling(value, least) {
  if (!(value > least)) return least;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((bound) => bound >= value * 0.999);
}

export class Plot {
  // series: [{name, style: "main" | "second"}]; format(value) gives text; least is the least top.
  constructor(title, series, format, least) {
    this.title = title;
    this.series = series;
    this.format = format;
    this.least = least;
    this.points = [];
    this.at = null; // where it is read; null for now
    this.lines = series.map(({style}) => svg("path", {class: `line ${style}`}));
    this.area = svg("path", {class: "area"});
    this.cursor = svg("line", {class: "cursor", y1: 0, y2: HEIGHT, x1: 0, x2: 0});
    this.values = series.map(() => el("b", {}, "–"));
    this.when = el("span", {class: "when"});
    this.top = el("span", {class: "top"});
    this.start = el("span", {});
    this.picture = svg("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true",
    });
    this.picture.append(
      svg("path", {class: "grid", d: `M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}`}),
      this.area, ...this.lines, this.cursor);
    this.field = el("div", {
      class: "field", tabindex: "0", role: "slider", "aria-label": `${title}, over time`,
      keydown: (event) => this.#onKey(event),
      pointermove: (event) => this.#onPointer(event),
      pointerdown: (event) => this.#onPointer(event),
      pointerleave: () => this.read(null),
      blur: () => this.read(null),
    }, this.picture, this.top);
    this.element = el("figure", {class: "plot"},
      el("figcaption", {}, el("h3", {}, title),
        el("p", {class: "readout"}, this.when, series.map(({name, style}, place) =>
          el("span", {class: "series"}, el("i", {class: `swatch ${style}`, "aria-hidden": "true"}),
            `${name} `, this.values[place])))),
      this.field,
      el("p", {class: "axis", "aria-hidden": "true"}, this.start, el("span", {}, "now")));
  }

  // points: [{at_s, values: [number or null, …]}], oldest first; span_s is what the width stands for.
  show(points, spanS) {
    this.points = points;
    const last = points.at(-1);
    const end = last ? last.at_s : 0;
    const most = Math.max(0, ...points.flatMap((point) => point.values.map((value) => value ?? 0)));
    const top = ceiling(most, this.least);
    this.top.textContent = this.format(top);
    this.start.textContent = `${Math.round(spanS / 60)} min ago`;
    this.x = (point) => Math.max(0, WIDTH * (1 - (end - point.at_s) / spanS));
    const y = (value) => HEIGHT * (1 - Math.min(1, value / top));
    this.lines.forEach((line, place) => line.setAttribute("d", this.#path(place, y)));
    this.area.setAttribute("d", this.#filled(y));
    this.read(this.at);
  }

  #path(place, y) {
    let path = "";
    let drawing = false;
    for (const point of this.points) {
      const value = point.values[place];
      if (value === null) {
        drawing = false;
        continue;
      }
      const to = `${this.x(point).toFixed(1)} ${y(value).toFixed(1)}`;
      path += drawing ? `L${to}` : `M${to}h0`; // a lone value is a dot
      drawing = true;
    }
    return path;
  }

  #filled(y) {
    const known = this.points.filter((point) => point.values[0] !== null);
    if (known.length < 2 || known.length < this.points.length) return "";
    const along = known.map((point) => `L${this.x(point).toFixed(1)} ${y(point.values[0]).toFixed(1)}`);
    return `M${this.x(known[0]).toFixed(1)} ${HEIGHT}${along.join("")}L${WIDTH} ${HEIGHT}Z`;
  }

  // Read it at a point, by number from the end; null for now.
  read(at) {
    this.at = at === null ? null : Math.min(Math.max(at, 0), Math.max(0, this.points.length - 1));
    const point = this.points.at(-1 - (this.at ?? 0));
    if (!point) return;
    const said = point.values.map((value) => (value === null ? "–" : this.format(value)));
    said.forEach((text, place) => { this.values[place].textContent = text; });
    this.when.textContent = this.at === null ? "" : clock(point.at_s);
    const x = this.x(point);
    this.cursor.classList.toggle("on", this.at !== null);
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
    const spoken = this.series.map(({name}, place) => `${name} ${said[place]}`).join(", ");
    this.field.setAttribute("aria-valuemin", String(1 - this.points.length));
    this.field.setAttribute("aria-valuemax", "0");
    this.field.setAttribute("aria-valuenow", String(-(this.at ?? 0)));
    this.field.setAttribute("aria-valuetext", `${clock(point.at_s)}: ${spoken}`);
  }

  #onKey(event) {
    const at = this.at ?? 0;
    const moves = {
      ArrowLeft: at + 1, ArrowDown: at + 1, ArrowRight: at - 1, ArrowUp: at - 1,
      PageUp: at - 15, PageDown: at + 15, Home: this.points.length, End: 0, Escape: null,
    };
    if (!(event.key in moves) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.read(moves[event.key]);
  }

  #onPointer(event) {
    if (!this.points.length) return;
    const box = this.field.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const near = this.points.map((point) => Math.abs(this.x(point) - x));
    this.read(this.points.length - 1 - near.indexOf(Math.min(...near)));
  }
}
