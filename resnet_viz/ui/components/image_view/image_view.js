// The image view: a picture, what lies over it, and the tiles or cells that can be pointed at and
// picked. picking.js and lattice.js are put before this: a component is one module.

const SVG = "http://www.w3.org/2000/svg";
const CROSS = 7; // CSS pixels
const LEGIBLE_MARGIN = 14; // CSS pixels
const TOUCHED = 2500; // milliseconds that the tooltip of a touch stays

export default (component) => keep(ImageView, ".image-view", component);

class ImageView {
  constructor(root) {
    this.root = root;
    for (const name of ["frame", "base", "heat", "padding", "overlay", "outlines", "ring", "cursor", "places", "option"]) {
      this[name] = root.querySelector(`.${name}`);
    }
    this.picks = new Picks();
    this.tip = new Tip(root);
    this.selected = null;
    this.at = 0; // where the keyboard is
    this.over = null; // what the pointer is over, and where it is
    this.keyed = false; // whether the keyboard was used last
    this.listen();
    this.observer = new ResizeObserver(() => this.data && this.resized());
    this.observer.observe(this.frame);
  }

  stop() {
    this.observer.disconnect();
    clearTimeout(this.timer);
  }

  listen() {
    const { places } = this;
    places.onpointermove = (event) => event.pointerType !== "touch" && this.point(event);
    places.onpointerleave = (event) => event.pointerType !== "touch" && this.point(null);
    places.onclick = (event) => this.click(event);
    places.onkeydown = (event) => this.key(event);
    places.onfocus = () => {
      this.keyed = places.matches(":focus-visible");
      this.mark();
    };
    places.onblur = () => {
      this.keyed = false;
      this.point(null);
    };
  }

  // ---- Data ----

  show(data) {
    this.data = data;
    this.lattice = data.lattice && new Lattice(data.lattice);
    if (this.base.src !== data.image) this.base.src = data.image;
    this.base.alt = data.alt;
    this.heat.hidden = !data.heat;
    if (data.heat && this.heat.src !== data.heat) this.heat.src = data.heat;
    this.heat.style.opacity = data.opacity;
    this.places.hidden = !this.lattice;
    this.places.setAttribute("aria-label", data.alt);
    this.places.classList.toggle("clickable", data.clickable);
    this.layOut();
    this.drawOutlines();
    this.choose();
    this.over = this.over && this.lattice && this.placeAt({ clientX: this.over.x, clientY: this.over.y });
    this.resized();
  }

  /** The frame has the shape of the picture with its margins, and the picture its place in it. */
  layOut() {
    const { width, height, maxHeight, margins } = this.data;
    const [top, right, bottom, left] = margins;
    this.view = { x: -left, y: -top, width: left + width + right, height: top + height + bottom };
    const { x, y, width: across, height: down } = this.view;
    this.frame.style.aspectRatio = `${across} / ${down}`;
    this.frame.style.width = maxHeight ? `min(100%, ${(maxHeight * across) / down}px)` : "100%";
    this.overlay.setAttribute("viewBox", `${x} ${y} ${across} ${down}`);
    const share = (part, whole) => `${(100 * part) / whole}%`;
    const place = { left: share(left, across), top: share(top, down), width: share(width, across), height: share(height, down) };
    for (const element of [this.base, this.heat, this.places]) Object.assign(element.style, place);
    this.frame.classList.toggle("padded", margins.some(Boolean));
  }

  drawOutlines() {
    const { outlines } = this.data;
    const drawn = outlines.map((outline) => {
      const group = document.createElementNS(SVG, "g");
      group.classList.toggle("dashed", outline.dashed);
      const title = document.createElementNS(SVG, "title");
      title.textContent = outline.label;
      const lines = ["outer", "line"].map((name) => {
        const path = document.createElementNS(SVG, "path");
        path.setAttribute("class", name);
        path.setAttribute("d", this.pathOf(outline));
        return path;
      });
      group.append(title, ...lines);
      return group;
    });
    this.outlines.replaceChildren(...drawn);
    if (outlines.length) {
      this.overlay.setAttribute("role", "img");
      this.overlay.setAttribute("aria-label", outlines.map(({ label }) => label).join("; "));
    } else {
      this.overlay.removeAttribute("role");
      this.overlay.removeAttribute("aria-label");
    }
    this.overlay.setAttribute("aria-hidden", String(!outlines.length));
  }

  /** A rectangle without the sides that lie beyond the margin. */
  pathOf({ top, left, bottom, right }) {
    const { x, y, width, height } = this.view;
    const slack = 1e-6 * (width + height);
    const across = (value) => within(value, x, x + width);
    const down = (value) => within(value, y, y + height);
    const inside = (value, clipped) => Math.abs(value - clipped) <= slack;
    const corners = [
      [right, top, inside(top, down(top))],
      [right, bottom, inside(right, across(right))],
      [left, bottom, inside(bottom, down(bottom))],
      [left, top, inside(left, across(left))],
    ];
    const sides = corners.map(([a, b, drawn]) => `${drawn ? "L" : "M"}${across(a)} ${down(b)}`);
    return `M${across(left)} ${down(top)}${sides.join("")}`;
  }

  /** What Python says is picked, unless it has yet to hear of what was picked here. */
  choose() {
    const { selected, heard } = this.data;
    const last = this.lattice ? this.lattice.count - 1 : 0;
    if (!this.picks.awaiting(heard)) {
      const before = this.selected;
      this.selected = this.lattice?.read(selected) ?? null;
      if (this.selected !== before && this.selected !== null) this.at = this.selected;
    } else if (this.selected > last) this.selected = null;
    this.at = within(this.at, 0, last);
  }

  // ---- What depends on the size ----

  resized() {
    const { pixelated, margins, marks } = this.data;
    const shown = this.frame.clientWidth;
    if (!shown) return;
    const unit = this.view.width / shown; // pixels of the picture in one of CSS
    // Leaving pixels out would show patterns that are not there.
    this.base.style.imageRendering = pixelated && unit <= devicePixelRatio ? "pixelated" : "auto";
    const widest = margins.indexOf(Math.max(...margins));
    this.padding.hidden = margins[widest] / unit < LEGIBLE_MARGIN;
    this.padding.dataset.side = ["top", "right", "bottom", "left"][widest];
    const size = widest % 2 ? this.view.width : this.view.height;
    this.padding.style.setProperty("--margin", `${(100 * margins[widest]) / size}%`);
    const crosses = marks.map((place) => this.cross(place, unit)).join("");
    for (const path of this.overlay.querySelectorAll(".crosses")) path.setAttribute("d", crosses);
    this.mark();
  }

  /** A cross in the upper right corner of a tile. */
  cross(place, unit) {
    const { x, y, width, height } = this.lattice.box(place);
    const size = Math.min(CROSS * unit, 0.35 * Math.min(width, height));
    return `M${x + width - 1.5 * size} ${y + 0.5 * size}l${size} ${size}m0 ${-size}l${-size} ${size}`;
  }

  /** The ring around what is picked, the frame around what is pointed at, and its text. */
  mark() {
    const shown = this.over ? this.over.place : this.keyed ? this.at : null;
    this.surround(this.ring, this.lattice ? this.selected : null);
    this.surround(this.cursor, this.lattice ? shown : null);
    if (!this.lattice) return this.tip.hide();
    this.describe();
    if (shown === null) return this.tip.hide();
    const { x, y } = this.over ?? this.corner(shown);
    return this.tip.show(this.lattice.text(shown), x, y, this.over ? 18 : 8);
  }

  surround(group, place) {
    group.setAttribute("visibility", place === null ? "hidden" : "visible");
    if (place === null) return;
    for (const rect of group.children) {
      for (const [name, value] of Object.entries(this.lattice.box(place))) rect.setAttribute(name, value);
    }
  }

  /** The one option that stands for all: that at the keyboard's place. */
  describe() {
    const { option, places, at } = this;
    option.id = `place-${at}`; // a new one, so that it is read out
    option.setAttribute("aria-label", this.lattice.text(at));
    option.setAttribute("aria-selected", String(at === this.selected));
    option.setAttribute("aria-posinset", at + 1);
    option.setAttribute("aria-setsize", this.lattice.count);
    places.setAttribute("aria-activedescendant", option.id);
  }

  /** Where the lower left corner of a place is in the window. */
  corner(place) {
    const box = this.lattice.box(place);
    const shown = this.places.getBoundingClientRect();
    const zoom = shown.width / this.data.width;
    return { x: shown.left + box.x * zoom, y: shown.top + (box.y + box.height) * zoom };
  }

  // ---- Pointer and keyboard ----

  point(event) {
    clearTimeout(this.timer);
    this.over = event && this.placeAt(event);
    if (event) this.keyed = false;
    this.mark();
  }

  placeAt({ clientX, clientY }) {
    const shown = this.places.getBoundingClientRect();
    const zoom = this.data.width / shown.width;
    const place = this.lattice.at((clientX - shown.left) * zoom, (clientY - shown.top) * zoom);
    return place === null ? null : { place, x: clientX, y: clientY };
  }

  click(event) {
    const over = this.placeAt(event);
    if (!over) return;
    this.at = over.place;
    this.keyed = false;
    if (event.pointerType === "touch") {
      this.point(event);
      this.timer = setTimeout(() => this.point(null), TOUCHED);
    }
    this.pick(over.place);
  }

  key(event) {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const next = this.lattice.next(event.key, this.at);
    if (next !== undefined) {
      this.at = next;
      this.over = null;
    } else if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    this.keyed = true;
    if (next === undefined) this.pick(this.at);
    else this.mark();
  }

  pick(place) {
    if (this.data.clickable) {
      this.selected = place; // at once: the answer takes a moment
      this.component.setStateValue("picked", this.picks.next(this.lattice.write(place)));
    }
    this.mark();
  }
}
