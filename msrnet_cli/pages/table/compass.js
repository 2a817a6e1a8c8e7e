"use strict";

/* The compass: lights around the picture, seen from above, each a handle to drag. */
const compass = (() => {
  const SPACE = "http://www.w3.org/2000/svg";
  const RING = 84;
  const WORDS = ["behind the scene", "behind, right", "right", "in front, right",
    "in front, behind the camera", "in front, left", "left", "behind, left"];

  /** An element of a drawing. */
  function drawn(name, attributes = {}) {
    const found = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
    return found;
  }

  /** A place on the compass: azimuth in degrees, distance from its middle. */
  function place(azimuth, distance) {
    const angle = (azimuth * Math.PI) / 180;
    return [distance * Math.sin(angle), -distance * Math.cos(angle)];
  }

  /** The colour of a temperature on the screen. */
  function colour(kelvin) {
    const gains = mixing.kelvinGains(kelvin), most = Math.max(...gains);
    const levels = gains.map((value) => Math.round(255 * mixing.srgbFromLinear(value / most)));
    return `rgb(${levels.join(" ")})`;
  }

  /** A sector around an azimuth, as a path. */
  function sector(azimuth, half) {
    const [a, b] = [place(azimuth - half, RING), place(azimuth + half, RING)];
    return `M0 0L${a.join(" ")}A${RING} ${RING} 0 ${half > 90 ? 1 : 0} 1 ${b.join(" ")}Z`;
  }

  /** A direction in words. */
  function told(azimuth) {
    return `${WORDS[Math.round(azimuth / 45) % 8]}, ${Math.round(azimuth)} degrees`;
  }

  /** The compass on a drawing.

      turn(place, azimuth) is called as a light turns, pick(place) as it is chosen,
      reset(place) as it is to go back. */
  class Compass {
    constructor(root, found, { turn, pick, reset }) {
      [this.root, this.found] = [root, found];
      [this.turn, this.pick, this.reset] = [turn, pick, reset];
      this.beams = root.querySelector(".beams");
      this.handles = [];
      const mark = root.querySelector(".found");
      if (found.azimuth === null) mark.remove();
      else mark.setAttribute("transform", `translate(${place(found.azimuth, RING).join(" ")})`);
      mark.classList.toggle("unsure", !found.isSure);
      if (!found.isSure) mark.querySelector("title").append(" (not sure)");
      root.addEventListener("pointerdown", (event) => this.press(event));
      root.addEventListener("pointermove", (event) => this.drag(event));
      for (const end of ["pointerup", "pointercancel"]) {
        root.addEventListener(end, () => { this.held = null; });
      }
    }

    /** The azimuth of a pointer. */
    azimuth(event) {
      const box = this.root.getBoundingClientRect();
      const x = event.clientX - box.left - box.width / 2, y = event.clientY - box.top - box.height / 2;
      return Math.round((Math.atan2(x, -y) * 180) / Math.PI + 360) % 360;
    }

    /** A pointer goes down: on a handle, or where the chosen light is to come from. */
    press(event) {
      if (event.button) return;
      const on = this.handles.findIndex((handle) => handle.contains(event.target));
      this.held = on < 0 ? this.chosen : on;
      this.root.setPointerCapture(event.pointerId);
      this.pick(this.held);
      this.handles[this.held].focus({ preventScroll: true });
      if (on < 0) this.turn(this.held, this.azimuth(event));
      event.preventDefault();
    }

    /** A pointer moves. */
    drag(event) {
      if (this.held === null || this.held === undefined) return;
      this.turn(this.held, this.azimuth(event));
    }

    /** A key on a handle. */
    type(event, at) {
      const now = Number(this.handles[at].getAttribute("aria-valuenow"));
      const step = event.shiftKey ? 1 : 5;
      const next = {
        ArrowRight: now + step, ArrowUp: now + step, ArrowLeft: now - step, ArrowDown: now - step,
        PageUp: now + 45, PageDown: now - 45, Home: 0, End: 180,
      }[event.key];
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key === "Delete" || event.key === "Backspace") this.reset(at);
      else if (next !== undefined) this.turn(at, (next + 360) % 360);
      else return;
      event.preventDefault();
    }

    /** A handle for one more light. */
    handle(at) {
      const found = drawn("g", {
        class: "handle", tabindex: 0, role: "slider", "aria-valuemin": 0, "aria-valuemax": 359,
      });
      found.append(
        drawn("circle", { r: 22, class: "reach" }),
        drawn("circle", { r: 12, class: "lamp" }),
        drawn("text", { class: "number", dy: "0.35em" }),
      );
      found.addEventListener("keydown", (event) => this.type(event, at));
      found.addEventListener("focus", () => this.pick(at));
      found.addEventListener("dblclick", () => this.reset(at));
      return found;
    }

    /** Show lights: as many handles, the chosen one in front. */
    show({ lit, beams, softness }, chosen) {
      this.chosen = chosen;
      while (this.handles.length > beams.length) this.handles.pop().remove();
      while (this.handles.length < beams.length) {
        const handle = this.handle(this.handles.length);
        this.handles.push(handle);
        this.root.append(handle);
      }
      const half = Math.min(179, Math.max(4, lit === "beams" ? softness ?? 0 : this.found.spread));
      this.beams.replaceChildren();
      beams.forEach(({ azimuth, kelvin, strength }, at) => {
        const handle = this.handles[at], light = colour(kelvin ?? this.found.kelvin);
        handle.setAttribute("transform", `translate(${place(azimuth, RING).join(" ")})`);
        handle.setAttribute("aria-valuenow", Math.round(azimuth));
        handle.setAttribute("aria-valuetext", told(azimuth));
        handle.setAttribute("aria-label", beams.length > 1 ? `Direction of light ${at + 1}` : "Direction of the light");
        handle.classList.toggle("chosen", at === chosen && beams.length > 1);
        handle.querySelector(".lamp").setAttribute("fill", light);
        handle.querySelector(".number").textContent = beams.length > 1 ? at + 1 : "";
        if (lit === "even") return;
        const opacity = Math.min(0.9, 0.45 * strength);
        this.beams.append(drawn("path", { d: sector(azimuth, half), fill: light, "fill-opacity": opacity }));
      });
      if (lit === "even") {
        this.beams.append(drawn("circle", { r: RING, fill: colour(this.found.kelvin), "fill-opacity": 0.3 }));
      }
      this.root.classList.toggle("resting", lit !== "beams");
    }
  }

  return { Compass, colour, told };
})();
