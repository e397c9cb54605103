// What was done on the page before, told once on the next.

export function tellOnce() {
  const told = sessionStorage.getItem("dq-told");
  sessionStorage.removeItem("dq-told");
  if (told) document.getElementById("status").textContent = told;
}

export function tellNext(words) {
  sessionStorage.setItem("dq-told", words);
}
