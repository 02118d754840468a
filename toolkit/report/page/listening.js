/* Examples: sorted by a metric; the signals of one share a position, which stays when another is chosen. */
document.addEventListener("play", (event) => { /* one sound at a time */
  for (const sound of document.querySelectorAll("audio")) if (sound !== event.target) sound.pause();
}, true);

const END = 0.05; /* seconds */
class Player {
  constructor(article) {
    this.article = article;
    this.figures = [...article.querySelectorAll("figure")];
    this.sounds = this.figures.map((figure) => figure.querySelector("audio"));
    this.axes = this.figures.map((figure) => JSON.parse(figure.dataset.axis));
    this.heads = this.figures.map((figure) => figure.querySelector(".picture").appendChild(make("div", { className: "head" })));
    this.index = 0;
    article.classList.add("player");
    article.tabIndex = 0;
    article.querySelector(".columns").before(this.bar());
    this.figures.forEach((figure, i) => {
      this.sounds[i].hidden = true;
      for (const name of ["play", "pause", "ended", "seeked", "timeupdate", "loadedmetadata"]) {
        this.sounds[i].addEventListener(name, () => this.show());
      }
      figure.querySelector(".picture").addEventListener("click", (event) => this.click(i, event));
    });
    article.addEventListener("keydown", (event) => this.key(event));
    this.show();
  }

  bar() {
    this.button = make("button", { type: "button" });
    this.button.addEventListener("click", () => this.toggle());
    this.choices = this.figures.map((figure, i) => {
      const choice = make("button", { type: "button", textContent: `${i + 1} ${figure.querySelector("figcaption").textContent}` });
      choice.addEventListener("click", () => this.choose(i));
      return choice;
    });
    this.slider = make("input", { type: "range", min: 0, step: 0.01, value: 0 });
    this.slider.setAttribute("aria-label", "position in seconds");
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
    this.time = make("output");
    return make("div", { className: "tools" }, this.button, ...this.choices, this.slider, this.time);
  }

  get sound() { return this.sounds[this.index]; }
  get seconds() { return this.sound.duration || this.axes[this.index].seconds || 0; }

  toggle() {
    for (const sound of this.sounds) sound.preload = "auto";
    if (this.sound.paused) this.sound.play();
    else this.sound.pause();
  }

  choose(index) {
    if (index === this.index || !this.sounds[index]) return;
    const before = this.sound, position = before.currentTime, playing = !before.paused;
    before.pause();
    this.index = index;
    this.seek(position);
    if (playing) this.sound.play();
  }

  seek(position) {
    /* Not to the very end, where Chromium never finds a FLAC's last frame. */
    this.sound.currentTime = Math.max(0, Math.min(position, (this.seconds || position) - END));
    this.show();
  }

  click(index, event) {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const { start, end } = this.axes[index];
    this.choose(index);
    this.seek(((event.clientX - left) / width - start) / (end - start) * this.axes[index].seconds);
  }

  show() {
    const position = this.sound.currentTime, playing = !this.sound.paused;
    this.button.textContent = playing ? "Pause" : "Play";
    this.slider.max = this.seconds;
    this.slider.value = position;
    this.time.textContent = `${position.toFixed(1)} / ${this.seconds.toFixed(1)} s`;
    this.choices.forEach((choice, i) => choice.setAttribute("aria-pressed", String(i === this.index)));
    this.figures.forEach((figure, i) => {
      const { start, end, seconds } = this.axes[i];
      figure.classList.toggle("current", i === this.index);
      this.heads[i].hidden = !seconds || !position || position > seconds;
      this.heads[i].style.left = `${100 * (start + (end - start) * position / seconds)}%`;
    });
    if (playing && !this.waiting) this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.show(); });
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const on = event.target, next = { j: "nextElementSibling", k: "previousElementSibling" }[event.key];
    if (event.key === " " && on.tagName !== "BUTTON") this.toggle();
    else if (/^[1-9]$/.test(event.key)) this.choose(Number(event.key) - 1);
    else if (event.key === "ArrowLeft" && on !== this.slider) this.seek(this.sound.currentTime - 1);
    else if (event.key === "ArrowRight" && on !== this.slider) this.seek(this.sound.currentTime + 1);
    else if (next && this.article[next]?.matches(".example")) this.article[next].focus();
    else return;
    event.preventDefault();
  }
}

class Examples {
  constructor(box) {
    this.box = box;
    this.listed = [...box.querySelectorAll(".example")];
    this.numbers = new Map(this.listed.map((article) => [article, JSON.parse(article.dataset.numbers)]));
    this.metrics = JSON.parse(box.dataset.metrics);
    this.metric = make("select", {}, make("option", { textContent: "as listed" }),
      ...this.metrics.map((metric) => make("option", { textContent: metric.title })));
    this.worst = make("button", { type: "button", textContent: "Worst first" });
    this.best = make("button", { type: "button", textContent: "Best first" });
    this.metric.addEventListener("change", () => this.sort(this.first ?? this.worst));
    for (const button of [this.worst, this.best]) {
      button.addEventListener("click", () => {
        if (!this.metric.selectedIndex) this.metric.selectedIndex = 1;
        this.sort(button);
      });
    }
    const sorting = make("div", { className: "tools" }, make("label", {}, "Sort by ", this.metric), this.worst, this.best);
    const keys = make("div", { className: "tools",
      textContent: "Keys in an example: Space plays, 1 to 9 choose a signal, ← and → move by 1 s, j and k go to the next and the previous example." });
    box.prepend(...(this.metrics.length && this.listed.length > 1 ? [sorting] : []), keys);
    this.listed.forEach((article) => new Player(article));
  }

  sort(first) {
    const metric = this.metrics[this.metric.selectedIndex - 1];
    this.first = metric ? first : null;
    for (const button of [this.worst, this.best]) button.setAttribute("aria-pressed", String(button === this.first));
    if (!metric) return this.box.append(...this.listed);
    const sign = (first === this.best) === metric.higher ? -1 : 1;
    const known = (article) => this.numbers.get(article)[metric.name] ?? null;
    const [some, none] = [this.listed.filter((a) => known(a) !== null), this.listed.filter((a) => known(a) === null)];
    this.box.append(...some.sort((a, b) => sign * (known(a) - known(b))), ...none);
  }
}
document.querySelectorAll(".examples").forEach((box) => new Examples(box));
