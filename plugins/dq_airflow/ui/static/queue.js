import { onKeys, tellOnce } from "./keys.js";

const rows = [...document.querySelectorAll("[data-row]")];

function step(by) {
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
}

onKeys({ j: () => step(1), k: () => step(-1), Enter: () => rows[0]?.click() });
tellOnce();
