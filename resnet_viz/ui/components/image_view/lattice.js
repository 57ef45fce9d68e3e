// What can be pointed at in a picture: the tiles of a mosaic or the cells of a map of values. A
// place is the number of one in reading order. This is put before image_view.js.

/** The tiles or cells: where they lie in the picture, and what is said of them. */
class Lattice {
  constructor(data) {
    Object.assign(this, data);
  }

  box(place) {
    const [height, width] = this.cell;
    const row = Math.floor(place / this.columns);
    const column = place % this.columns;
    return { x: this.gap + column * (width + this.gap), y: this.gap + row * (height + this.gap), width, height };
  }

  /** The place at a point of the picture; null in a gap. */
  at(x, y) {
    const row = this.along(y, this.cell[0], this.rows);
    const column = this.along(x, this.cell[1], this.columns);
    const place = row === null || column === null ? this.count : row * this.columns + column;
    return place < this.count ? place : null;
  }

  along(offset, length, count) {
    const index = Math.floor((offset - this.gap) / (length + this.gap));
    const inside = offset - this.gap - index * (length + this.gap) < length;
    return inside && index >= 0 && index < count ? index : null;
  }

  text(place) {
    if (this.kind === "tiles") return this.labels?.[place] ?? `channel ${place}`;
    const where = `row ${Math.floor(place / this.columns)}, column ${place % this.columns}`;
    return this.values ? `${where}: ${this.number(place)}` : where;
  }

  number(place) {
    // Not before somebody asks: it takes a while for a large map.
    this.numbers ??= new DataView(Uint8Array.from(atob(this.values), (each) => each.charCodeAt(0)).buffer);
    const value = this.numbers.getFloat32(4 * place, true);
    if (!Number.isFinite(value)) return String(value).replace("Infinity", "inf");
    return String(Number(value.toPrecision(4)));
  }

  /** A place as Python writes it, and back; null for one that is not there. */
  write(place) {
    return this.kind === "tiles" ? place : [Math.floor(place / this.columns), place % this.columns];
  }

  read(written) {
    const [row, column] = Array.isArray(written) ? written : [0, written];
    if (written === null || (this.kind === "cells") !== Array.isArray(written)) return null;
    if (this.kind === "cells" && !(column >= 0 && column < this.columns)) return null;
    const place = row * this.columns + column;
    return place >= 0 && place < this.count ? place : null;
  }

  /** Where a key leads from a place; undefined for a key that means nothing here. */
  next(key, place) {
    const last = this.count - 1;
    const down = place + this.columns;
    const lowest = Math.floor(last / this.columns) === Math.floor(place / this.columns);
    const places = {
      ArrowLeft: Math.max(place - 1, 0),
      ArrowRight: Math.min(place + 1, last),
      ArrowUp: place < this.columns ? place : place - this.columns,
      ArrowDown: lowest ? place : Math.min(down, last), // the last row may be shorter
      Home: 0,
      End: last,
    };
    return places[key];
  }
}
