"use strict";

/* The change of light from the working size to the page's size, without a graphics
   card: relight.carry and relight.finish in plain JavaScript.

   Resampling is by tables: how each place of the result is a weighted sum of `taps`
   places of the source, from `starts` on. */
const carrying = (() => {
  const LEVELS = 1 << 14; // of linear light, when it is encoded by a table
  const VALUES = 4095; // likewise, of sRGB values
  const FADE = 1e-4;
  const FRAME = 24; // milliseconds in which to paint a moving picture

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

  /** How relit pixels show in the end, see `relight.finish`. */
  class Finishing {
    constructor() {
      const { linearFromSrgb, srgbFromLinear } = mixing;
      const table = (count, make) => Float32Array.from({ length: count + 1 }, (_, v) => make(v / count));
      this.light = table(VALUES, linearFromSrgb);
      this.level = table(LEVELS, srgbFromLinear);
      [this.old, this.fresh] = [new Float32Array(3), new Float32Array(3)];
    }

    /** Change a row of values in place, from p on: each plane of both has `area`. */
    finish(before, after, p, width, area, amount, keep) {
      const { light, level, old, fresh } = this;
      for (let end = p + width; p < end; p++) {
        for (let c = 0, q = p; c < 3; c++, q += area) {
          old[c] = light[(before[q] * VALUES + 0.5) | 0];
          fresh[c] = light[(after[q] * VALUES + 0.5) | 0];
        }
        if (keep === "colour") colouredLike(old, luminance(fresh), fresh);
        else if (keep === "brightness") colouredLike(fresh, luminance(old), fresh);
        for (let c = 0, q = p; c < 3; c++, q += area) {
          const mean = old[c] + amount * (fresh[c] - old[c]);
          after[q] = level[mean < 0 ? 0 : mean > 1 ? LEVELS : (mean * LEVELS + 0.5) | 0];
        }
      }
    }
  }

  /** The luminance of a colour. */
  function luminance(colour) {
    const [red, green, blue] = mixing.LUMINANCE;
    return red * colour[0] + green * colour[1] + blue * colour[2];
  }

  /** The colour of linear light with another luminance, which white does not cut. */
  function colouredLike(light, wanted, result) {
    const by = wanted / (luminance(light) + FADE);
    let most = 0;
    for (let c = 0; c < 3; c++) {
      result[c] = by * (light[c] + FADE);
      most = Math.max(most, result[c]);
    }
    const share = Math.min(1, Math.max(0, 1 - wanted) / Math.max(1e-9, most - wanted));
    for (let c = 0; c < 3; c++) result[c] = wanted + share * (result[c] - wanted);
  }

  /** A table the other way round: to which places each place of the source goes. */
  function spread({ length, taps, starts, weights }, source) {
    const targets = Array.from({ length: source }, () => []);
    for (let i = 0; i < length; i++) {
      for (let t = 0; t < taps; t++) {
        const weight = weights[i * taps + t];
        if (weight) targets[starts[i] + t].push([i, weight]);
      }
    }
    return targets;
  }

  /** A canvas of half the size, and the opacity there. */
  function half(canvas, alpha) {
    const found = document.createElement("canvas");
    found.width = Math.ceil(canvas.width / 2);
    found.height = Math.ceil(canvas.height / 2);
    const place = (p) => 2 * (Math.floor(p / found.width) * canvas.width + (p % found.width));
    const few = alpha && Uint8Array.from({ length: found.width * found.height }, (_, p) => alpha[place(p)]);
    return [found, few];
  }

  /** A painter on a plain canvas. Where it is slow, it sketches what moves: at half the
      size, enlarged by the browser, and without the last correction. */
  class Canvas {
    static kind = "canvas";

    /** picture: an image of the page's size; alpha: a Uint8Array, or null. */
    constructor(canvas, picture, alpha, small) {
      const { width, height } = canvas, area = width * height;
      this.canvas = canvas;
      this.cost = Infinity;
      this.sketched = () => {
        const [few, clear] = half(canvas, alpha);
        return new Canvas(few, picture, clear, small);
      };
      this.context = canvas.getContext("2d");
      this.context.drawImage(picture, 0, 0, width, height);
      this.image = this.context.getImageData(0, 0, width, height);
      this.before = new Float32Array(3 * area);
      for (let p = 0; p < area; p++) {
        for (let c = 0; c < 3; c++) this.before[c * area + p] = this.image.data[4 * p + c] / 255;
        if (alpha) this.image.data[4 * p + 3] = alpha[p];
      }
      this.after = new Float32Array(3 * area);
      this.tables = tables(small, canvas);
      this.shortened = spread(this.tables.shorten, height);
      this.finishing = new Finishing();
      [this.width, this.height, this.small] = [width, height, small];
    }

    /** Show a relit picture: map has gain, offset and relit at the working size.

        Gives whether it is only a sketch, which a picture that is `moving` may be. */
    paint(map, finish, moving = false) {
      const start = performance.now();
      const isSketch = moving && this.cost > FRAME;
      if (isSketch) this.sketch(map, finish);
      else {
        this.draw(map, finish);
        this.cost = Math.min(this.cost, performance.now() - start);
      }
      return isSketch;
    }

    /** Show it at half the size, enlarged. */
    sketch(map, finish) {
      this.rough ??= this.sketched();
      this.rough.draw(map, finish, true);
      this.context.clearRect(0, 0, this.width, this.height);
      this.context.drawImage(this.rough.canvas, 0, 0, this.width, this.height);
    }

    /** Show it at full size. */
    draw(map, { amount, keep }, isRough = false) {
      const rests = [0, 1, 2].map((c) => (isRough ? this.guess(c, map) : this.carry(c, map)));
      const { before, after, image, width, height, finishing } = this, area = width * height;
      for (let y = 0; y < height; y++) {
        for (let c = 0; c < 3 && !isRough; c++) this.complete(after, c * area + y * width, rests[c], y);
        if (amount !== 1 || keep) finishing.finish(before, after, y * width, width, area, amount, keep);
      }
      const shown = image.data;
      for (let p = 0, q = 0; p < area; p++, q += 4) {
        shown[q] = 255 * after[p]; // rounded by the kind of array
        shown[q + 1] = 255 * after[area + p];
        shown[q + 2] = 255 * after[2 * area + p];
      }
      this.context.putImageData(image, 0, 0);
    }

    /** One colour, into `after`, without what is missing then. */
    guess(channel, { gain, offset }) {
      const { width, height, small, tables } = this, few = small.width * small.height;
      const wide = (values) => across(values.subarray(channel * few, (channel + 1) * few), small.width, tables.linear.x);
      const gains = wide(gain), offsets = wide(offset);
      for (let y = 0; y < height; y++) this.mapped(gains, offsets, y, (channel * height + y) * width);
    }

    /** One colour at full size, into `after`; gives what is missing, enlarged across. */
    carry(channel, { gain, offset, relit }) {
      const { width, height, small, tables, shortened } = this;
      const few = small.width * small.height, area = width * height;
      const part = (values) => values.subarray(channel * few, (channel + 1) * few);
      const gains = across(part(gain), small.width, tables.linear.x);
      const offsets = across(part(offset), small.width, tables.linear.x);
      const short = new Float32Array(small.height * width);
      for (let y = 0; y < height; y++) {
        const p = channel * area + y * width;
        this.mapped(gains, offsets, y, p);
        for (const [row, weight] of shortened[y]) added(short, row * width, this.after, p, width, weight);
      }
      const reduced = across(short, width, tables.narrow);
      const missing = part(relit).map((value, q) => value - reduced[q]);
      return across(sharpened(missing, small.width, tables.back), small.width, tables.cubic.x);
    }

    /** A row of gain * picture + offset, from p on. */
    mapped(gains, offsets, y, p) {
      const { width, before, after } = this, { starts, taps, weights } = this.tables.linear.y;
      const one = starts[y] * width, two = taps > 1 ? one + width : one;
      const share = taps > 1 ? weights[2 * y + 1] : 0;
      for (let x = 0; x < width; x++) {
        const g = gains[one + x] + share * (gains[two + x] - gains[one + x]);
        const o = offsets[one + x] + share * (offsets[two + x] - offsets[one + x]);
        const value = before[p + x] * g + o;
        after[p + x] = value < 0 ? 0 : value > 1 ? 1 : value;
      }
    }

    /** Add to a row what is missing, downwards by cubics. */
    complete(after, p, rest, y) {
      const { width } = this, { starts, taps, weights } = this.tables.cubic.y;
      const one = starts[y] * width, w = taps * y;
      const two = taps > 1 ? one + width : one, b = taps > 1 ? weights[w + 1] : 0;
      const three = taps > 2 ? two + width : one, c = taps > 2 ? weights[w + 2] : 0;
      const four = taps > 3 ? three + width : one, d = taps > 3 ? weights[w + 3] : 0;
      const a = weights[w];
      for (let x = 0; x < width; x++) {
        const value = after[p + x] + a * rest[one + x] + b * rest[two + x]
          + c * rest[three + x] + d * rest[four + x];
        after[p + x] = value < 0 ? 0 : value > 1 ? 1 : value;
      }
    }
  }

  /** Add a row of values, weighted, to another. */
  function added(sums, to, values, from, width, weight) {
    for (let x = 0; x < width; x++) sums[to + x] += weight * values[from + x];
  }

  return { Canvas, tables };
})();
