"use strict";

/* The light table: controls, and the picture under the light that they set. */
const table = (() => {
  const COOL = 1e6 / 20000, WARM = 1e6 / 1500; // ends of the slider, in mired
  const KELVIN_STEP = 50;
  const REST = 400; // milliseconds without a change, before the address follows
  const SETTLE = 150; // milliseconds without a change, before a sketch is completed
  const SLIDERS = ["kelvin", "strength", "softness", "key", "ambient", "fill", "amount"];
  const $ = (id) => document.getElementById(id);

  const self = { frames: 0, state: null, painter: null, scene: null };
  let data, ring, address = "", chosen = 0, peeking = false, due = false, resting = 0, settling = 0;

  /** A temperature of the slider, from 0, warm, to 1000, cool. */
  function kelvinAt(value) {
    const mired = WARM + (COOL - WARM) * (value / 1000);
    return Math.round(1e6 / mired / KELVIN_STEP) * KELVIN_STEP;
  }

  /** Where the slider stands for a temperature. */
  function atKelvin(kelvin) {
    return ((1e6 / kelvin - WARM) / (COOL - WARM)) * 1000;
  }

  /** Bytes out of compressed text. */
  async function bytes(text) {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** One plane of bytes, in place, out of what neighbours do not tell; see table.py. */
  function untold(plane, width) {
    const values = new Int8Array(plane.buffer, plane.byteOffset, plane.length);
    for (let p = 0; p < values.length; p++) {
      const left = p % width ? values[p - 1] : 0, above = p < width ? 0 : values[p - width];
      const corner = p % width && p >= width ? values[p - width - 1] : 0;
      const [low, high] = left < above ? [left, above] : [above, left];
      values[p] += Math.min(high, Math.max(low, left + above - corner));
    }
    return values;
  }

  /** Small pictures out of their code: what the network saw, then nine layers. */
  function decoded(code, width, height) {
    const area = width * height, found = [];
    for (let start = 0; start < code.length; start += 3 * area) {
      const [green, red, blue] = [0, 1, 2].map((c) =>
        untold(code.subarray(start + c * area, start + (c + 1) * area), width));
      const picture = new Uint8Array(3 * area);
      for (let p = 0; p < area; p++) {
        const middle = green[p] + 128;
        picture[p] = middle + red[p];
        picture[area + p] = middle;
        picture[2 * area + p] = middle + blue[p];
      }
      found.push(picture);
    }
    return found;
  }

  /** Light from a direction, whatever it was; the beam that is chosen. */
  function beam() {
    return self.state.beams[chosen];
  }

  /** What a slider sets: the chosen beam, or the state. */
  function holder(name) {
    const ofBeam = name === "strength" || (name === "kelvin" && self.state.lit === "beams");
    return ofBeam ? beam() : self.state;
  }

  /** The value of a slider that is its usual one. */
  function usual(name) {
    return name === "strength" ? 1 : asking.USUAL[name];
  }

  /** Show all of the state, and paint it in the next frame. */
  function changed() {
    const { state } = self;
    chosen = Math.min(chosen, state.beams.length - 1);
    ring.show(state, chosen);
    SLIDERS.forEach(showSlider);
    $("keep").value = state.keep ?? "";
    document.querySelectorAll("[data-lit]").forEach((button) =>
      button.setAttribute("aria-pressed", button.dataset.lit === state.lit));
    document.querySelectorAll("[data-look]").forEach((button) => {
      const look = asking.ofLook(data.looks[button.dataset.look], data.found);
      button.setAttribute("aria-pressed", asking.isSame(look, state));
    });
    showBeams();
    showCommand(asking.command(data.command, state));
    clearTimeout(resting);
    resting = setTimeout(keepAddress, REST);
    paintSoon();
  }

  /** The command; a line of it ends between words only. */
  function showCommand(text) {
    const words = text.split(" ").flatMap((word) => {
      const part = document.createElement("span");
      part.textContent = word;
      return [" ", part];
    });
    $("command").replaceChildren(...words.slice(1));
    $("printed").textContent = text;
  }

  /** A slider, its value in words, and whether it can be reset. */
  function showSlider(name) {
    const { state } = self, slider = $(name), value = holder(name)[name];
    const row = slider.closest(".row");
    const found = { kelvin: data.found.kelvin, softness: state.lit === "own" ? data.found.spread : 0 };
    const shown = value ?? found[name];
    slider.value = name === "kelvin" ? atKelvin(shown) : shown;
    const words = {
      kelvin: value === null ? "own colour" : `${value} K`,
      softness: value === null && state.lit === "own" ? "its own" : `${Math.round(shown)}°`,
      amount: `${Math.round(100 * value)} %`,
    }[name] ?? `× ${Math.round(value * 100) / 100}`;
    $(`${name}-value`).textContent = words;
    slider.setAttribute("aria-valuetext", words);
    row.querySelector(".back").disabled = value === usual(name);
    const isOff = name === "softness" && state.lit === "even";
    slider.disabled = isOff;
    row.classList.toggle("off", isOff);
    if (name === "strength") {
      row.hidden = state.lit !== "beams" || (state.beams.length < 2 && value === 1);
    }
  }

  /** A button for each light, and those that add and remove one. */
  function showBeams() {
    const { state } = self, box = $("beams"), isBeams = state.lit === "beams";
    const wanted = JSON.stringify([isBeams && state.beams.length, chosen]);
    if (box.dataset.shown === wanted) return;
    box.dataset.shown = wanted;
    const button = (text, act, pressed) => {
      const found = document.createElement("button");
      found.type = "button";
      found.textContent = text;
      if (pressed !== undefined) found.setAttribute("aria-pressed", pressed);
      found.addEventListener("click", act);
      return found;
    };
    const several = isBeams && state.beams.length > 1;
    const each = several ? state.beams.map((_, at) =>
      button(`Light ${at + 1}`, () => pick(at), at === chosen)) : [];
    const isMost = state.beams.length >= asking.MOST_BEAMS;
    box.replaceChildren(...each,
      ...(isMost ? [] : [button("Add a light", addBeam)]),
      ...(several ? [button(`Remove light ${chosen + 1}`, removeBeam)] : []));
  }

  /** Choose a light. */
  function pick(at) {
    if (at === chosen) return;
    chosen = at;
    changed();
  }

  /** Let a light come from an azimuth. */
  function turn(at, azimuth) {
    const { state } = self;
    if (state.lit !== "beams") toBeams();
    state.beams[at].azimuth = azimuth;
    changed();
  }

  /** From the picture's own light, or an even one, to one from a direction. */
  function toBeams() {
    const { state } = self;
    state.beams.forEach((each) => { each.kelvin = state.kelvin; });
    state.lit = "beams";
    state.kelvin = null;
  }

  /** Change where the light comes from. */
  function light(lit) {
    const { state } = self;
    if (lit === state.lit) return;
    if (lit === "beams") toBeams();
    else {
      if (state.lit === "beams") state.kelvin = beam().kelvin;
      state.lit = lit;
      state.beams = [{ ...asking.usual(data.found).beams[0] }];
    }
    changed();
  }

  /** A further light, from across the last one. */
  function addBeam() {
    const { state } = self;
    if (state.lit !== "beams") toBeams();
    const { azimuth } = state.beams[state.beams.length - 1];
    state.beams.push({ ...asking.beam((azimuth + 135) % 360), strength: 0.5 });
    chosen = state.beams.length - 1;
    changed();
    msrnet.say(`Light ${chosen + 1} added`);
    ring.handles[chosen].focus({ preventScroll: true });
  }

  /** Take the chosen light away. */
  function removeBeam() {
    self.state.beams.splice(chosen, 1);
    msrnet.say(`Light ${chosen + 1} removed`);
    chosen = Math.max(0, chosen - 1);
    changed();
    ring.handles[chosen].focus({ preventScroll: true });
  }

  /** Bring a light back to where the picture's own comes from. */
  function resetBeam(at) {
    turn(at, asking.usual(data.found).beams[0].azimuth);
  }

  /** Bring a slider back. */
  function reset(name) {
    holder(name)[name] = usual(name);
    changed();
  }

  /** Bring all back. */
  function resetAll() {
    self.state = asking.usual(data.found);
    chosen = 0;
    changed();
    msrnet.say("All is reset");
  }

  /** The address follows the state, so that it can be kept. */
  function keepAddress() {
    if (said() !== address) return; // a new one was put in, and will be read
    const wanted = asking.address(self.state, data.found);
    if (address === wanted) return;
    try {
      history.replaceState(null, "", `#${wanted}`);
    } catch {
      location.replace(`#${wanted}`); // browsers that let no file change its address
    }
    address = said();
  }

  /** What the address says behind its hash; as it is where its signs are torn. */
  function said() {
    const text = location.hash.slice(1);
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  /** The state follows the address. */
  function readAddress() {
    address = said();
    self.state = asking.ofAddress(address, data.found);
  }

  /** Paint in the next frame, once. */
  function paintSoon() {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      paint(true);
      self.frames++;
    });
  }

  /** Paint now; a picture that is moving may be a sketch, which is soon completed. */
  function paint(moving = false) {
    const { state, scene } = self;
    const relit = scene.relit(mixing.weights(asking.wish(state), data.found));
    const finish = peeking ? { amount: 0, keep: null } : state;
    const start = performance.now();
    const isSketch = self.painter.paint({ ...scene.fit(relit), relit }, finish, moving);
    const wait = SETTLE + 4 * (performance.now() - start); // a busy machine gives frames late
    clearTimeout(settling);
    settling = isSketch ? setTimeout(() => paint(), wait) : 0;
  }

  self.paint = paint;

  /** Show the original, as long as it is held. */
  function peek(on) {
    if (peeking === on) return;
    peeking = on;
    $("badge").hidden = !on;
    $("compare").setAttribute("aria-pressed", on);
    paintSoon();
  }

  /** Put the command where it can be pasted from. */
  async function copy() {
    const text = $("command").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren($("command"));
      if (!document.execCommand("copy")) {
        msrnet.say("The command is selected; copy it by the keys for that");
        return;
      }
      getSelection().removeAllRanges();
    }
    msrnet.say("The command is copied");
    $("copy").textContent = "Copied";
    setTimeout(() => { $("copy").textContent = "Copy command"; }, 1500);
  }

  /** Give the picture as a file. */
  function save() {
    peeking = false;
    paint();
    $("canvas").toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${data.stem}, ${asking.name(self.state)}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }, "image/png");
  }

  /** Bind what people do to what it does. */
  function listen() {
    for (const name of SLIDERS) {
      const slider = $(name);
      slider.addEventListener("input", () => {
        const value = Number(slider.value);
        holder(name)[name] = name === "kelvin" ? kelvinAt(value) : value;
        changed();
      });
      slider.addEventListener("dblclick", () => reset(name));
      slider.addEventListener("keydown", (event) => {
        if (event.key === "Delete" || event.key === "Backspace") reset(name);
      });
    }
    $("keep").addEventListener("change", () => {
      self.state.keep = $("keep").value || null;
      changed();
    });
    document.querySelectorAll("[data-resets]").forEach((button) =>
      button.addEventListener("click", () => {
        reset(button.dataset.resets);
        $(button.dataset.resets).focus();
      }));
    document.querySelectorAll("[data-lit]").forEach((button) =>
      button.addEventListener("click", () => light(button.dataset.lit)));
    document.querySelectorAll("[data-look]").forEach((button) =>
      button.addEventListener("click", () => {
        self.state = asking.ofLook(data.looks[button.dataset.look], data.found);
        chosen = 0;
        changed();
      }));
    $("copy").addEventListener("click", copy);
    $("save").addEventListener("click", save);
    $("reset").addEventListener("click", resetAll);
    listenToPeeks();
    window.addEventListener("hashchange", () => {
      readAddress();
      changed();
    });
    window.addEventListener("beforeprint", () => paint());
  }

  /** The original shows while the picture, a button or a key is held. */
  function listenToPeeks() {
    for (const held of [$("sheet"), $("compare")]) {
      held.addEventListener("pointerdown", (event) => { if (!event.button) peek(true); });
      for (const end of ["pointerup", "pointerleave", "pointercancel"]) {
        held.addEventListener(end, () => peek(false));
      }
    }
    let byKey = false; // a press on the picture takes the focus from the button, too
    $("compare").addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      byKey = true;
      peek(true);
    });
    for (const end of ["keyup", "blur"]) {
      $("compare").addEventListener(end, () => {
        if (byKey) peek(false);
        byKey = false;
      });
    }
    document.addEventListener("keydown", (event) => {
      const isOther = event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select");
      if (event.key.toLowerCase() === "o" && !isOther) peek(true);
    });
    document.addEventListener("keyup", (event) => {
      if (event.key.toLowerCase() === "o") peek(false);
    });
    window.addEventListener("blur", () => peek(false));
  }

  /** Make a painter; the address may end in ?canvas or ?webgl, to try one of them. */
  function setUp(picture, alpha, way) {
    const found = painting.painter($("canvas"), picture, alpha, data, way);
    self.painter = found.painter;
    found.canvas.addEventListener("webglcontextlost", () => {
      setUp(picture, alpha, "canvas");
      paintSoon();
    });
  }

  /** Bring the page to life. */
  async function start() {
    data = msrnet.data();
    const picture = $("picture");
    const [code, alpha] = await Promise.all([
      bytes(data.layers), data.alpha && bytes(data.alpha), picture.decode(),
    ]);
    const [seen, ...layers] = decoded(code, data.width, data.height);
    self.scene = new mixing.Scene(seen, layers, data.found, data.width, data.height);
    setUp(picture, alpha, location.search.slice(1));
    ring = new compass.Compass($("compass"), data.found, { turn, pick, reset: resetBeam });
    readAddress();
    listen();
    changed();
    paint();
    document.documentElement.classList.add("ready");
  }

  self.ready = start().catch((error) => {
    document.documentElement.classList.remove("live", "ready");
    $("trouble").hidden = false;
    $("trouble").textContent = `This browser cannot show the light table (${error.message}). A newer one can.`;
  });
  return self;
})();
