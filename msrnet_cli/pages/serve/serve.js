"use strict";

/* A picture goes up; while it waits, its place is told; then its table is shown in a
   frame that may do nothing but run its own scripts. This page stays: when its tab is
   closed, it has the table forgotten. */
(() => {
  const limits = msrnet.data();
  const root = document.documentElement;
  const heading = document.querySelector(".top h1");
  const title = document.title;
  const [bar, notes, save, again, zone, file, work, doing, progress, cancel, failure, table] =
    ["bar", "notes", "save", "again", "zone", "file", "work", "doing", "progress",
      "cancel", "failure", "table"].map((id) => document.getElementById(id));
  let request = null;
  let address = "";
  let timer = 0;

  /** Show how far it is: a share of the upload, or null while nobody can tell. */
  function tell(text, share = null) {
    if (doing.textContent !== text) {
      doing.textContent = text;
      msrnet.say(text);
    }
    if (share === null) {
      progress.removeAttribute("value");
    } else {
      progress.value = share;
    }
  }

  /** Be at work, or wait for a picture. */
  function busy(is) {
    zone.classList.toggle("busy", is);
    work.hidden = !is;
    if (is) {
      cancel.focus();
    }
  }

  /** Say what went wrong, and be ready for another picture. */
  function fail(reason, remedy) {
    request = null;
    busy(false);
    file.value = "";
    failure.textContent = remedy ? `${reason}; ${remedy}` : reason;
    file.focus();
  }

  /** Let go of what is under way and of what is shown, here and in the service. */
  function leave() {
    clearTimeout(timer);
    if (request) {
      request.abort();
      request = null;
    }
    if (address) {
      navigator.sendBeacon(address);
      address = "";
    }
  }

  /** Whether a table, which has a heading of its own, takes the place of the form. */
  function cover(isShown) {
    root.classList.toggle("shown", isShown);
    heading.classList.toggle("spoken", isShown);
  }

  /** Back to the start. */
  function reset() {
    leave();
    cover(false);
    bar.hidden = table.hidden = true;
    table.removeAttribute("src");
    document.title = title;
    file.value = "";
    busy(false);
    file.focus();
  }

  /** Show a table. */
  function show(found, picture) {
    request = null;
    address = found.table;
    busy(false);
    cover(true);
    document.title = picture.name;
    notes.textContent = found.notes.join("; ");
    save.hidden = bar.hidden = table.hidden = false;
    save.href = `${address}?save`;
    table.src = address;
    timer = setTimeout(() => {
      save.hidden = true;
      address = "";
    }, limits.seconds * 1000);
    table.addEventListener("load", () => table.focus(), { once: true });
    msrnet.say(`The light table of ${picture.name} is there.`);
  }

  /** What a line of the service says. */
  function read(line, picture) {
    const found = JSON.parse(line);
    if ("table" in found) {
      show(found, picture);
    } else if ("reason" in found) {
      fail(`${picture.name}: ${found.reason}`, found.remedy);
    } else {
      tell(found.place ? `Waiting, with ${found.place} before it` : "Painting the light");
    }
  }

  /** Send a picture up, and follow what becomes of it. */
  function send(picture) {
    leave();
    failure.textContent = "";
    if (picture.size > limits.bytes) {
      const largest = `${limits.bytes / 1e6} MB`;
      fail(`${picture.name}: it has more than ${largest}`, "choose a smaller one");
      return;
    }
    const mine = request = new XMLHttpRequest();
    let done = 0;
    busy(true);
    tell(`Reading ${picture.name}`, 0);
    mine.open("POST", `pictures?name=${encodeURIComponent(picture.name)}`);
    mine.upload.onprogress = (event) => {
      tell(`Reading ${picture.name}`, event.loaded / Math.max(event.total, 1));
    };
    mine.onprogress = mine.onload = () => {
      const end = mine.responseText.lastIndexOf("\n") + 1;
      const whole = mine.readyState === 4 ? mine.responseText.length : end;
      const lines = mine.responseText.slice(done, whole).split("\n");
      done = whole;
      for (const line of lines) {
        if (line && request === mine) {
          read(line, picture);
        }
      }
      if (mine.readyState === 4 && request === mine) {
        fail("the service gave no answer", "try again");
      }
    };
    mine.onerror = () => {
      if (request === mine) {
        fail("the service does not answer", "start msrnet serve again, and open its new address");
      }
    };
    mine.send(picture);
  }

  /** Take the first picture of what was chosen, dropped or pasted. */
  function take(files) {
    if (files.length) {
      send(files[0]);
    }
  }

  file.addEventListener("change", () => take(file.files));
  cancel.addEventListener("click", reset);
  again.addEventListener("click", reset);
  document.addEventListener("paste", (event) => take(event.clipboardData.files));
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      const leaves = kind === "drop" || (kind === "dragleave" && !event.relatedTarget);
      zone.classList.toggle("over", !leaves);
    });
  }
  document.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length) {
      take(event.dataTransfer.files);
    } else {
      fail("what was dropped is not a file", "drop a picture file");
    }
  });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => {
    if (event.persisted) {
      reset();
    }
  });
})();
