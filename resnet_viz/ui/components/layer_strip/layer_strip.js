// The layer strip: thumbnails through the network, one of them picked. picking.js is put before
// this: a component is one module.

const PAUSE = 120; // milliseconds without a step until Python hears where the keyboard led
const MARGIN = 48; // CSS pixels that what is picked keeps from the ends of the strip

export default (component) => keep(LayerStrip, ".layer-strip", component);

const span = (name, text = "") => {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
};

class LayerStrip {
  constructor(root) {
    this.root = root;
    this.strip = root.querySelector(".strip");
    this.picks = new Picks();
    this.tip = new Tip(root);
    this.options = [];
    this.selected = null; // a number in the strip
    this.listen();
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.strip);
  }

  stop() {
    this.observer.disconnect();
    clearTimeout(this.timer);
    URL.revokeObjectURL(this.sheet);
  }

  listen() {
    const { strip } = this;
    strip.onclick = (event) => {
      const option = event.target.closest(".stop");
      if (option) this.pick(this.options.indexOf(option), 0);
    };
    strip.onkeydown = (event) => this.key(event);
    strip.onpointerover = (event) => this.hover(event);
    strip.onpointerleave = strip.onscroll = () => this.tip.hide();
  }

  // ---- Data ----

  show(data) {
    const { digest } = this.data ?? {};
    this.data = data;
    this.strip.setAttribute("aria-label", data.alt);
    if (digest !== data.digest) this.build();
    // Until Python has heard of what was picked here, what it says is older.
    const selected = this.picks.awaiting(data.heard) ? this.wanted : data.selected;
    const place = data.stops.findIndex(({ path }) => path === selected);
    this.select(place < 0 ? null : place, digest ? "smooth" : "instant");
    if (digest !== data.digest) this.resized();
  }

  build() {
    const { stops, sheet } = this.data;
    this.options = stops.map((stop, index) => this.option(stop, index, stops[index - 1]));
    this.strip.replaceChildren(...this.options);
    this.marked = null;
    this.load(sheet);
  }

  /** All thumbnails are in one picture; the one before stays until the new one can be drawn. */
  load(source) {
    const bytes = Uint8Array.from(atob(source), (each) => each.charCodeAt(0));
    const sheet = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    const before = this.sheet;
    this.sheet = sheet;
    const image = new Image();
    image.src = sheet;
    const swap = () => {
      if (this.sheet === sheet) this.strip.style.setProperty("--sheet", `url("${sheet}")`);
      URL.revokeObjectURL(before);
    };
    image.decode().then(swap, swap); // one that was overtaken cannot be decoded
  }

  option(stop, index, before) {
    const { x, y, width, height, sheets } = stop;
    const option = document.createElement("div");
    option.id = `stop-${index}`;
    option.className = "stop";
    option.classList.toggle("first", stop.colour !== before?.colour);
    option.classList.toggle("downsample", stop.downsample);
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.setAttribute("aria-label", `${stop.label}, ${stop.shape}`);
    if (stop.downsample) option.setAttribute("aria-description", "downsample point");
    option.style.setProperty("--stage", stop.colour);
    option.style.setProperty("--thumb", `${width}px`);
    const thumb = span("thumb");
    thumb.style.cssText = `width: ${width}px; height: ${height}px; background-position: ${-x}px ${-y}px`;
    const slab = span("slab");
    slab.style.setProperty("--sheets", sheets);
    slab.append(...Array.from({ length: sheets }, (_, each) => this.behind(sheets - each)), thumb);
    const name = span("name");
    name.append(span("label", stop.label), span("shape", stop.shape));
    const band = span("band");
    option.append(slab, band, name);
    option.tip = [stop.label, stop.shape, ...(stop.downsample ? ["downsample point"] : [])].join("\n");
    return option;
  }

  /** A sheet behind the thumbnail: the more channels, the more of them. */
  behind(step) {
    const sheet = span("sheet");
    sheet.style.setProperty("--step", step);
    return sheet;
  }

  // ---- What is picked ----

  select(index, behaviour) {
    const [before, now] = [this.marked, this.options[index ?? -1]];
    if (now && now === before) return;
    this.selected = index;
    this.marked = now;
    before?.setAttribute("aria-selected", "false");
    before?.style.removeProperty("--shift");
    if (!now) return this.strip.removeAttribute("aria-activedescendant");
    now.setAttribute("aria-selected", "true");
    this.strip.setAttribute("aria-activedescendant", now.id);
    this.reveal(behaviour);
  }

  /** Scroll the strip, not the page, to what is picked, and keep its name within the strip. */
  reveal(behaviour) {
    const { strip, marked } = this;
    if (!marked) return;
    const middle = marked.offsetLeft + marked.offsetWidth / 2;
    const name = marked.querySelector(".name").offsetWidth / 2;
    const shift = within(middle, name, Math.max(name, strip.scrollWidth - name)) - middle;
    marked.style.setProperty("--shift", `${shift}px`);
    const start = strip.scrollLeft + MARGIN;
    if (middle < start || middle > start + strip.clientWidth - 2 * MARGIN) {
      const left = middle - strip.clientWidth / 2;
      // A long way would pass in a blur.
      const far = Math.abs(left - strip.scrollLeft) > 2 * strip.clientWidth;
      const calm = far || matchMedia("(prefers-reduced-motion: reduce)").matches;
      strip.scrollTo({ left, behavior: calm ? "instant" : behaviour });
    }
  }

  /** Names are shown where they have room; that of what is picked is always. */
  resized() {
    if (!this.strip.clientWidth) return;
    const fits = this.options.map((option) => {
      const room = option.clientWidth - 2;
      const [label, shape] = option.querySelector(".name").children;
      return [label.offsetWidth <= room, shape.offsetWidth <= room];
    });
    for (const [index, { classList }] of this.options.entries()) {
      classList.toggle("tight", !fits[index][0]);
      classList.toggle("tight-shape", !fits[index][1]);
    }
    this.reveal("instant");
  }

  pick(index, pause, behaviour = "smooth") {
    this.select(index, behaviour); // at once: the answer takes a moment
    this.wanted = this.data.stops[index].path;
    const pick = this.picks.next(this.wanted);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.component.setStateValue("picked", pick), pause);
  }

  // ---- Pointer and keyboard ----

  hover(event) {
    const option = event.pointerType === "touch" ? null : event.target.closest(".stop");
    if (!option) return this.tip.hide();
    const { left, bottom } = option.getBoundingClientRect();
    return this.tip.show(option.tip, left, bottom, 4);
  }

  key(event) {
    if (event.altKey || event.metaKey || event.ctrlKey || !this.options.length) return;
    const last = this.options.length - 1;
    const { selected } = this;
    const places = {
      ArrowLeft: selected === null ? 0 : Math.max(selected - 1, 0),
      ArrowRight: selected === null ? 0 : Math.min(selected + 1, last),
      Home: 0,
      End: last,
      Enter: selected,
      " ": selected,
    };
    const place = places[event.key];
    if (place === undefined) return;
    event.preventDefault();
    this.tip.hide();
    if (place !== null && place !== selected) this.pick(place, PAUSE, event.repeat ? "instant" : "smooth");
  }
}
