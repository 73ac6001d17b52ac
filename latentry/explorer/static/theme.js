// Loaded before the page is drawn, so that a chosen theme does not flash. Not a module for that reason.
(() => {
  const chosen = localStorage.getItem("latentry-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
