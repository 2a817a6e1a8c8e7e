"use strict";

/* The state of the table, and what it is as a wish, as options of msrnet relight, as the
   address of the page, and as a name.

   A state has lit ("own", "beams" or "even"), beams (azimuth, kelvin, strength), kelvin
   (of own and even light), key, ambient, fill, softness, amount and keep. null is the
   picture's own temperature or softness, and nothing that is kept. */
const asking = (() => {
  const USUAL = {
    kelvin: null, key: 1, ambient: 1, fill: 0, softness: null, amount: 1, keep: null,
  };
  const RANGES = {
    kelvin: [1000, 40000], key: [0, 100], ambient: [0, 100], fill: [0, 100],
    softness: [0, 180], amount: [0, 1], strength: [0, 100],
  };
  const MOST_BEAMS = 8;
  const KEEPS = ["colour", "brightness"];

  /** A beam whose colour is that of the picture's own key. */
  function beam(azimuth) {
    return { azimuth, kelvin: null, strength: 1 };
  }

  /** The picture's own light, unchanged. */
  function usual(found) {
    return { ...USUAL, lit: "own", beams: [beam(Math.round(found.azimuth ?? 315) % 360)] };
  }

  /** The state of a look. */
  function ofLook({ wish, amount, keep }, found) {
    const state = { ...usual(found), amount, keep };
    for (const name of ["key", "ambient", "fill", "softness"]) state[name] = wish[name];
    if (wish.beams) {
      state.lit = "beams";
      state.beams = wish.beams.map((each) => ({ ...each, kelvin: each.kelvin ?? wish.kelvin }));
    } else {
      state.lit = wish.even ? "even" : "own";
      state.kelvin = wish.kelvin;
    }
    return state;
  }

  /** The wish of a state, for `mixing.weights`. */
  function wish(state) {
    const { lit, kelvin, key, ambient, fill, softness } = state;
    const isBeams = lit === "beams", isEven = lit === "even";
    return {
      beams: isBeams ? state.beams : null,
      even: isEven,
      kelvin: isBeams ? null : kelvin,
      key, ambient, fill,
      softness: isEven ? null : softness,
    };
  }

  /** A number as people write it. */
  function written(value) {
    return String(Math.round(value * 1e4) / 1e4);
  }

  /** An azimuth by its name, or in degrees. */
  function direction(azimuth) {
    return mixing.DIRECTIONS[azimuth / 45] ?? written(azimuth);
  }

  /** One of several lights, such as NE:7500:0.4. */
  function light({ azimuth, kelvin, strength }) {
    const parts = [direction(azimuth)];
    if (kelvin !== null || strength !== 1) parts.push(kelvin === null ? "" : written(kelvin));
    if (strength !== 1) parts.push(written(strength));
    return parts.join(":");
  }

  /** The light as options: names without dashes, and values ("" for a flag). */
  function named(state) {
    if (state.lit === "even") return [["even", ""]];
    if (state.lit === "own") return [];
    const [first, ...more] = state.beams;
    if (more.length || first.strength !== 1) return state.beams.map((each) => ["light", light(each)]);
    const where = direction(first.azimuth);
    return [["to", first.kelvin === null ? where : `${written(first.kelvin)}_${where}`]];
  }

  /** All that differs from what msrnet relight does by itself, as options. */
  function options(state) {
    const found = named(state);
    const skips = {
      kelvin: state.lit === "beams",
      softness: state.lit === "even" || (state.lit === "beams" && !state.softness),
    };
    for (const [name, value] of Object.entries(USUAL)) {
      if (skips[name] || state[name] === value) continue;
      found.push([name, name === "keep" ? state.keep : written(state[name])]);
    }
    // Without a light, msrnet relight makes the turn that its weights were made for.
    const isLight = found.some(([name]) => !["amount", "keep"].includes(name));
    return isLight ? found : [["key", "1"], ...found];
  }

  /** The command line that makes the picture. */
  function command(start, state) {
    const words = options(state).map(([name, value]) => (value ? `--${name} ${value}` : `--${name}`));
    return [start, ...words].join(" ");
  }

  /** The state as the last part of an address; "" for the picture as it came. */
  function address(state, found) {
    if (isSame(state, usual(found))) return "";
    const words = options(state).map(([name, value]) => (value ? `${name}=${value}` : name));
    return words.join("&");
  }

  /** A number in the range of a name; undefined where the text is none. */
  function read(name, text) {
    const value = Number(text), [low, high] = RANGES[name];
    return text !== "" && value >= low && value <= high ? value : undefined;
  }

  /** An azimuth out of its text; undefined where it is none. */
  function readDirection(text) {
    const place = mixing.DIRECTIONS.indexOf(text);
    if (place >= 0) return place * 45;
    const value = Number(text);
    return text !== "" && Math.abs(value) <= 360 ? (value + 360) % 360 : undefined;
  }

  /** A beam out of texts; null where they are none. */
  function readBeam(where, kelvin, strength) {
    const found = beam(readDirection(where));
    if (kelvin) found.kelvin = read("kelvin", kelvin);
    if (strength) found.strength = read("strength", strength);
    return Object.values(found).includes(undefined) ? null : found;
  }

  /** The state of an address; parts that name nothing are passed over. */
  function ofAddress(text, found) {
    const state = usual(found), beams = [];
    for (const part of text.split("&")) {
      const [name, value = ""] = part.split("=");
      if (name === "even") state.lit = "even";
      else if (name === "to") beams.push(readBeam(...value.split("_").reverse()));
      else if (name === "light") beams.push(readBeam(...value.split(":")));
      else if (name === "keep" && KEEPS.includes(value)) state.keep = value;
      else if (name in USUAL && name in RANGES) state[name] = read(name, value) ?? state[name];
    }
    const sound = beams.filter(Boolean).slice(0, MOST_BEAMS);
    return sound.length ? { ...state, lit: "beams", beams: sound, kelvin: null } : state;
  }

  /** Whether two states are the same light. */
  function isSame(one, other) {
    const words = (state) => JSON.stringify(options(state));
    return words(one) === words(other);
  }

  /** A short name of the light, for files: "W 3200 K", "own light". */
  function name(state) {
    const of = ({ azimuth, kelvin }) =>
      [direction(azimuth), kelvin === null ? "" : `${written(kelvin)} K`].filter(Boolean).join(" ");
    const lights = {
      own: ["own light"], even: ["even"], beams: state.beams.map(of),
    }[state.lit];
    if (state.lit !== "beams" && state.kelvin !== null) lights.push(`${written(state.kelvin)} K`);
    const more = options(state)
      .filter(([each]) => ["key", "ambient", "fill", "softness", "amount", "keep"].includes(each))
      .filter(([each, value]) => !(each === "key" && value === "1"))
      .map(([each, value]) => `${each} ${value}`);
    return [...lights, ...more].join(" ");
  }

  return { MOST_BEAMS, USUAL, address, beam, command, direction, isSame, name, ofAddress, ofLook, options, usual, wish };
})();
