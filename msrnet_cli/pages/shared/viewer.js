"use strict";

/* Pictures of cards enlarged, one at a time in one place: flipping shows differences. */
(() => {
  let dialog = null;
  let card = null;
  let place = 0;
  let last = null;

  /** The figures of a card that are not hidden. */
  function figures(of) {
    return [...of.querySelectorAll("figure")].filter((one) => !one.closest("[hidden]"));
  }

  /** The cards that hold figures, in the order of the page. */
  function cards() {
    return [...document.querySelectorAll(".card")].filter((one) => figures(one).length);
  }

  /** Make the dialog when it is first needed. */
  function made() {
    if (dialog) {
      return dialog;
    }
    dialog = document.createElement("dialog");
    dialog.className = "viewer live-only";
    dialog.setAttribute("aria-labelledby", "viewer-name");
    const name = document.createElement("p");
    name.id = "viewer-name";
    name.setAttribute("role", "status"); // what lies outside is silent meanwhile
    const kinds = document.createElement("div");
    kinds.className = "kinds";
    const image = document.createElement("img");
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    const help = document.createElement("p");
    help.className = "faint";
    help.textContent = "Left and right flip; up and down go to another picture.";
    dialog.append(name, kinds, image, help, close);
    dialog.addEventListener("keydown", steer);
    dialog.addEventListener("close", () => last?.focus());
    document.body.append(dialog);
    return dialog;
  }

  /** Show the figure at a place of the card. */
  function show() {
    const found = figures(card);
    place = Math.min(place, found.length - 1);
    const image = found[place].querySelector("img");
    const large = dialog.querySelector("img");
    large.src = image.src;
    large.alt = image.alt;
    const name = card.querySelector("h3").textContent;
    dialog.querySelector("#viewer-name").textContent =
      `${name}: ${found[place].dataset.kind}`;
    const kinds = dialog.querySelector(".kinds");
    const had = kinds.contains(document.activeElement);
    kinds.replaceChildren(
      ...found.map((one, number) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = one.dataset.kind;
        button.setAttribute("aria-pressed", String(number === place));
        button.addEventListener("click", () => {
          place = number;
          show();
        });
        return button;
      }),
    );
    if (had) {
      kinds.children[place].focus();
    }
  }

  /** Keys within the dialog. */
  function steer(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    const all = cards();
    const moves = { ArrowLeft: -1, ArrowRight: 1 };
    const jumps = { ArrowUp: -1, ArrowDown: 1 };
    if (event.key in moves) {
      const count = figures(card).length;
      place = (place + moves[event.key] + count) % count;
    } else if (event.key in jumps) {
      const next = all.indexOf(card) + jumps[event.key];
      card = all[Math.max(0, Math.min(all.length - 1, next))];
    } else {
      return;
    }
    event.preventDefault();
    show();
  }

  /** Open a figure. */
  function enlarge(figure) {
    made();
    card = figure.closest(".card");
    place = figures(card).indexOf(figure);
    last = figure.querySelector("button");
    dialog.showModal();
    show();
    dialog.querySelector(".kinds").children[place].focus();
  }

  for (const figure of document.querySelectorAll(".card figure")) {
    const image = figure.querySelector("img");
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Enlarge";
    image.replaceWith(button);
    button.append(image);
    button.addEventListener("click", () => enlarge(figure));
  }
})();
