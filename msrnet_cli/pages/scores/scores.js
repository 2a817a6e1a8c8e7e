"use strict";

/* Sorts the cards, and shows one method at a time. */
(() => {
  const data = msrnet.data();
  const list = document.getElementById("cards");
  const method = document.getElementById("method");
  const key = document.getElementById("key");
  const order = document.getElementById("order");
  const letters = new Intl.Collator("en", { numeric: true });
  let rising = true;

  /** The number of the method that is shown. */
  function chosen() {
    return method ? Number(method.value) : 0;
  }

  /** Compare two pictures by their numbers, as the controls say. */
  function compare(one, other) {
    const values = key.value === "name" ? data.names : data.methods[chosen()][key.value];
    const [a, b] = [values[one], values[other]];
    const found = key.value === "name" ? letters.compare(a, b) : a - b;
    return (rising ? found : -found) || one - other;
  }

  /** Put the cards in order. */
  function sort() {
    const number = (card) => Number(card.dataset.number);
    const cards = [...list.children].sort((a, b) => compare(number(a), number(b)));
    list.replaceChildren(...cards);
    const isName = key.value === "name";
    const ways = isName ? ["From A to Z", "From Z to A"] : ["Smallest first", "Largest first"];
    order.textContent = rising ? ways[0] : ways[1];
  }

  /** Hide what belongs to other methods. */
  function select() {
    for (const part of document.querySelectorAll("[data-method]")) {
      part.hidden = Number(part.dataset.method) !== chosen();
    }
  }

  /** Tell screen readers what the order is now. */
  function tell() {
    msrnet.say(`Sorted by ${key.selectedOptions[0].textContent}: ${order.textContent}`);
  }

  key.addEventListener("change", () => {
    rising = true;
    sort();
    tell();
  });
  order.addEventListener("click", () => {
    rising = !rising;
    sort();
    tell();
  });
  method?.addEventListener("change", () => {
    select();
    sort();
    tell();
  });
  select();
  sort();
})();
