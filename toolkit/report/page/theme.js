/* Light or dark, one tooltip for all, and which other experiment is shown. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const root = document.documentElement;
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const themeButton = make("button", { className: "theme", type: "button" });
function setTheme(theme) {
  root.dataset.theme = theme;
  themeButton.textContent = theme === "dark" ? "Light" : "Dark";
  themeButton.setAttribute("aria-label", theme === "dark" ? "Light colours" : "Dark colours");
}
themeButton.addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
prefersDark.addEventListener("change", () => setTheme(prefersDark.matches ? "dark" : "light"));
setTheme(prefersDark.matches ? "dark" : "light");
document.querySelector("header").append(themeButton);

const tip = make("div", { className: "tip", hidden: true });
tip.setAttribute("role", "status");
document.body.append(tip);
function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x - width / 2, innerWidth - width - 4))}px`;
  tip.style.top = `${y - height - 10 > 4 ? y - height - 10 : y + 14}px`;
}
function hideTip() { tip.hidden = true; }
for (const element of document.querySelectorAll("[data-tip]")) {
  const show = () => {
    const box = element.getBoundingClientRect();
    showTip(element.dataset.tip, box.left + box.width / 2, box.top);
  };
  for (const name of ["pointerenter", "focus"]) element.addEventListener(name, show);
  for (const name of ["pointerleave", "blur"]) element.addEventListener(name, hideTip);
}
addEventListener("scroll", hideTip, { passive: true });
addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });

for (const sides of document.querySelectorAll(".sides")) {
  const all = [...sides.querySelectorAll(":scope > .side")];
  const choice = make("select", {}, ...all.map((side) => make("option", { textContent: side.dataset.name })));
  const show = () => all.forEach((side, i) => { side.hidden = i !== choice.selectedIndex; });
  choice.addEventListener("change", show);
  if (all.length > 1) sides.prepend(make("label", { className: "tools" }, sides.dataset.label, choice));
  show();
}

addEventListener("hashchange", () => { /* a link opens the section it leads to */
  const section = document.getElementById(location.hash.slice(1));
  if (section) section.open = true;
});
