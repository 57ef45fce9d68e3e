// The size map: a picture over height and width, names and lines on it, the chosen size as a cross,
// and the pointer's or the keyboard's. picking.js and formulas.js are put before this.

const NEAR = 6; // CSS pixels at which the pointer takes a marked size
const TAPPED = 24; // CSS pixels at which a second tap means the first
const ROOM = 3; // CSS pixels between names
const APART = 14; // CSS pixels between a place and its text
const ROOMY = 400; // CSS pixels of a map with eight ticks along a side

export default (component) => keep(SizeMap, ".size-map", component);

class SizeMap {
  constructor(root) {
    this.root = root;
    for (const name of ["across", "down", "map", "base", "overlay", "labels", "ring", "title", "bar", "ticks", "step", "use", "said"]) {
      this[name] = root.querySelector(`.${name}`);
    }
    this.picks = new Picks();
    this.tip = new TipBeside(root);
    this.selected = null; // height and width
    this.at = null; // the size pointed at, and how: by mouse, touch or key
    this.by = null;
    this.pointer = null; // the event that moved the mouse there
    this.listen();
    this.observer = new ResizeObserver(() => this.data && this.resized());
    this.observer.observe(this.map);
  }

  stop() {
    this.observer.disconnect();
  }

  listen() {
    const { map, use } = this;
    map.onpointermove = (event) => event.pointerType !== "touch" && this.point(this.sizeAt(event), "mouse", event);
    map.onpointerleave = (event) => event.pointerType !== "touch" && this.by === "mouse" && this.leave();
    map.onclick = (event) => this.click(event);
    map.onkeydown = (event) => this.key(event);
    map.onfocus = () => map.matches(":focus-visible") && this.point(this.selected, "key");
    map.onblur = (event) => event.relatedTarget !== use && this.leave();
    use.onclick = () => this.pick(this.at);
    use.onmousedown = (event) => event.preventDefault(); // the map keeps the focus
    use.onblur = (event) => event.relatedTarget !== map && this.leave();
  }

  // ---- Data ----

  show(data) {
    this.data = data;
    this.formulas = new Formulas(data.formulas);
    if (this.base.src !== data.image) this.base.src = data.image;
    const { count } = data;
    this.overlay.setAttribute("viewBox", `0 0 ${count} ${count}`);
    this.draw(".diagonal", `M0 0L${count} ${count}`);
    const labelled = data.lines.filter(({ label }) => label).map(({ path }) => path).join("");
    this.draw(".halo", labelled);
    this.draw(".line", labelled);
    this.draw(".edges", data.lines.filter(({ label }) => !label).map(({ path }) => path).join(""));
    this.step.textContent = data.step > 1 ? `sizes in steps of ${data.step} pixels` : "";
    if (!this.picks.awaiting(data.heard)) {
      const before = this.selected?.join();
      this.selected = data.selected;
      // Chosen elsewhere, or reached.
      if (this.by !== "mouse" && before !== data.selected.join()) this.at = this.by = null;
    }
    if (this.by === "mouse") this.at = this.sizeAt(this.pointer);
    else if (this.at && Math.max(...this.at) > count * data.step) this.at = this.by = null;
    this.resized();
  }

  draw(selector, path) {
    for (const element of this.overlay.querySelectorAll(selector)) element.setAttribute("d", path);
  }

  // ---- Sizes and places ----

  /** Where a size is along an axis, from 0 to 1. */
  share(size) {
    return (size / this.data.step - 0.5) / this.data.count;
  }

  /** The size under the pointer: a marked one near by, else one of those that are drawn. */
  sizeAt({ clientX, clientY }) {
    const box = this.map.getBoundingClientRect();
    const x = clientX - box.left;
    const y = clientY - box.top;
    let nearest = NEAR;
    let found = null;
    for (const { height, width } of this.data.marks) {
      const distance = Math.hypot(this.share(width) * box.width - x, this.share(height) * box.height - y);
      if (distance < nearest) [nearest, found] = [distance, [height, width]];
    }
    const { count, step } = this.data;
    const drawn = (offset, length) => (within(Math.floor((offset / length) * count), 0, count - 1) + 1) * step;
    return found ?? [drawn(y, box.height), drawn(x, box.width)];
  }

  text([height, width]) {
    const mark = this.data.marks.find((each) => each.height === height && each.width === width);
    const named = mark && String(height) !== mark.name ? `, ${mark.name}` : "";
    return [`${height} × ${width}${named}`, ...this.formulas.lines(height, width)];
  }

  // ---- What depends on the size of the component ----

  resized() {
    const shown = this.map.clientWidth;
    if (!shown) return;
    const { count, step, bar } = this.data;
    this.base.style.imageRendering = count <= shown * devicePixelRatio ? "pixelated" : "auto";
    const parts = shown < ROOMY ? 4 : 8;
    for (const [axis, side] of [[this.across, "left"], [this.down, "top"]]) {
      const ticks = Array.from({ length: parts }, (_, index) => {
        const size = ((index + 1) * count * step) / parts;
        return span("tick", String(size), { [side]: this.share(size) });
      });
      axis.replaceChildren(axis.querySelector(".name"), ...ticks);
    }
    this.drawBar(bar);
    this.nameMarks();
    this.mark();
  }

  drawBar({ title, colours, stepped, ticks }) {
    const stops = colours.map((colour, index) =>
      stepped ? `${colour} ${(100 * index) / colours.length}% ${(100 * (index + 1)) / colours.length}%` : colour,
    );
    this.title.textContent = title;
    this.bar.style.background = stops.length > 1 ? `linear-gradient(to right, ${stops.join(", ")})` : colours[0];
    const drawn = ticks.map(({ label, at }) => span("tick", label, { left: at }));
    ticks.forEach(({ at }, index) => {
      drawn[index].classList.toggle("first", at < 0.03);
      drawn[index].classList.toggle("last", at > 0.97);
    });
    this.ticks.replaceChildren(...drawn);
    // The greatest value is the one to know first.
    unclutter([...drawn].reverse(), this.ticks.getBoundingClientRect());
  }

  nameMarks() {
    const { marks, lines, count } = this.data;
    const dots = marks.map(({ height, width }) => span("dot", "", { left: this.share(width), top: this.share(height) }));
    const names = marks.map(({ height, width, name }) =>
      span("name-of mark", name, { left: this.share(width), top: this.share(height) }),
    );
    const values = lines
      .filter(({ at }) => at)
      .map(({ label, at: [x, y] }) => span("name-of value", label, { left: x / count, top: y / count }));
    this.labels.replaceChildren(...dots, ...names, ...values);
    const box = this.labels.getBoundingClientRect();
    for (const name of names) {
      const { right, bottom } = name.getBoundingClientRect();
      name.classList.toggle("left", right > box.right);
      name.classList.toggle("low", bottom > box.bottom);
    }
    unclutter([...names, ...values.reverse()], box, dots);
  }

  /** The crosses of what is chosen and pointed at, the button and the texts. */
  mark() {
    this.cross(".chosen", this.selected);
    Object.assign(this.ring.style, { left: percent(this.share(this.selected[1])), top: percent(this.share(this.selected[0])) });
    this.cross(".cursor", this.at);
    const waiting = this.at && this.by !== "mouse" && this.at.join() !== this.selected.join();
    this.use.hidden = !waiting;
    if (waiting) this.use.textContent = `Use ${this.at.join(" × ")}`;
    this.map.setAttribute("aria-label", `${this.data.alt}. ${this.text(this.at ?? this.selected).join(", ")}`);
    this.said.textContent = this.by === "key" ? this.text(this.at).join(", ") : "";
    if (!this.at) return this.tip.hide();
    const { clientX, clientY } = this.pointer ?? this.placeOf(this.at);
    return this.tip.show(this.text(this.at).join("\n"), clientX, clientY, this.map.getBoundingClientRect());
  }

  cross(selector, size) {
    const group = this.overlay.querySelector(selector);
    group.setAttribute("visibility", size ? "visible" : "hidden");
    if (!size) return;
    const { count } = this.data;
    const [y, x] = size.map((side) => this.share(side) * count);
    for (const path of group.children) path.setAttribute("d", `M0 ${y}H${count}M${x} 0V${count}`);
  }

  /** Where a size is in the window. */
  placeOf([height, width]) {
    const box = this.map.getBoundingClientRect();
    return { clientX: box.left + this.share(width) * box.width, clientY: box.top + this.share(height) * box.height };
  }

  // ---- Pointer and keyboard ----

  point(size, by, pointer) {
    this.at = size;
    this.by = by;
    this.pointer = pointer ?? null;
    this.mark();
  }

  leave() {
    this.point(null, null);
  }

  /** A click chooses; a tap shows its size, and a second one on it chooses. */
  click(event) {
    const size = this.sizeAt(event);
    if (event.pointerType !== "touch") return this.pick(size);
    if (this.by === "touch") {
      const { clientX, clientY } = this.placeOf(this.at);
      if (Math.hypot(clientX - event.clientX, clientY - event.clientY) < TAPPED) return this.pick(this.at);
    }
    return this.point(size, "touch");
  }

  key(event) {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const from = this.at ?? this.selected;
    if (event.key in moves) this.point(this.moved(from, moves[event.key], event.shiftKey), "key");
    else if (event.key === "Escape") this.leave();
    else if (event.key === "Enter" || event.key === " ") this.pick(from);
    else return;
    event.preventDefault();
  }

  /** One pixel on; with Shift to the next size that the output stride divides. */
  moved(from, move, far) {
    const most = this.data.count * this.data.step;
    return from.map((side, axis) => {
      const stride = far ? this.formulas.stride[axis] : 1;
      const next = move[axis] > 0 ? Math.floor(side / stride) + 1 : Math.ceil(side / stride) - 1;
      return move[axis] ? within(next * stride, 1, most) : side;
    });
  }

  pick(size) {
    this.selected = size; // at once: the answer takes a moment
    this.component.setStateValue("picked", this.picks.next(size));
    if (this.by === "touch") this.leave();
    else this.mark();
    if (this.by === "key") this.map.focus(); // the button is gone
  }
}

/** A text towards the middle of the map, so that it covers neither its legend nor what is beside. */
class TipBeside extends Tip {
  show(text, x, y, map) {
    super.show(text, x, y, 0);
    const { width, height } = this.element.getBoundingClientRect();
    const root = this.root.getBoundingClientRect();
    const left = x > map.left + map.width / 2 ? x - width - APART : x + APART;
    const top = y > map.top + map.height / 2 ? y - height - APART : y + APART;
    this.element.style.left = `${within(left, root.left, Math.max(root.left, root.right - width)) - root.left}px`;
    this.element.style.top = `${top - root.top}px`;
  }
}

const percent = (share) => `${100 * share}%`;

function span(name, text, shares) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  for (const [side, share] of Object.entries(shares)) element.style[side] = percent(share);
  return element;
}

/** Hide each text that would touch one before it or a dot of another, or leave the box. */
function unclutter(texts, around, dots = []) {
  const taken = [];
  const inTheWay = dots.map((dot) => dot.getBoundingClientRect());
  for (const text of texts) {
    const box = text.getBoundingClientRect();
    const touches = (other) =>
      box.left < other.right + ROOM && other.left < box.right + ROOM && box.top < other.bottom && other.top < box.bottom;
    const out = box.left < around.left - 1 || box.right > around.right + 1 || box.top < around.top - 3 || box.bottom > around.bottom + 3;
    const crowded = out || [...taken, ...inTheWay].some(touches);
    text.classList.toggle("crowded", crowded);
    if (!crowded) taken.push(box);
  }
}
