"use strict";

/* Brings the before/after page to life. The page is whole without: side by side. */
(() => {
  const MODES = ["swipe", "beside", "difference", "result"];
  const WORDS = ["swipe", "side by side", "difference", "result"];
  const SMALL = 384; // CSS pixels that a picture of few pixels is enlarged to
  const ENLARGED = 1.5; // how far others are

  const list = document.getElementById("pictures");
  const sheet = document.getElementById("sheet");
  if (!sheet) {
    return; // nothing but problems
  }
  let shown = null; // the picture that was gone to last

  /** All pictures, in the order in which they stand. */
  const pictures = () => [...list.children];

  /** Whether some part of a picture is in the window. */
  function isInView(picture) {
    const box = picture.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
  }

  /** The picture that keys are meant for: the one gone to, else that in the middle. */
  function current() {
    const focused = document.activeElement.closest?.(".picture");
    for (const one of [focused, shown]) {
      if (one && isInView(one)) {
        return one;
      }
    }
    const distance = (one) => {
      const box = one.getBoundingClientRect();
      return Math.max(box.top - innerHeight / 2, innerHeight / 2 - box.bottom);
    };
    return pictures().reduce((a, b) => (distance(b) < distance(a) ? b : a));
  }

  /** Bring a picture into view, and give it the focus. */
  function goTo(picture) {
    shown = picture;
    picture.focus({ preventScroll: true });
    picture.scrollIntoView({ block: "start" });
    for (const item of sheet.children) {
      const link = item.querySelector("a");
      if (item.dataset.for === picture.id) {
        link.setAttribute("aria-current", "true");
      } else {
        link.removeAttribute("aria-current");
      }
    }
  }

  /** Go on by some pictures; above all of them, the first picture is the next. */
  function step(by) {
    const all = pictures();
    const isWithin = document.activeElement.closest?.(".picture");
    const isAbove = !shown && !isWithin && all[0].getBoundingClientRect().top > 0;
    const at = isAbove ? -1 : all.indexOf(current());
    const to = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    goTo(to);
    msrnet.say(`${to.dataset.name}, ${all.indexOf(to) + 1} of ${all.length}`);
  }

  /** See that what is gone to does not lie below the bar. */
  function leaveRoom() {
    const { height } = document.querySelector(".bar").getBoundingClientRect();
    document.body.style.setProperty("--bar", `${height}px`);
  }

  /** Show all pictures in another way. */
  function setMode(mode) {
    const stay = shown && isInView(shown) ? shown : null;
    document.body.dataset.mode = mode;
    for (const button of document.querySelectorAll("button[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    }
    leaveRoom(); // another view may have more controls
    stay?.scrollIntoView({ block: "start" });
    msrnet.say(WORDS[MODES.indexOf(mode)]);
  }

  /** Show the original of a picture in place of its result, or no longer. */
  function showOriginal(picture, whether) {
    const stage = picture.querySelector(".stage.both");
    if (!stage) {
      return;
    }
    stage.classList.toggle("shows-original", whether);
    picture.querySelector(".original").setAttribute("aria-pressed", String(whether));
  }

  /** Whether a picture's original is shown in place of its result. */
  const showsOriginal = (picture) =>
    Boolean(picture.querySelector(".shows-original"));

  /** Put pictures and their small copies into another order. */
  function sortBy(key) {
    const value = (one) => Number.parseFloat(one.dataset[key] || "-1");
    const orders = {
      order: (a, b) => value(a) - value(b),
      name: (a, b) =>
        a.dataset.name.localeCompare(b.dataset.name, "en", { numeric: true }),
      seconds: (a, b) => value(b) - value(a),
      change: (a, b) => value(b) - value(a),
    };
    const items = new Map([...sheet.children].map((item) => [item.dataset.for, item]));
    const sorted = pictures().sort(orders[key]);
    list.append(...sorted);
    sheet.append(...sorted.map((one) => items.get(one.id)));
    shown = null;
    msrnet.say(`the first picture is ${sorted[0].dataset.name}`);
  }

  /** Whether a key belongs to a control that has the focus. */
  function isTaken(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) {
      return true;
    }
    const own = event.key === " " ? "button, summary, select" : "input, select";
    return event.target.matches?.(own);
  }

  document.addEventListener("keydown", (event) => {
    if (isTaken(event)) {
      return;
    }
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    const mode = MODES[Number(event.key) - 1];
    if (event.key in steps) {
      step(steps[event.key]);
    } else if (event.key === " ") {
      const picture = current();
      showOriginal(picture, !showsOriginal(picture));
      msrnet.say(showsOriginal(picture) ? "original" : "result");
    } else if (mode) {
      setMode(mode);
    } else {
      return;
    }
    event.preventDefault();
  });

  for (const button of document.querySelectorAll("button[data-mode]")) {
    button.addEventListener("click", () => setMode(button.dataset.mode));
  }
  document.getElementById("before").addEventListener("click", () => step(-1));
  document.getElementById("next").addEventListener("click", () => step(1));
  document.getElementById("sort").addEventListener("change", (event) => {
    sortBy(event.target.value);
  });

  const gain = document.getElementById("gain");
  const setGain = () => {
    document.body.style.setProperty("--gain", gain.value);
    document.getElementById("gain-told").textContent = gain.value;
  };
  gain.addEventListener("input", setGain);
  setGain();

  new ResizeObserver(leaveRoom).observe(document.querySelector(".bar"));

  /** Let the line of a picture follow its slider. */
  function follow(stage, slider) {
    const at = () => {
      stage.style.setProperty("--at", `${slider.value}%`);
      const share = Math.round(slider.value);
      slider.setAttribute("aria-valuetext", `original ${share} percent`);
    };
    slider.addEventListener("input", at);
    // Whoever drags it goes on with keys for all pictures, not for this slider.
    slider.addEventListener("pointerup", () => slider.blur());
    at();
  }

  /** Show the original while its picture is pressed. */
  function pressable(picture, layers) {
    let isPressed = false;
    layers.addEventListener("pointerdown", (event) => {
      const mode = document.body.dataset.mode;
      isPressed = event.button === 0 && (mode === "difference" || mode === "result");
      if (isPressed) {
        showOriginal(picture, true);
      }
    });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      layers.addEventListener(end, () => {
        if (isPressed) {
          isPressed = false;
          showOriginal(picture, false);
        }
      });
    }
  }

  for (const picture of pictures()) {
    const stage = picture.querySelector(".stage");
    const { width, height } = picture.querySelector(".after img").attributes;
    const largest = Math.max(SMALL, ENLARGED * width.value);
    picture.style.setProperty("--ratio", String(width.value / height.value));
    picture.style.setProperty("--most", `${largest}px`);
    const slider = picture.querySelector(".swipe");
    if (slider) {
      follow(stage, slider);
      pressable(picture, picture.querySelector(".layers"));
      const button = picture.querySelector(".original");
      button.addEventListener("click", () => {
        showOriginal(picture, !showsOriginal(picture));
      });
    }
    picture.addEventListener("pointerdown", () => {
      shown = picture;
    });
  }

  sheet.addEventListener("click", (event) => {
    const item = event.target.closest("li");
    if (item && event.target.closest("a")) {
      goTo(document.getElementById(item.dataset.for));
    }
  });

  document.body.dataset.mode = MODES[0];
})();
