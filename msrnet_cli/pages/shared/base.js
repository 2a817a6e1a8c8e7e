"use strict";

/* What all pages share. A page that a script brings to life has the class "live". */
const msrnet = {
  /** The JSON that the page carries. */
  data() {
    return JSON.parse(document.getElementById("data").textContent);
  },

  /** Say something to screen readers, without moving the focus. */
  say(text) {
    let voice = document.getElementById("voice");
    if (!voice) {
      voice = document.createElement("p");
      voice.id = "voice";
      voice.className = "spoken";
      voice.setAttribute("role", "status");
      document.body.append(voice);
    }
    voice.textContent = text;
  },

  /** Whether keys typed now belong to a control, such as a slider or a field. */
  isTyping(event) {
    return (
      event.ctrlKey || event.altKey || event.metaKey ||
      event.target.matches?.("input, select, textarea, button, [role=slider]")
    );
  },
};

document.documentElement.classList.add("live");
