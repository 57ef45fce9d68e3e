// A network's numbers at one input size, from the formulas that Python sends; see
// resnet_viz/size_map.py, which says what they are. This is put before size_map.js.

const PREFIXES = ["", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q"];

/** Four significant digits and an SI prefix, as resnet_viz/units.py writes them. */
function si(value, unit) {
  const digits = (power) => (value / 1000 ** power).toPrecision(4);
  let power = 0;
  while (power < PREFIXES.length - 1 && Number(digits(power)) >= 1000) power += 1;
  return `${power ? digits(power) : value} ${PREFIXES[power]}${unit}`.trimEnd();
}

class Formulas {
  constructor(data) {
    Object.assign(this, data);
    this.convolutions = this.readers.reduce((sum, count) => sum + count, 0);
  }

  /** Rows and columns of every grid. */
  sides(height, width) {
    const sides = [];
    for (const [parent, offset, step] of this.grids) {
      if (parent === null) sides.push(step[0] ? [1, 1] : [height, width]);
      else sides.push(sides[parent].map((side, axis) => Math.floor((side + offset[axis]) / step[axis]) + 1));
    }
    return sides;
  }

  at(height, width) {
    const sides = this.sides(height, width);
    const areas = sides.map(([rows, columns]) => rows * columns);
    const total = (factors) => factors.reduce((sum, factor, grid) => sum + factor * areas[grid], 0);
    const [rows, columns] = sides[this.final];
    const [down, across] = this.stride;
    return {
      grid: [rows, columns],
      macs: this.batch * total(this.macs),
      bytes: this.batch * this.itemBytes * Math.max(...this.live.map(total)),
      oneCell: this.readers.reduce((sum, count, grid) => sum + (areas[grid] === 1 ? count : 0), 0),
      outgrown: this.fields.reduce((sum, [high, wide, count]) => sum + (high > height && wide > width ? count : 0), 0),
      loss: 1 - (height * width) / (rows * down * columns * across),
    };
  }

  /** A line for each number, without the size. */
  lines(height, width) {
    const { grid, macs, bytes, oneCell, outgrown, loss } = this.at(height, width);
    return [
      `final grid ${grid.join(" × ")}`,
      `${si(macs, "")} MACs`,
      `peak memory ${si(bytes, "B")}`,
      `${oneCell} of ${this.convolutions} convolutions on 1 × 1`,
      `${outgrown} of ${this.convolutions} see beyond the input`,
      `rounding loss ${(100 * loss).toFixed(1)} %`,
    ];
  }
}
