// The drawing that the block graph shows: its nodes and edges, where they lie and how they are
// connected. Names in it may come from anywhere: they are only ever set as text or as attributes,
// never parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";
const XLINK = "http://www.w3.org/1999/xlink";
const SHAPES = "path, polygon, ellipse, rect, circle, polyline";

const within = (value, low, high) => Math.min(Math.max(value, low), high);
const middle = (box) => ({ x: box.x + box.w / 2, y: box.y + box.h / 2 });
const shapeOf = (element) => element.querySelector(SHAPES);

/** Where something of a length may lie between start and end: centred if it fits, else covering. */
function slide(offset, length, start, end, slack) {
  const room = end - start - length;
  return room >= 0 ? start + room / 2 : within(offset, start + room - slack, start);
}

function make(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Nothing in a drawing may run or load anything. */
function scrub(element) {
  for (const child of element.querySelectorAll("script, foreignObject, image, use, style, animate, set")) {
    child.remove();
  }
  for (const part of [element, ...element.querySelectorAll("*")]) {
    for (const { name } of [...part.attributes]) {
      if (/^on|href$/i.test(name)) part.removeAttribute(name);
    }
  }
}

/** A child of the drawing, made ready: its texts are taken out, so that only our tooltip shows. */
function adopt(child, markup) {
  const element = document.importNode(child, true);
  scrub(element);
  const links = [...element.querySelectorAll("a")];
  const tip = links.map((link) => link.getAttributeNS(XLINK, "title")).find(Boolean) ?? "";
  for (const link of links) link.removeAttributeNS(XLINK, "title");
  const name = element.querySelector("title")?.textContent ?? "";
  for (const title of element.querySelectorAll("title")) title.remove();
  const kind = element.classList.contains("node") ? "node" : element.classList.contains("edge") ? "edge" : "";
  if (kind === "node") {
    element.setAttribute("role", "button");
    element.setAttribute("aria-label", tip || element.id);
    element.setAttribute("tabindex", "-1");
  } else {
    element.setAttribute("aria-hidden", "true");
  }
  return { element, markup, tip, name, kind };
}

/** How far a box lies from another in a direction, what is beside it counting more; null: not there. */
function distance(from, to, [dx, dy]) {
  const [along, length, across, breadth] = dx ? ["x", "w", "y", "h"] : ["y", "h", "x", "w"];
  const forward = dx + dy > 0;
  const [near, far] = forward ? [from, to] : [to, from];
  const gap = far[along] - (near[along] + near[length]);
  if (gap < -1) return null;
  const beside = Math.max(0, from[across] - to[across] - to[breadth], to[across] - from[across] - from[breadth]);
  // Of something wide, the start is as near as the middle.
  const shift = Math.min(Math.abs(middle(from)[across] - middle(to)[across]), Math.abs(from[across] - to[across]));
  return { cone: beside <= Math.max(gap, 1), cost: gap + 3 * beside + 0.1 * shift };
}

/** A handle on a corner of its node's box, but not over the edge of the drawing. */
function markOf({ key, node, open, label, corner }, box, size) {
  const mark = make(
    "g",
    { class: "handle", "data-key": key, "data-node": node },
    make("rect", { x: -13, y: -13, width: 26, height: 26 }),
    make("circle", { r: 9 }),
    make("path", { d: open ? "M-4.5 0H4.5" : "M-4.5 0H4.5M0 -4.5V4.5" }),
  );
  const x = within(corner === "left" ? box.x : box.x + box.w, 13, size.w - 13);
  mark.style.transform = `translate(${x}px, ${Math.max(box.y, 13)}px) scale(var(--handle))`;
  mark.tip = label;
  return mark;
}

class Drawing {
  constructor(svg) {
    this.svg = svg;
    this.layer = svg.querySelector(".layer");
    this.parts = new Map(); // a child of the drawing by its id
    this.links = new Map(); // the edges of a node, each with the node at its other end
    this.boxes = null; // of the nodes, in the drawing's units; null until they are measured
  }

  /** Take over what changed in the drawing; false if it cannot be read. */
  read(text) {
    const fresh = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    const layer = fresh.querySelector("g.graph");
    const box = fresh.getAttribute("viewBox")?.trim().split(/[\s,]+/).map(Number);
    if (!layer || box?.length !== 4) {
      console.error("The block graph's drawing cannot be read.");
      return false;
    }
    this.size = { w: box[2], h: box[3] };
    this.corner = { x: box[0], y: box[1] };
    this.svg.setAttribute("viewBox", box.join(" "));
    this.svg.setAttribute("width", box[2]);
    this.svg.setAttribute("height", box[3]);
    this.layer.setAttribute("transform", layer.getAttribute("transform") ?? "");
    this.replace([...layer.children]);
    this.connect();
    this.boxes = null;
    return true;
  }

  /** Put the new children in place, the same elements where their markup is the same. */
  replace(children) {
    const parts = new Map();
    for (const [index, child] of children.entries()) {
      if (!child.matches("g, path, polygon, text")) continue;
      const id = child.id && !parts.has(child.id) ? child.id : `#${index}`;
      const markup = child.outerHTML;
      const old = this.parts.get(id);
      parts.set(id, old?.markup === markup ? old : adopt(child, markup));
    }
    const active = () => this.layer.querySelector(":focus")?.id;
    const before = active();
    const kept = new Set([...parts.values()].map((part) => part.element));
    for (const { element } of this.parts.values()) if (!kept.has(element)) element.remove();
    // What stays is not taken out even for a moment: it would lose the keyboard's focus.
    let next = this.layer.firstChild;
    for (const element of kept) {
      if (element === next) next = next.nextSibling;
      else this.layer.insertBefore(element, next);
    }
    this.parts = parts;
    if (before && before !== active()) parts.get(before)?.element.focus({ preventScroll: true });
  }

  connect() {
    this.links = new Map();
    for (const [id, part] of this.parts) if (part.kind === "node") this.links.set(id, []);
    for (const part of this.parts.values()) {
      const cut = part.name.indexOf("->");
      const [from, to] = [part.name.slice(0, cut), part.name.slice(cut + 2)];
      if (part.kind !== "edge" || !this.links.has(from) || !this.links.has(to)) continue;
      part.ends = [from, to];
      this.links.get(from).push({ edge: part.element, other: to, out: true });
      this.links.get(to).push({ edge: part.element, other: from, out: false });
    }
    for (const [id, links] of this.links) this.element(id).classList.toggle("alone", !links.length);
  }

  element(id) {
    return this.parts.get(id)?.element;
  }

  /** Find out where the nodes lie, which a browser knows only of what it shows. */
  measure() {
    const matrix = this.layer.transform.baseVal.consolidate()?.matrix ?? { a: 1, d: 1, e: 0, f: 0 };
    this.boxes = new Map();
    for (const id of this.links.keys()) {
      const shape = shapeOf(this.element(id));
      if (!shape) continue;
      const { x, y, width, height } = shape.getBBox();
      this.boxes.set(id, {
        x: x * matrix.a + matrix.e - this.corner.x,
        y: y * matrix.d + matrix.f - this.corner.y,
        w: width * matrix.a,
        h: height * matrix.d,
      });
    }
    const place = (id) => this.boxes.get(id);
    this.order = [...this.boxes.keys()].sort((a, b) => place(a).y - place(b).y || place(a).x - place(b).x);
    this.spots = null;
  }

  /** What stands out with a node or an edge: the edges of a node and their other ends. */
  around(id) {
    const ends = this.parts.get(id)?.ends ?? [];
    const links = this.links.get(id) ?? [];
    return [...ends.map((end) => this.element(end)), ...links.flatMap(({ edge, other }) => [edge, this.element(other)])];
  }

  /** The nodes as plain boxes, a path for each pair of colours. */
  outline() {
    const paths = new Map();
    for (const [id, { x, y, w, h }] of this.boxes) {
      const shape = shapeOf(this.element(id));
      const paint = (name, usual) => shape.getAttribute(name) ?? usual;
      // A gradient would need a path for each node.
      const fill = paint("fill", "none").replace(/^url.*/, "none");
      const colours = { fill, "fill-opacity": paint("fill-opacity", 1), stroke: paint("stroke", "none") };
      const key = Object.values(colours).join(" ");
      const path = paths.get(key) ?? { ...colours, d: "" };
      path.d += `M${x} ${y}h${w}v${h}h${-w}z`;
      paths.set(key, path);
    }
    return [...paths.values()].map((path) => make("path", path));
  }

  /** The nearest node in a direction, rather one that is connected; at the end of a row, along an edge. */
  towards(id, arrow) {
    this.spots ??= this.findSpots();
    const links = this.links.get(id);
    const near = new Set(links.map(({ other }) => other));
    let best;
    for (const [other, spot] of this.spots) {
      const far = other === id ? null : distance(this.spots.get(id), spot, arrow);
      if (!far?.cone) continue;
      const cost = far.cost * (near.has(other) ? 0.4 : 1);
      if (!best || cost < best.cost) best = { cost, other };
    }
    return best?.other ?? links.find(({ out }) => out === arrow[0] + arrow[1] > 0)?.other;
  }

  /** Where nodes lie for the arrow keys: one that contains others is only as high as its heading. */
  findSpots() {
    const boxes = [...this.boxes];
    const holds = (box, { x, y }) => x > box.x && x < box.x + box.w && y > box.y && y < box.y + box.h;
    const contains = (box) => boxes.some(([, other]) => other.w * other.h < 0.9 * box.w * box.h && holds(box, middle(other)));
    return new Map(boxes.map(([id, box]) => [id, contains(box) ? { ...box, h: Math.min(box.h, 12) } : box]));
  }
}
