"use strict";

/* From a wish to a relit picture at the working size, as msrnet computes it.

   Each part has the formula of its model in Python: lights (azimuths, temperatures),
   layers.wanted (weights of a wish), layers.mix (layers and weights to a picture),
   relight.carry (gain and offset). Pictures are planar: channel, then row, then column.
   Weights are nine rows of red, green and blue: eight directions, then ambient light. */
const mixing = (() => {
  const DIRECTIONS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];
  const LUMINANCE = [0.2126, 0.7152, 0.0722];
  const NEUTRAL_KELVIN = 6500;
  const AMBIENT = 8;
  const CHANNELS = [0, 1, 2];

  const LEAST_KEY = 1 / 6;
  const BLACK = 1e-4;

  const SHOULDER = 0.7;
  const ROOM = 1 - SHOULDER;
  const BRIGHTEST = 0.99;
  const LIGHT_END = 0.0031308;
  const VALUE_END = 0.04045;

  const UNSEEN = 1e-5;
  const DARK = 0.004;
  const MOST_GAIN = 4;
  const KEPT = 0.75;
  const EXPLAINED = [0.5, 0.9];

  const RIDGE = 1.3e-3;
  const DARK_VALUE = 0.12;
  const MOST_RATIO = 3;

  /** The luminance of a colour. */
  function luminance(colour) {
    return CHANNELS.reduce((sum, c) => sum + LUMINANCE[c] * colour[c], 0);
  }

  /** The complementary error function: a series near 0, else a continued fraction. */
  function erfc(x) {
    if (x < 0) return 2 - erfc(-x);
    if (x < 2.5) {
      let term = x, sum = x;
      for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
        term *= (-x * x) / n;
        sum += term / (2 * n + 1);
      }
      return 1 - (2 / Math.sqrt(Math.PI)) * sum;
    }
    let below = x;
    for (let n = 60; n > 0; n--) below = x + n / 2 / below;
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / below;
  }

  /** E[max(0, X)] for X ~ N(mean, sigma). */
  function meanRamp(mean, sigma) {
    if (!sigma) return Math.max(0, mean);
    const z = mean / sigma;
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    return (mean * erfc(-z / Math.SQRT2)) / 2 + sigma * density;
  }

  /** E[max(0, 1 - |X|)] for X ~ N(mean, sigma). */
  function meanTent(mean, sigma) {
    const [before, middle, after] = [1, 0, -1].map((d) => meanRamp(mean + d, sigma));
    return Math.max(0, before - 2 * middle + after);
  }

  /** Shares of the eight directions in a light of an azimuth and spread, in degrees. */
  function weightsOfEight(azimuth, spread = 0) {
    const place = (((azimuth % 360) + 360) % 360) / 45;
    return DIRECTIONS.map((_, k) => {
      let sum = 0;
      for (let turn = -32; turn <= 32; turn += 8) {
        sum += meanTent(place - k + turn, spread / 45);
      }
      return sum;
    });
  }

  /** A hump whose sides differ in width: a part of the CIE 1931 observer. */
  function hump(nm, peak, low, high) {
    return Math.exp(-0.5 * ((nm - peak) / (nm < peak ? low : high)) ** 2);
  }

  /** Linear sRGB of a blackbody of luminance 1. */
  function blackbody(kelvin) {
    let x = 0, y = 0, z = 0;
    for (let nm = 380; nm <= 780; nm += 2) {
      const metres = nm * 1e-9;
      const radiance = metres ** -5 / Math.expm1(1.438777e-2 / (metres * kelvin));
      x += radiance * (1.056 * hump(nm, 599.8, 37.9, 31.0)
        + 0.362 * hump(nm, 442.0, 16.0, 26.7) - 0.065 * hump(nm, 501.1, 20.4, 26.2));
      y += radiance * (0.821 * hump(nm, 568.8, 46.9, 40.5)
        + 0.286 * hump(nm, 530.9, 16.3, 31.1));
      z += radiance * (1.217 * hump(nm, 437.0, 11.8, 36.0)
        + 0.681 * hump(nm, 459.0, 26.0, 13.8));
    }
    return [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
      .map(([a, b, c]) => Math.max(0.004, (a * x + b * y + c * z) / y));
  }

  const gains = new Map();

  /** What a temperature does to red, green and blue: of luminance 1, even at 6500. */
  function kelvinGains(kelvin) {
    if (!gains.has(kelvin)) {
      const neutral = blackbody(NEUTRAL_KELVIN);
      const ratio = blackbody(kelvin).map((value, c) => value / neutral[c]);
      const whole = luminance(ratio);
      gains.set(kelvin, ratio.map((value) => value / whole));
    }
    return gains.get(kelvin);
  }

  /** The sum of rows, each red, green and blue. */
  function total(rows) {
    return CHANNELS.map((c) => rows.reduce((sum, row) => sum + row[c], 0));
  }

  /** Whether the picture's own light has a direction. */
  function hasDirection(found) {
    return found.azimuth !== null;
  }

  /** The mean light that a key from elsewhere adds. */
  function movedKey(found) {
    return Math.max(found.key, LEAST_KEY * (found.key + found.ambient));
  }

  /** Red, green and blue of a key from elsewhere; without a direction, of a new key. */
  function keyColour(found) {
    if (hasDirection(found)) {
      const raised = movedKey(found) / found.key;
      return total(found.weights.slice(0, AMBIENT)).map((value) => value * raised);
    }
    const mean = total(found.means.slice(0, AMBIENT)).map((value) => value / AMBIENT);
    const fresh = movedKey(found) / Math.max(luminance(mean), BLACK);
    return [fresh, fresh, fresh];
  }

  /** What keeps the picture's mean colour under a key from elsewhere. */
  function cast(found, eight) {
    const shares = pureShares(eight);
    const whole = CHANNELS.map((c) =>
      found.casts.reduce((sum, row, k) => sum + shares[k] * row[c], 0));
    if (!hasDirection(found)) return whole;
    const own = pureShares(found.weights.slice(0, AMBIENT).map(luminance));
    const away = shares.reduce((sum, share, k) => sum + Math.abs(share - own[k]), 0) / 2;
    return whole.map((value) => 1 + (value - 1) * away);
  }

  /** Shares whose sum is 1. */
  function pureShares(shares) {
    const whole = shares.reduce((a, b) => a + b, 0);
    return shares.map((share) => share / whole);
  }

  /** What makes a new key add as much from one direction as from the mean of all. */
  function newKeyGain(found, eight) {
    const means = found.means.slice(0, AMBIENT).map(luminance);
    const mean = means.reduce((a, b) => a + b, 0) / AMBIENT;
    return mean / Math.max(BLACK, means.reduce((sum, value, k) => sum + eight[k] * value, 0));
  }

  /** The same key from elsewhere: eight rows. */
  function moved(found, azimuth, softness) {
    const eight = weightsOfEight(azimuth, softness);
    const undone = cast(found, eight);
    const as = hasDirection(found) ? 1 : newKeyGain(found, eight);
    const colour = keyColour(found).map((value, c) => as * value * undone[c]);
    return eight.map((share) => colour.map((value) => share * value));
  }

  /** Rows of the same luminance in the colour of a temperature; null leaves them. */
  function coloured(rows, kelvin) {
    if (kelvin === null) return rows;
    const colour = kelvinGains(kelvin);
    return rows.map((row) => colour.map((value) => luminance(row) * value));
  }

  /** A colour of luminance 1: of a temperature, else of another light. */
  function pure(kelvin, own) {
    if (kelvin !== null) return kelvinGains(kelvin);
    const strength = luminance(own);
    return strength > 0 ? own.map((value) => value / strength) : [1, 1, 1];
  }

  /** The key of a wish as eight rows, and the strength that fill is relative to. */
  function wishedKey(wish, found) {
    const own = found.weights.slice(0, AMBIENT);
    const strength = luminance(total(own));
    if (wish.even) {
      const undone = cast(found, Array(AMBIENT).fill(1 / AMBIENT));
      const colour = pure(wish.kelvin, total(own).map((value, c) => value * undone[c]));
      const row = colour.map((value) => (strength / AMBIENT) * value);
      return { strength, key: own.map(() => row) };
    }
    if (wish.beams === null) {
      const turns = wish.softness !== null && hasDirection(found);
      const asWeak = found.key / movedKey(found);
      const light = turns
        ? moved(found, found.azimuth, wish.softness).map((row) => row.map((v) => v * asWeak))
        : own;
      return { strength, key: coloured(light, wish.kelvin) };
    }
    const key = own.map(() => [0, 0, 0]);
    for (const beam of wish.beams) {
      const light = moved(found, beam.azimuth, wish.softness ?? 0)
        .map((row) => row.map((value) => value * beam.strength));
      coloured(light, beam.kelvin ?? wish.kelvin).forEach((row, k) =>
        row.forEach((value, c) => { key[k][c] += value; }));
    }
    return { strength: luminance(keyColour(found)), key };
  }

  /** Weights of the result: nine rows.

      wish: beams (null for the picture's own light), even, kelvin, key, ambient, fill,
      softness; as in lights.wish.Wish. found: the light of the picture. */
  function weights(wish, found) {
    const { strength, key } = wishedKey(wish, found);
    const fill = pure(null, total(key)).map((value) => (wish.fill * strength * value) / AMBIENT);
    const more = wish.beams === null ? 0 : movedKey(found) - found.key;
    const left = more ? 1 - more / found.ambient : 1;
    const isAll = wish.beams === null && !hasDirection(found);
    const [other] = coloured([found.weights[AMBIENT]], isAll ? wish.kelvin : null);
    const ambient = other.map((value) => wish.ambient * left * value);
    return [...key.map((row) => row.map((value, c) => wish.key * value + fill[c])), ambient];
  }

  /** Share of the part that layers do not explain, which a relit picture keeps. */
  function kept(found, wanted) {
    const [low, high] = EXPLAINED;
    const least = KEPT * Math.min(1, Math.max(0, (found.explained - low) / (high - low)));
    const sum = (rows) => rows.flat().reduce((a, b) => a + b, 0);
    const changed = sum(wanted.map((row, k) => row.map((v, c) => Math.abs(v - found.weights[k][c]))));
    const most = Math.max(sum(wanted), sum(found.weights), 1e-6);
    return 1 - (1 - least) * Math.min(1, changed / most);
  }

  /** An sRGB value to linear light, both in [0, 1]. */
  function linearFromSrgb(value) {
    return value <= VALUE_END ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }

  /** Linear light in [0, 1] to an sRGB value. */
  function srgbFromLinear(light) {
    return light <= LIGHT_END ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
  }

  /** The linear light of a value of a picture or layer. */
  function decoded(value) {
    const x = Math.min(linearFromSrgb(value), BRIGHTEST);
    return x <= SHOULDER ? x : SHOULDER - ROOM * Math.log1p((SHOULDER - x) / ROOM);
  }

  /** The inverse of `decoded`, from 0 on. */
  function encoded(light) {
    const x = light <= SHOULDER ? light : SHOULDER - ROOM * Math.expm1((SHOULDER - light) / ROOM);
    return srgbFromLinear(x);
  }

  /** A picture and its layers in linear light, to be mixed any number of times. */
  class Scene {
    /** seen, and each of the nine layers: Uint8Array of 3 h w. */
    constructor(seen, layers, found, width, height) {
      const bright = Float32Array.from({ length: 256 }, (_, v) => decoded(v / 255));
      const decode = (values) => Float32Array.from(values, (v) => bright[v]);
      [this.width, this.height, this.found] = [width, height, found];
      this.seen = Float32Array.from(seen, (v) => v / 255);
      this.layers = layers.map(decode);
      this.explained = this.sum(found.weights);
      this.rest = decode(seen).map((light, p) => light - this.explained[p]);
    }

    /** The layers' light, weighted and added: planar, linear. */
    sum(rows) {
      const area = this.width * this.height;
      const light = new Float32Array(3 * area);
      const least = UNSEEN * Math.max(...rows.flat());
      this.layers.forEach((layer, k) => {
        if (Math.max(...rows[k]) <= least) return;
        for (const c of CHANNELS) {
          const weight = rows[k][c];
          for (let p = c * area; p < (c + 1) * area; p++) light[p] += weight * layer[p];
        }
      });
      return light;
    }

    /** The picture under other weights, planar, in [0, 1]. */
    relit(wanted) {
      const share = kept(this.found, wanted);
      const darkerShare = Math.min(1, share / KEPT);
      const light = this.sum(wanted);
      const { explained, rest } = this;
      for (let p = 0; p < light.length; p++) {
        const gain = (light[p] + DARK) / (explained[p] + DARK);
        const more = rest[p] < 0
          ? rest[p] * darkerShare * gain
          : rest[p] * share * Math.min(MOST_GAIN, gain);
        light[p] = encoded(Math.max(0, light[p] + more));
      }
      return light;
    }

    /** The mean in the window of three by three around each pixel, at borders of less. */
    mean(values) {
      const { width, height } = this, area = width * height;
      const sums = new Float32Array(values.length), result = new Float32Array(values.length);
      for (let row = 0; row < values.length; row += width) {
        const last = row + width - 1;
        for (let p = row + 1; p < last; p++) sums[p] = (values[p - 1] + values[p] + values[p + 1]) / 3;
        sums[row] = width > 1 ? (values[row] + values[row + 1]) / 2 : values[row];
        if (width > 1) sums[last] = (values[last - 1] + values[last]) / 2;
      }
      for (let plane = 0; plane < values.length; plane += area) {
        const end = plane + area - width;
        for (let p = plane + width; p < end; p++) {
          result[p] = (sums[p - width] + sums[p] + sums[p + width]) / 3;
        }
        for (let x = 0; x < width; x++) {
          const [p, q] = [plane + x, end + x];
          result[p] = height > 1 ? (sums[p] + sums[p + width]) / 2 : sums[p];
          if (height > 1) result[q] = (sums[q - width] + sums[q]) / 2;
        }
      }
      return result;
    }

    /** Gain and offset of each pixel and colour, which make the relit picture. */
    fit(relit) {
      const { seen } = this, count = seen.length;
      this.squares ??= this.moments();
      const { mean, variance, weight, total: whole } = this.squares;
      const relitMean = this.mean(relit);
      const products = this.mean(relit.map((value, p) => value * seen[p]));
      const gain = new Float32Array(count), offset = new Float32Array(count);
      const dark = DARK_VALUE * DARK_VALUE;
      for (let p = 0; p < count; p++) {
        const covariance = products[p] - mean[p] * relitMean[p];
        const ratio = (relitMean[p] * mean[p] + dark) / (mean[p] * mean[p] + dark);
        const g = (covariance + RIDGE * Math.min(MOST_RATIO, ratio)) / (variance[p] + RIDGE);
        gain[p] = g * weight[p];
        offset[p] = (relitMean[p] - g * mean[p]) * weight[p];
      }
      const [gains, offsets] = [this.mean(gain), this.mean(offset)];
      for (let p = 0; p < count; p++) {
        gains[p] /= whole[p];
        offsets[p] /= whole[p];
      }
      return { gain: gains, offset: offsets };
    }

    /** What `fit` needs of the picture alone. */
    moments() {
      const { seen } = this, mean = this.mean(seen);
      const variance = this.mean(seen.map((value) => value * value))
        .map((square, p) => Math.max(0, square - mean[p] * mean[p]));
      const weight = variance.map((value) => value + RIDGE);
      return { mean, variance, weight, total: this.mean(weight) };
    }
  }

  return {
    DIRECTIONS, LUMINANCE, Scene, encoded, erfc, kelvinGains, kept, linearFromSrgb,
    luminance, srgbFromLinear, weights, weightsOfEight,
  };
})();
