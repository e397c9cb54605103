// Forms that change something: sent as JSON once confirmed; what goes wrong is said, and nothing typed is lost.

import { tellNext, tellOnce } from "./told.js";

function say(form, words) {
  const problem = form.querySelector("[role=alert]");
  problem.textContent = words;
  problem.hidden = !words;
}

async function send(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  if (button.disabled) return;
  button.disabled = true;
  say(form, "");
  try {
    const said = Object.fromEntries([...new FormData(form)].filter(([name]) => name !== "sure"));
    const response = await fetch(form.dataset.address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(said),
    });
    const answer = await response.json();
    if (response.ok) {
      tellNext(answer.told || form.dataset.done);
      location.assign(form.dataset.next || location.href);
      return;
    }
    say(form, response.status === 401 ? "You are no longer logged in: log in again in another tab, then send." : answer.detail);
  } catch {
    say(form, "The server did not answer. What you wrote is still here: send again.");
  }
  button.disabled = false;
}

for (const form of document.querySelectorAll("form.confirm")) form.addEventListener("submit", send);
tellOnce();
