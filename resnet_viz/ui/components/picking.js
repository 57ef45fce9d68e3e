// What the image view and the layer strip share; it is put before the code of each. Texts may come
// from anywhere: they are only ever set as text or as attributes, never parsed as HTML.

const within = (value, low, high) => Math.min(Math.max(value, low), high);
const views = new WeakMap();

/** One view for each place on the page: Streamlit calls with each change of data or theme. */
function keep(View, selector, component) {
  const { parentElement } = component;
  const root = parentElement.querySelector(selector);
  let view = views.get(parentElement);
  if (view?.root !== root) {
    view?.stop();
    view = new View(root);
    views.set(parentElement, view);
  }
  view.component = component;
  view.show(component.data);
  return () => {
    view.stop();
    views.delete(parentElement);
  };
}

/** Numbers what is picked, so that Python hears each once and says up to which it has heard. */
class Picks {
  constructor() {
    this.mount = crypto.getRandomValues(new Uint32Array(2)).join("-");
    this.count = 0;
  }

  next(place) {
    this.count += 1;
    return { mount: this.mount, count: this.count, place };
  }

  /** Whether what Python says is older than the last pick. */
  awaiting(heard) {
    return this.count > (heard.mount === this.mount ? heard.count : 0);
  }
}

class Tip {
  constructor(root) {
    this.root = root;
    this.element = root.querySelector(".tip");
  }

  hide() {
    this.element.hidden = true;
  }

  /** A text beside a place in the window, over it where there is no room below. */
  show(text, x, y, below) {
    const { element } = this;
    element.hidden = !text;
    if (!text) return;
    element.textContent = text;
    element.style.left = element.style.top = "0";
    const root = this.root.getBoundingClientRect();
    const { width, height } = element.getBoundingClientRect();
    const left = within(x + 10, root.left, Math.max(root.left, root.right - width));
    const top = y + below + height < innerHeight ? y + below : Math.max(0, y - height - 10);
    element.style.left = `${left - root.left}px`;
    element.style.top = `${top - root.top}px`;
  }
}
