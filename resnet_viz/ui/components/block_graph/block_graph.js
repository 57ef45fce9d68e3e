// The block graph: where one looks, what one points at, and the messages to Python. Streamlit
// calls the default function with each change of data or theme, and what it returns when the
// component goes away. What stands in drawing.js is put before this: a component is one module.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const NARROW = 640; // CSS pixels
const TOP = 40; // room for the buttons above the drawing
const LOWEST = 360; // the least height of the view
const LARGEST = 4; // zoom
const LARGEST_FIT = 1.25;
const SMALLEST_FIT = 0.85; // below, text is hard to read
const DRAG = 4; // pixels that make a click a drag
const STEP = 60; // pixels that an arrow key pans
const MAP = 140; // pixels

const graphs = new WeakMap();

export default function (component) {
  const { parentElement } = component;
  const root = parentElement.querySelector(".graph");
  let graph = graphs.get(parentElement);
  if (graph?.root !== root) {
    graph?.stop();
    graph = new Graph(root);
    graphs.set(parentElement, graph);
  }
  graph.show(component);
  return () => {
    graph.stop();
    graphs.delete(parentElement);
  };
}

class Graph {
  constructor(root) {
    this.root = root;
    for (const name of ["view", "canvas", "overlay", "ring", "cursor", "handles", "map", "window", "tip"]) {
      this[name] = root.querySelector(`.${name}`);
    }
    this.drawing = new Drawing(root.querySelector(".drawing"));
    this.pointers = new Map();
    // What was toggled until Python says that it knows: a message may be overtaken by the next.
    this.mount = crypto.getRandomValues(new Uint32Array(2)).join("-");
    this.serial = 0;
    this.asked = [];
    this.x = this.y = 0; // where the drawing's corner lies in the view
    this.k = 1; // zoom
    this.listen();
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(root);
  }

  stop() {
    this.observer.disconnect();
    clearTimeout(this.timer);
  }

  listen() {
    const { view, map } = this;
    view.onpointerdown = (event) => this.press(event);
    view.onpointermove = (event) => this.move(event);
    view.onpointerup = view.onpointercancel = (event) => this.release(event);
    view.onpointerover = (event) => this.hover(event);
    view.onpointerleave = () => this.hover(null);
    view.onclick = (event) => this.click(event);
    view.ondblclick = (event) => this.doubleClick(event);
    view.onwheel = (event) => this.wheel(event);
    view.onkeydown = (event) => this.key(event);
    view.addEventListener("focusin", (event) => this.entered(event)); // once: there is no property
    view.addEventListener("focusout", () => this.left());
    // The browser may pan with two fingers too, unless it is told that they are taken.
    view.ontouchmove = (event) => {
      if (event.touches.length > 1) event.preventDefault();
    };
    map.onpointerdown = map.onpointermove = (event) => this.pointAt(event);
    const actions = { in: () => this.zoom(1.25), out: () => this.zoom(0.8), fit: () => this.fitWidth() };
    for (const button of this.root.querySelectorAll("button")) button.onclick = actions[button.dataset.do];
  }

  // ---- Data ----

  show(component) {
    const { data } = component;
    const before = { view: this.data?.view, svg: this.data?.svg, boxes: this.drawing.boxes, k: this.k };
    this.component = component;
    this.data = data;
    if (data.applied.mount === this.mount) {
      this.asked = this.asked.filter(({ serial }) => serial > data.applied.serial);
    }
    this.narrowTold ??= data.narrow;
    this.drawing.svg.setAttribute("aria-label", data.label);
    if (data.svg !== before.svg && !this.drawing.read(data.svg)) return;
    const seen = data.focus === this.focus;
    this.focus = data.focus;
    const anew = before.view !== data.view || (this.turned && data.svg !== before.svg);
    if (anew) this.turned = false;
    this.place(anew ? null : before);
    if (!seen && this.drawing.boxes?.has(this.focus)) this.reveal(this.focus);
  }

  /** Everything that depends on sizes; `before` is what to hold on to, null to fit anew. */
  place(before) {
    if (!this.resize()) return;
    if (!this.drawing.boxes) {
      this.drawing.measure();
      this.drawMap();
    }
    this.handlesOf = new Map();
    for (const handle of this.data.handles) {
      this.handlesOf.set(handle.node, [...(this.handlesOf.get(handle.node) ?? []), handle]);
    }
    this.drawHandles();
    this.describe();
    if (before?.boxes) this.hold(before);
    else this.fit();
    this.light(this.lit);
    this.report();
  }

  drawHandles() {
    const { boxes, size, corner } = this.drawing;
    const drawn = this.data.handles.filter(({ node }) => boxes.has(node));
    this.overlay.setAttribute("transform", `translate(${corner.x} ${corner.y})`);
    this.handles.replaceChildren(...drawn.map((handle) => markOf(handle, boxes.get(handle.node), size)));
  }

  /** What is said of the nodes to those who cannot see them, and the ring around one. */
  describe() {
    const { boxes, links, order } = this.drawing;
    if (!boxes.has(this.current)) this.current = boxes.has(this.focus) ? this.focus : order[0];
    for (const id of links.keys()) {
      const element = this.drawing.element(id);
      const handles = this.handlesOf.get(id) ?? [];
      element.setAttribute("aria-pressed", String(id === this.focus));
      element.classList.toggle("focused", id === this.focus);
      element.tabIndex = id === this.current ? 0 : -1;
      if (handles.length) {
        element.setAttribute("aria-expanded", String(handles[0].open));
        element.setAttribute("aria-description", handles.map((handle, index) => `${index ? "Shift+Space" : "Space"}: ${handle.label}`).join("; "));
      } else {
        element.removeAttribute("aria-expanded");
        element.removeAttribute("aria-description");
      }
    }
    this.surround(this.ring, this.focus, 4);
    if (this.cursorAt) this.surround(this.cursor, this.cursorAt, 7);
  }

  surround(rect, id, margin) {
    const box = this.drawing.boxes?.get(id);
    rect.setAttribute("visibility", box ? "visible" : "hidden");
    if (!box) return;
    const sizes = { x: box.x - margin, y: box.y - margin, width: box.w + 2 * margin, height: box.h + 2 * margin };
    for (const [name, value] of Object.entries(sizes)) rect.setAttribute(name, value);
  }

  // ---- Messages ----

  choose(id) {
    if (id === null && this.focus === null) return;
    this.focus = id;
    this.describe(); // at once: the answer takes a moment
    this.component.setTriggerValue("focus", id ?? "");
  }

  toggle({ key, node }) {
    this.toggled = { key, node };
    this.asked.push({ serial: (this.serial += 1), key });
    this.component.setTriggerValue("toggle", { mount: this.mount, asked: this.asked });
  }

  report() {
    const narrow = this.width < NARROW;
    if (narrow === this.narrowTold) return;
    this.narrowTold = narrow;
    this.turned = true; // the next drawing is another
    this.component.setStateValue("narrow", narrow);
  }

  // ---- Where one looks ----

  /** The view's size; false while it is not shown. */
  resize() {
    this.width = this.view.clientWidth;
    if (!this.width || !this.drawing.size) return false;
    const narrow = this.width < NARROW;
    this.root.classList.toggle("narrow", narrow);
    this.top ??= this.root.getBoundingClientRect().top;
    this.widest = Math.min(LARGEST_FIT, this.width / this.drawing.size.w);
    // Beside the inspector, a part of the drawing at a size that can be read.
    this.legible = narrow ? this.widest : Math.max(this.widest, SMALLEST_FIT);
    const kept = narrow || this.touched || !this.drawing.boxes ? 0 : Math.min(this.k, LARGEST_FIT);
    const full = Math.ceil(this.drawing.size.h * Math.max(this.legible, kept)) + TOP;
    this.height = narrow ? full : Math.min(full, Math.max(LOWEST, Math.floor(innerHeight - this.top - 16)));
    this.view.style.height = `${this.height}px`;
    this.tallest = (this.height - TOP) / this.drawing.size.h;
    this.smallest = Math.min(this.widest, this.tallest);
    return true;
  }

  resized() {
    if (!this.data || this.view.clientWidth === this.width) return;
    const { width, touched } = this;
    if (!this.drawing.boxes) this.place(null);
    else if (this.resize()) {
      const turned = width < NARROW !== this.width < NARROW;
      if (turned || (!touched && this.width > width)) this.fit();
      else {
        // Something has come to stand beside: what was clicked stays where it is, if it can.
        this.k = within(this.k, this.smallest, LARGEST);
        this.apply();
        this.reveal(this.focus);
        this.touched = touched;
      }
      this.report();
    }
  }

  fit() {
    // All of it, if that makes it little smaller; else as wide as the view, the map at its side.
    const whole = this.tallest >= Math.max(SMALLEST_FIT, 0.85 * this.widest);
    const beside = this.width < NARROW ? this.legible : Math.max(SMALLEST_FIT, 0.9 * this.widest);
    this.k = whole ? Math.min(this.legible, this.tallest) : beside;
    this.x = this.y = Infinity; // the start
    this.touched = false;
    this.apply();
    this.reveal(this.focus);
    this.root.classList.remove("gliding");
  }

  fitWidth() {
    this.zoom(this.widest / this.k);
  }

  /** Keep a node where it was on the screen: what was toggled, else what one works at or looks at. */
  hold({ boxes, k }) {
    const node = this.toggled?.node;
    const pairs = [
      [node, node],
      [node, this.data.handles.find((handle) => handle.key === this.toggled?.key)?.node],
      [node, this.toggled?.key],
      [this.cursorAt, this.cursorAt],
      ...this.central(boxes).map((id) => [id, id]),
    ];
    const [from, to] = pairs.find(([a, b]) => boxes.has(a) && this.drawing.boxes.has(b)) ?? [];
    if (boxes !== this.drawing.boxes) this.toggled = null;
    this.k = within(k, this.smallest, LARGEST);
    if (from !== undefined) {
      const [old, now] = [boxes.get(from), this.drawing.boxes.get(to)];
      this.x += old.x * k - now.x * this.k;
      this.y += old.y * k - now.y * this.k;
    }
    this.apply();
  }

  /** Nodes by their distance from the middle of the view. */
  central(boxes) {
    if (boxes === this.drawing.boxes) return [...boxes.keys()].slice(0, 1);
    const x = (this.width / 2 - this.x) / this.k;
    const y = (this.height / 2 - this.y) / this.k;
    const far = ([, box]) => Math.hypot(middle(box).x - x, middle(box).y - y);
    return [...boxes].sort((a, b) => far(a) - far(b)).map(([id]) => id);
  }

  apply() {
    const [w, h] = [this.drawing.size.w * this.k, this.drawing.size.h * this.k];
    this.wide = w > this.width + 1;
    const overflows = this.wide || h > this.height - TOP + 1;
    // A little further than the edge, so that nothing stays under the map.
    const slack = overflows && this.width >= NARROW ? this.mapHeight + 16 : 0;
    this.x = slide(this.x, w, 0, this.width, 0);
    this.y = slide(this.y, h, TOP, this.height, slack);
    this.canvas.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.k})`;
    this.handles.style.setProperty("--handle", Math.min(1.6, 1 / this.k));
    this.overflows = overflows;
    this.root.classList.toggle("overflows", overflows);
    const left = Math.max(0, -this.x / this.k);
    const top = Math.max(0, -this.y / this.k);
    this.window.setAttribute("x", left);
    this.window.setAttribute("y", top);
    this.window.setAttribute("width", Math.max(0, Math.min(this.drawing.size.w, (this.width - this.x) / this.k) - left));
    this.window.setAttribute("height", Math.max(0, Math.min(this.drawing.size.h, (this.height - this.y) / this.k) - top));
  }

  pan(dx, dy, glide = false) {
    this.root.classList.toggle("gliding", glide);
    this.x += dx;
    this.y += dy;
    this.touched = true;
    this.apply();
  }

  zoomAt(x, y, factor) {
    const k = within(this.k * factor, this.smallest, LARGEST);
    this.x = x - ((x - this.x) * k) / this.k;
    this.y = y - ((y - this.y) * k) / this.k;
    this.k = k;
    this.pan(0, 0);
  }

  zoom(factor) {
    this.zoomAt(this.width / 2, (this.height + TOP) / 2, factor);
    this.root.classList.add("gliding");
    this.showTip(null);
  }

  /** Pan as little as needed to see a node; of one that is too large, its start. */
  reveal(id) {
    const box = this.drawing.boxes?.get(id);
    if (!box) return;
    const need = (start, length, low, high) =>
      start < low || length > high - low ? low - start : Math.min(0, high - start - length);
    const touched = this.touched;
    const [x, y] = [this.x + box.x * this.k, this.y + box.y * this.k];
    const dx = need(x, box.w * this.k, 12, this.width - 12);
    let dy = need(y, box.h * this.k, TOP, this.height - 12);
    const map = this.mapHeight + 20; // do not leave it under the map
    const covered = this.overflows && x + dx + box.w * this.k > this.width - MAP - 20;
    if (covered && this.height > 2 * map) dy = need(y, box.h * this.k, TOP, this.height - map);
    if (dx || dy) this.pan(dx, dy, true);
    this.touched = touched;
  }

  // ---- Map ----

  drawMap() {
    const { size } = this.drawing;
    const scale = Math.min(MAP / size.w, (0.4 * this.height) / size.h);
    this.mapHeight = size.h * scale;
    this.map.setAttribute("viewBox", `0 0 ${size.w} ${size.h}`);
    this.map.setAttribute("width", size.w * scale);
    this.map.setAttribute("height", this.mapHeight);
    this.map.querySelector("g").replaceChildren(...this.drawing.outline());
  }

  pointAt(event) {
    if (!(event.buttons & 1)) return;
    event.preventDefault();
    this.map.setPointerCapture(event.pointerId);
    const box = this.map.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.drawing.size.w;
    const y = ((event.clientY - box.top) / box.height) * this.drawing.size.h;
    this.pan(this.width / 2 - this.x - x * this.k, this.height / 2 - this.y - y * this.k);
  }

  // ---- Pointers ----

  pointOf(event) {
    const box = this.view.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  press(event) {
    if (event.button) return;
    if (!this.pointers.size) this.dragged = false;
    this.pointers.set(event.pointerId, this.pointOf(event));
    this.start = this.pointOf(event);
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    if (!event.buttons) return this.release(event); // it was let go outside
    const now = this.pointOf(event);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (!this.dragged && !other && Math.hypot(now.x - this.start.x, now.y - this.start.y) <= DRAG) return;
    if (!this.dragged) this.grab(event);
    this.pointers.set(event.pointerId, now);
    if (other) this.pinch(last, now, other);
    else this.pan(now.x - last.x, now.y - last.y);
  }

  grab(event) {
    this.dragged = true;
    // Not earlier: a captured pointer's click would be the view's instead of the node's.
    this.view.setPointerCapture(event.pointerId);
    this.root.classList.add("moving");
    this.hover(null);
  }

  pinch(last, now, other) {
    const spread = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
    this.pan((now.x - last.x) / 2, (now.y - last.y) / 2);
    this.zoomAt((now.x + other.x) / 2, (now.y + other.y) / 2, spread(now) / spread(last));
  }

  release(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.root.classList.remove("moving");
  }

  click(event) {
    // What assistive technology clicks with has no pointer, and a detail of 0.
    if ((this.dragged && event.detail) || event.detail > 1) return;
    const handle = event.target.closest(".handle");
    if (handle) this.toggle(handle.dataset);
    else this.choose(event.target.closest(".node")?.id ?? null);
  }

  doubleClick(event) {
    const handle = this.handlesOf.get(event.target.closest(".node")?.id)?.[0];
    if (handle && !this.dragged) this.toggle(handle);
  }

  wheel(event) {
    const unit = event.deltaMode ? 16 : 1;
    const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
    if (!event.ctrlKey && (event.shiftKey || Math.abs(dx) > Math.abs(dy))) {
      if (!this.overflows) return;
      event.preventDefault();
      const by = -(dx || dy);
      this.pan(this.wide ? by : 0, this.wide || !event.shiftKey ? 0 : by);
    } else if (event.ctrlKey || dy < 0 || this.k > this.smallest * 1.0001) {
      event.preventDefault();
      const { x, y } = this.pointOf(event);
      this.zoomAt(x, y, Math.exp(-within(dy, -240, 240) * (event.ctrlKey ? 0.01 : 0.0015)));
    } // else all is in view, and the page scrolls
  }

  hover(event) {
    clearTimeout(this.timer);
    if (event && (event.pointerType === "touch" || this.pointers.size)) return;
    const target = event?.target.closest(".node, .edge, .handle");
    const at = event && { x: event.clientX, y: event.clientY, below: 18 };
    // Not while the pointer only passes: it would flicker.
    this.timer = setTimeout(() => {
      this.light(target?.dataset.node ?? target?.id);
      this.showTip(target?.tip ?? this.drawing.parts.get(target?.id)?.tip, at ?? undefined);
    }, event ? 70 : 0);
  }

  /** Make a node, or an edge with its ends, stand out with what it is connected to. */
  light(id) {
    const { svg, layer } = this.drawing;
    this.lit = id;
    const around = this.drawing.around(id);
    for (const element of layer.querySelectorAll(".lit")) element.classList.remove("lit");
    for (const element of around) element.classList.add("lit");
    this.drawing.element(id)?.classList.add("lit");
    svg.classList.toggle("dim", around.length > 0);
  }

  showTip(text, { x, y, below } = {}) {
    const { tip } = this;
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    tip.style.left = tip.style.top = "0";
    const root = this.root.getBoundingClientRect();
    const { width, height } = tip.getBoundingClientRect();
    const left = within(x + 10, root.left, Math.max(root.left, root.right - width));
    const top = y + below + height < innerHeight ? y + below : Math.max(0, y - height - 10);
    tip.style.left = `${left - root.left}px`;
    tip.style.top = `${top - root.top}px`;
  }

  // ---- Keyboard ----

  entered(event) {
    const node = event.target.closest(".node");
    if (!node || !this.drawing.boxes) return;
    this.drawing.element(this.current)?.setAttribute("tabindex", "-1");
    this.current = node.id;
    node.setAttribute("tabindex", "0");
    if (!node.matches(":focus-visible")) return;
    clearTimeout(this.timer); // of what the pointer is over
    this.cursorAt = node.id;
    this.surround(this.cursor, node.id, 7);
    this.reveal(node.id);
    this.light(node.id);
    const box = this.drawing.boxes.get(node.id);
    const view = this.view.getBoundingClientRect();
    const at = { x: view.left + this.x + box.x * this.k, y: view.top + this.y + (box.y + box.h) * this.k, below: 10 };
    this.showTip(this.drawing.parts.get(node.id).tip, at);
  }

  left() {
    this.cursorAt = null;
    this.surround(this.cursor, null);
    this.light(null);
    this.showTip(null);
  }

  key(event) {
    const action = event.altKey || event.metaKey ? null : this.action(event);
    if (!action) return;
    event.preventDefault();
    action();
  }

  /** What a key does here; undefined for what is the browser's. */
  action({ key, shiftKey, ctrlKey, target }) {
    const id = target.closest(".node")?.id;
    const arrow = ARROWS[key];
    if (arrow && (shiftKey || ctrlKey || !id)) {
      return this.overflows ? () => this.pan(-STEP * arrow[0], -STEP * arrow[1], true) : undefined;
    }
    if (ctrlKey) return undefined;
    const handle = this.handlesOf?.get(id)?.[shiftKey ? 1 : 0];
    const always = {
      "+": () => this.zoom(1.25),
      "=": () => this.zoom(1.25),
      "-": () => this.zoom(0.8),
      0: () => this.fitWidth(),
      Escape: () => (this.showTip(null), this.choose(null)),
    };
    const onNode = {
      Enter: () => this.choose(id),
      " ": () => handle && this.toggle(handle),
      Home: () => this.go(this.drawing.order[0]),
      End: () => this.go(this.drawing.order.at(-1)),
    };
    if (id && arrow) return () => this.go(this.drawing.towards(id, arrow));
    return always[key] ?? (id ? onNode[key] : undefined);
  }

  go(id) {
    // A narrow graph is as tall as its drawing: there it is the page that scrolls to the node.
    this.drawing.element(id)?.focus({ preventScroll: this.width >= NARROW });
  }
}
