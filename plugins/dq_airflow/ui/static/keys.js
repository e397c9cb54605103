// Keys of a page. Nothing is taken from who types in a field, holds a modifier, or stands on a link or button.

const dialog = document.getElementById("keys");
for (const button of document.querySelectorAll("[data-opens='keys']")) {
  button.addEventListener("click", () => dialog.showModal());
}

/** Call `does[key]` for a key that is pressed; `?` shows the keys. */
export function onKeys(does) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || dialog.open) return;
    const typing = event.target.closest("input:not([type=radio]), select, textarea");
    if (typing) {
      if (event.key === "Escape") typing.blur();
      return;
    }
    if (event.key === "Enter" && event.target.closest("a[href], button, summary, input")) return;
    const action = event.key === "?" ? () => dialog.showModal() : does[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

export { tellNext, tellOnce } from "./told.js";
