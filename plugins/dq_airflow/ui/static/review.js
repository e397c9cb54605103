import { draw } from "./charts.js";
import { onKeys, tellNext, tellOnce } from "./keys.js";

const form = document.getElementById("judge");
const DONE = { accept: "Accepted", correct: "Corrected", reject: "Rejected", skip: "Skipped" };

function follow(id) {
  const link = document.getElementById(id);
  if (link?.href) location.assign(link.href);
}

function upToQueue() {
  location.assign(document.querySelector("header.top nav a[href$='/reviews']").href);
}

function choose(action) {
  const radio = form?.querySelector(`input[value=${action}]`);
  if (!radio || radio.disabled) return;
  radio.checked = true;
  changed();
  const first = { correct: form.elements.value, reject: form.elements.why }[action];
  (first ?? form.querySelector(".send")).focus();
}

/** Show the fields that the chosen action has, and ask for those that it needs. */
function changed() {
  const action = form.elements.action.value;
  for (const part of form.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(action);
  form.elements.value.required = action === "correct";
  form.elements.why.required = action === "reject";
  form.querySelector(".send").disabled = !action;
}

async function send(event) {
  event.preventDefault();
  const button = form.querySelector(".send");
  if (button.disabled) return;
  button.disabled = true; // the token makes a second one harmless, too
  say("");
  try {
    const { action, value, why, confidence } = form.elements;
    const said = { action: action.value, why: why.value.trim(), token: form.dataset.token };
    if (said.action === "correct") said.value = value.type === "number" ? value.valueAsNumber : value.value;
    if (said.action === "accept") said.value = Number(form.dataset.seen); // refused if another label came meanwhile
    if (said.action !== "skip" && confidence.value) said.confidence = Number(confidence.value);
    const response = await fetch(form.dataset.address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(said),
    });
    const answer = await response.json();
    if (response.ok) {
      tellNext(`${DONE[said.action]}: ${form.dataset.name}`);
      location.assign(answer.next ? `${form.dataset.queue}/${answer.next}` : form.dataset.queue);
      return;
    }
    say(response.status === 401 ? "You are no longer logged in: log in again in another tab, then send." : answer.detail);
  } catch {
    say("The server did not answer. What you chose is still here: send again.");
  }
  button.disabled = false;
}

function say(words) {
  const problem = document.getElementById("problem");
  problem.textContent = words;
  problem.hidden = !words;
}

if (form) {
  form.addEventListener("change", changed);
  form.addEventListener("submit", send);
  changed(); // a browser may bring back what was chosen
}
onKeys({
  j: () => follow("next"),
  k: () => follow("previous"),
  u: upToQueue,
  a: () => choose("accept"),
  c: () => choose("correct"),
  r: () => choose("reject"),
  s: () => choose("skip"),
  Enter: () => form?.requestSubmit(),
});
tellOnce();
draw(JSON.parse(document.getElementById("drawn").textContent));
