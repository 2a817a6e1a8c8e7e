"use strict";

/* The change of light from the working size to the page's size, without a graphics
   card: relight.carry and relight.finish in plain JavaScript.

   Resampling is by tables: how each place of the result is a weighted sum of `taps`
   places of the source, from `starts` on. */
const carrying = (() => {
  const LEVELS = 1 << 14; // of linear light, when it is encoded by a table
  const FADE = 1e-4;

  /** A table out of a function of weights: target, then source, to a number. */
  function tabled(length, target, taps, first, weight) {
    const few = Math.min(taps, length);
    const table = {
      length: target,
      taps: few,
      starts: new Int32Array(target),
      weights: new Float32Array(target * few),
    };
    for (let i = 0; i < target; i++) {
      const start = Math.min(Math.max(0, first(i)), length - few);
      const found = Array.from({ length: few }, (_, t) => weight(i, start + t));
      const whole = found.reduce((a, b) => a + b, 0);
      table.starts[i] = start;
      found.forEach((value, t) => { table.weights[i * few + t] = value / whole; });
    }
    return table;
  }

  /** A length reduced to fewer: means for whole factors, else triangles. */
  function reducing(length, target) {
    const scale = length / target;
    if (Number.isInteger(scale)) {
      return tabled(length, target, scale, (i) => i * scale, () => 1);
    }
    const away = (i, j) => Math.abs(j + 0.5 - (i + 0.5) * scale) / scale;
    const first = (i) => Math.ceil((i - 0.5) * scale - 0.5);
    return tabled(length, target, Math.ceil(2 * scale), first, (i, j) => Math.max(0, 1 - away(i, j)));
  }

  /** Keys' cubic with a = -1/2. */
  function cubic(d) {
    if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
    return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
  }

  /** A length enlarged, by straight lines or by cubics. */
  function enlarging(length, target, taps) {
    const kernel = taps === 4 ? cubic : (d) => Math.max(0, 1 - d);
    const centre = (i) => ((i + 0.5) * length) / target - 0.5;
    const first = (i) => Math.floor(centre(i)) - (taps / 2 - 1);
    return tabled(length, target, taps, first, (i, j) => kernel(Math.abs(j - centre(i))));
  }

  /** What is left of a length that is enlarged fourfold by cubics, then reduced. */
  function back(length) {
    const large = enlarging(length, 4 * length, 4);
    const weight = (i, j) => {
      let sum = 0;
      for (let q = 4 * i; q < 4 * i + 4; q++) {
        const t = j - large.starts[q];
        if (t >= 0 && t < large.taps) sum += large.weights[q * large.taps + t] / 4;
      }
      return sum;
    };
    return tabled(length, length, 5, (i) => i - 2, weight);
  }

  /** All tables between a working size and the page's size. */
  function tables(small, full) {
    const of = (make, taps) => ({
      x: make(small.width, full.width, taps),
      y: make(small.height, full.height, taps),
    });
    return {
      narrow: reducing(full.width, small.width),
      shorten: reducing(full.height, small.height),
      linear: of(enlarging, 2),
      cubic: of(enlarging, 4),
      back: { x: back(small.width), y: back(small.height) },
    };
  }

  /** Rows, each of `width`, resampled across by a table. */
  function across(values, width, table) {
    const { length, taps, starts, weights } = table, rows = values.length / width;
    const result = new Float32Array(rows * length);
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < length; i++) {
        let sum = 0;
        const from = row * width + starts[i];
        for (let t = 0; t < taps; t++) sum += weights[i * taps + t] * values[from + t];
        result[row * length + i] = sum;
      }
    }
    return result;
  }

  /** Rows, each of `width`, resampled downwards by a table. */
  function down(values, width, table) {
    const { length, taps, starts, weights } = table;
    const result = new Float32Array(length * width);
    for (let i = 0; i < length; i++) {
      const to = i * width;
      for (let t = 0; t < taps; t++) {
        const weight = weights[i * taps + t], from = (starts[i] + t) * width;
        for (let x = 0; x < width; x++) result[to + x] += weight * values[from + x];
      }
    }
    return result;
  }

  /** The values that become these, when they are enlarged and reduced again. */
  function sharpened(values, width, back) {
    const returned = down(across(values, width, back.x), width, back.y);
    return values.map((value, p) => 2 * value - returned[p]);
  }

  /** How a relit value shows in the end, see `relight.finish`. */
  class Finishing {
    constructor() {
      const { linearFromSrgb, srgbFromLinear } = mixing;
      const table = (count, make) => Float32Array.from({ length: count + 1 }, (_, v) => make(v / count));
      this.light = table(4095, linearFromSrgb);
      this.level = table(LEVELS, (light) => 255 * srgbFromLinear(light));
    }

    /** Change three values in place: `after` in [0, 1], from those of `before`. */
    finish(before, after, amount, keep) {
      const { light, level } = this;
      const old = before.map((value) => light[Math.round(value * 4095)]);
      let fresh = after.map((value) => light[Math.round(value * 4095)]);
      if (keep === "colour") fresh = colouredLike(old, mixing.luminance(fresh));
      if (keep === "brightness") fresh = colouredLike(fresh, mixing.luminance(old));
      for (let c = 0; c < 3; c++) {
        const mean = old[c] + amount * (fresh[c] - old[c]);
        after[c] = level[Math.round(LEVELS * Math.min(1, Math.max(0, mean)))] / 255;
      }
    }
  }

  /** The colour of linear light with another luminance, which white does not cut. */
  function colouredLike(light, luminance) {
    const by = luminance / (mixing.luminance(light) + FADE);
    const coloured = light.map((value) => by * (value + FADE));
    const room = Math.max(0, 1 - luminance);
    const share = Math.min(1, room / Math.max(1e-9, Math.max(...coloured) - luminance));
    return coloured.map((value) => luminance + share * (value - luminance));
  }

  /** A painter on a plain canvas. */
  class Canvas {
    static kind = "canvas";

    /** picture: an image of the page's size; alpha: a Uint8Array, or null. */
    constructor(canvas, picture, alpha, small) {
      const { width, height } = canvas;
      this.context = canvas.getContext("2d");
      this.context.drawImage(picture, 0, 0, width, height);
      this.image = this.context.getImageData(0, 0, width, height);
      const area = width * height;
      this.before = new Float32Array(3 * area);
      for (let p = 0; p < area; p++) {
        for (let c = 0; c < 3; c++) this.before[c * area + p] = this.image.data[4 * p + c] / 255;
        if (alpha) this.image.data[4 * p + 3] = alpha[p];
      }
      this.after = new Float32Array(3 * area);
      this.tables = tables(small, canvas);
      this.finishing = new Finishing();
      [this.width, this.height, this.small] = [width, height, small];
    }

    /** Show a relit picture: map has gain, offset and relit at the working size. */
    paint(map, { amount, keep }) {
      for (let c = 0; c < 3; c++) this.carry(c, map);
      const { before, after, image } = this, area = this.width * this.height;
      if (amount !== 1 || keep) {
        const [old, fresh] = [[0, 0, 0], [0, 0, 0]];
        for (let p = 0; p < area; p++) {
          for (let c = 0; c < 3; c++) {
            old[c] = before[c * area + p];
            fresh[c] = after[c * area + p];
          }
          this.finishing.finish(old, fresh, amount, keep);
          for (let c = 0; c < 3; c++) after[c * area + p] = fresh[c];
        }
      }
      for (let c = 0; c < 3; c++) {
        for (let p = 0, q = c; p < area; p++, q += 4) image.data[q] = after[c * area + p] * 255;
      }
      this.context.putImageData(image, 0, 0);
    }

    /** One colour of the picture at full size, into `after`. */
    carry(channel, { gain, offset, relit }) {
      const { width, height, small, tables } = this;
      const few = small.width * small.height, area = width * height;
      const part = (values) => values.subarray(channel * few, (channel + 1) * few);
      const gains = across(part(gain), small.width, tables.linear.x);
      const offsets = across(part(offset), small.width, tables.linear.x);
      const before = this.before.subarray(channel * area, (channel + 1) * area);
      const after = this.after.subarray(channel * area, (channel + 1) * area);
      const { starts, taps, weights } = tables.linear.y;
      for (let y = 0; y < height; y++) {
        const one = starts[y] * width, two = taps > 1 ? one + width : one;
        const share = taps > 1 ? weights[2 * y + 1] : 0;
        for (let x = 0, p = y * width; x < width; x++, p++) {
          const g = gains[one + x] + share * (gains[two + x] - gains[one + x]);
          const o = offsets[one + x] + share * (offsets[two + x] - offsets[one + x]);
          const value = before[p] * g + o;
          after[p] = value < 0 ? 0 : value > 1 ? 1 : value;
        }
      }
      const reduced = down(across(after, width, tables.narrow), small.width, tables.shorten);
      const missing = part(relit).map((value, p) => value - reduced[p]);
      const rest = across(sharpened(missing, small.width, tables.back), small.width, tables.cubic.x);
      this.complete(after, rest);
    }

    /** Add what is missing, downwards by cubics. */
    complete(after, rest) {
      const { width, height } = this, { starts, taps, weights } = this.tables.cubic.y;
      for (let y = 0; y < height; y++) {
        const from = starts[y] * width;
        const [a, b, c, d] = [0, 1, 2, 3].map((t) => (t < taps ? weights[taps * y + t] : 0));
        const [two, three, four] = [1, 2, 3].map((t) => (t < taps ? from + t * width : from));
        for (let x = 0, p = y * width; x < width; x++, p++) {
          const value = after[p] + a * rest[from + x] + b * rest[two + x]
            + c * rest[three + x] + d * rest[four + x];
          after[p] = value < 0 ? 0 : value > 1 ? 1 : value;
        }
      }
    }
  }

  return { Canvas, tables };
})();
