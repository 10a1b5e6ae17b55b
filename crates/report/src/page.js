
"use strict";
// What pages with a picture have in common: themes, and tooltips of our own, whose words are text and never markup.
const page = (() => {
  const root = document.documentElement;
  root.classList.add("js");
  const byId = (id) => document.getElementById(id);
  byId("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  const tip = byId("tip");
  const hide = () => { tip.hidden = true; };
  const show = (words, event) => {
    const lines = words.split("\n");
    tip.textContent = lines.slice(0, 14).join("\n") + (lines.length > 14 ? `\nand ${lines.length - 14} more` : "");
    tip.hidden = false;
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const y = event.clientY + 16 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 16;
    tip.style.left = `${Math.max(8, x)}px`;
    tip.style.top = `${Math.max(8, y)}px`;
  };
  const search = byId("search");
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
  });
  return { byId, show, hide, search };
})();
