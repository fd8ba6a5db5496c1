// Looks every two seconds, and shows what share of a core each shard used since the look before.
"use strict";
const EVERY_MS = 2000;
let before = null;

function showCpu() {
  const now = performance.now();
  const times = [...document.querySelectorAll("tr[data-cpu-ms]")].map((row) => Number(row.dataset.cpuMs));
  if (before && before.times.length === times.length) {
    document.querySelectorAll("td.cpu").forEach((cell, shard) => {
      const share = (times[shard] - before.times[shard]) / Math.max(1, now - before.at);
      cell.textContent = `${Math.max(0, 100 * share).toFixed(1)} %`;
    });
  }
  before = { at: now, times };
}

function say(text, isStale) {
  document.getElementById("live").textContent = text;
  document.body.classList.toggle("stale", isStale);
}

async function look() {
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    const focused = [...document.querySelectorAll(".wide")].indexOf(document.activeElement);
    document.querySelector("main").replaceWith(document.adoptNode(next));
    document.querySelectorAll(".wide")[focused]?.focus();
    showCpu();
    say("Live: looks every 2 seconds.", false);
  } catch (error) {
    say(`Not live (${error.message}): looking again.`, true);
  }
  setTimeout(look, EVERY_MS);
}

showCpu();
setTimeout(look, EVERY_MS);
