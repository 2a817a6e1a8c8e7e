"use strict";

/* Shows one preview at a time, and loads the page again where that is wanted. */
(() => {
  const sheets = [...document.querySelectorAll("#sheets figure")];
  const when = document.getElementById("when");
  const again = document.getElementById("again");
  const MINUTE = 60000;

  /** Show the preview that the slider points at. */
  function show() {
    sheets.forEach((sheet, number) => {
      sheet.hidden = number !== Number(when.value);
    });
    const step = sheets[Number(when.value)].dataset.step;
    document.getElementById("step").textContent = step;
    when.setAttribute("aria-valuetext", `step ${step}`);
  }

  if (when) {
    when.addEventListener("input", show);
    show();
  }
  if (again) {
    // The address keeps the choice: a page from a disk has no other place for it.
    let timer = 0;
    const follow = () => {
      clearTimeout(timer);
      history.replaceState(null, "", again.checked ? "#again" : "#");
      if (again.checked) {
        timer = setTimeout(() => location.reload(), MINUTE);
      }
    };
    again.checked = location.hash === "#again";
    again.addEventListener("change", follow);
    if (again.checked) {
      follow();
    }
  }
})();
