"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const byId = (id) => document.getElementById(id);

  byId("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // What a filter asks of a finding is read once; typing only compares.
  const levels = ["info", "low", "medium", "high", "critical"];
  const workloads = [...document.querySelectorAll(".workload")].map((section) => ({
    section,
    namespace: section.dataset.namespace,
    heading: section.querySelector("h2").textContent.toLowerCase(),
    findings: [...section.querySelectorAll(":scope > .finding")].map((card) => ({
      card,
      severity: Number(card.dataset.severity),
      rule: card.dataset.rule,
      status: card.dataset.status,
      text: card.querySelector("summary").textContent.toLowerCase(),
    })),
  }));
  const total = workloads.reduce((sum, workload) => sum + workload.findings.length, 0);

  const apply = () => {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const least = levels.indexOf(byId("severity").value);
    const [namespace, rule, status] = ["namespace", "rule", "status"].map((id) => byId(id).value);
    const fits = (finding, heading) =>
      finding.severity >= least &&
      (!rule || finding.rule === rule) &&
      (!status || finding.status.split(" ").includes(status.split(" ")[0])) &&
      words.every((word) => finding.text.includes(word) || heading.includes(word));
    let shown = 0;
    for (const { section, namespace: own, heading, findings } of workloads) {
      let any = 0;
      for (const finding of findings) {
        const visible = (!namespace || own === namespace) && fits(finding, heading);
        finding.card.hidden = !visible;
        any += visible;
      }
      section.hidden = !any;
      shown += any;
    }
    byId("nothing").hidden = shown > 0 || total === 0;
    byId("count").textContent = shown === total ? `${total} findings` : `${shown} of ${total} findings`;
  };

  const form = document.querySelector(".filters");
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();

  // A link to a check opens its page.
  const open = () => {
    const page = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (page instanceof HTMLDetailsElement) page.open = true;
  };
  addEventListener("hashchange", open);
  open();
})();
