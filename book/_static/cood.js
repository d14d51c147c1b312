// Pointing at the marks of a figure, and sorting and filtering long tables. Without this script,
// browsers show what marks are by their titles, and tables stand as they are.
(() => {
  "use strict";
  const NEAR = 28; // pixels from which a mark is pointed at: a finger is no needle
  const LONG = 8; // rows from which a table can be filtered

  // ---- Figures

  const box = document.createElement("div");
  box.className = "mark-label";
  box.setAttribute("role", "status");
  box.hidden = true;
  let highlighted = [];

  const middle = (mark) => {
    const r = mark.getBoundingClientRect();
    return [r.left + r.width / 2, r.top + r.height / 2];
  };

  function clear() {
    for (const mark of highlighted) mark.classList.remove("highlighted");
    highlighted = [];
    box.hidden = true;
  }

  function show(drawing, mark, x, y) {
    clear();
    highlighted = [...drawing.querySelectorAll(".mark")].filter(
      (other) => other.dataset.name === mark.dataset.name && other.tagName === mark.tagName
    );
    // In a heat map, a name is a whole row: only the cell is meant.
    if (mark.closest(".fixed-colours")) highlighted = [mark];
    for (const other of highlighted) other.classList.add("highlighted");
    const name = document.createElement("strong");
    name.textContent = mark.dataset.name;
    box.replaceChildren(name);
    for (const line of JSON.parse(mark.dataset.lines)) {
      const row = document.createElement("div");
      row.textContent = line;
      box.append(row);
    }
    box.hidden = false;
    const wide = document.documentElement.clientWidth;
    const left = Math.max(4, Math.min(x + 14, wide - box.offsetWidth - 4));
    const above = y - box.offsetHeight - 14;
    box.style.left = `${left + window.scrollX}px`;
    box.style.top = `${(above > 4 ? above : y + 18) + window.scrollY}px`;
  }

  function nearest(drawing, event) {
    const hit = event.target.closest(".mark");
    if (hit) return hit;
    let best = null;
    let least = NEAR;
    for (const mark of drawing.querySelectorAll("use.mark")) {
      const [x, y] = middle(mark);
      const far = Math.hypot(x - event.clientX, y - event.clientY);
      if (far < least) [best, least] = [mark, far];
    }
    return best;
  }

  function point(drawing, event) {
    const mark = nearest(drawing, event);
    if (mark) show(drawing, mark, event.clientX, event.clientY);
    else clear();
  }

  function step(drawing, event) {
    if (event.key === "Escape") return clear();
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return undefined;
    event.preventDefault();
    const marks = [...drawing.querySelectorAll(".mark")];
    const at = marks.indexOf(drawing.pointed);
    const next = at < 0 ? (by > 0 ? 0 : marks.length - 1) : (at + by + marks.length) % marks.length;
    drawing.pointed = marks[next];
    const scroll = drawing.getBoundingClientRect();
    const [x] = middle(marks[next]);
    if (x < scroll.left || x > scroll.right) drawing.scrollLeft += x - scroll.left - 40;
    show(drawing, marks[next], ...middle(marks[next]));
    return undefined;
  }

  function figures() {
    document.body.append(box);
    for (const drawing of document.querySelectorAll(".drawing.has-marks")) {
      // Else the browser would show the title as well.
      for (const title of drawing.querySelectorAll(".mark > title")) title.remove();
      drawing.addEventListener("pointermove", (event) => point(drawing, event));
      drawing.addEventListener("pointerdown", (event) => point(drawing, event));
      drawing.addEventListener("pointerleave", (event) => {
        if (event.pointerType === "mouse") clear();
      });
      drawing.addEventListener("keydown", (event) => step(drawing, event));
      drawing.addEventListener("blur", clear);
    }
    document.addEventListener("pointerdown", (event) => {
      if (!event.target.closest(".drawing")) clear();
    });
  }

  // ---- Tables

  const text = (row, i) => row.cells[i].textContent.trim();

  function value(said) {
    const number = said.replace(/,(?=\d{3})/g, "").match(/^[<>]?\s*([-+−]?\d*\.?\d+(?:e[-+]?\d+)?)/i);
    return number ? parseFloat(number[1].replace("−", "-")) : null;
  }

  function sort(table, rows, i, header) {
    const up = header.getAttribute("aria-sort") === "descending";
    for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    const values = rows.map((row) => value(text(row, i)));
    const numbers = values.filter((v) => v !== null).length * 2 > rows.length;
    const key = new Map(rows.map((row, k) => [row, numbers ? values[k] : text(row, i)]));
    const empty = (row) => key.get(row) === null || ["", "-", "None"].includes(text(row, i));
    const order = [...rows].sort((a, b) => {
      if (empty(a) || empty(b)) return empty(a) - empty(b); // last, either way
      const by = numbers
        ? key.get(a) - key.get(b)
        : key.get(a).localeCompare(key.get(b), "en", { numeric: true });
      return up ? by : -by;
    });
    table.tBodies[0].append(...order);
  }

  function sortable(table) {
    const headers = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    const rows = [...table.tBodies[0].rows];
    const plain = table.tHead.rows.length === 1 && rows.every((r) => r.cells.length === headers.length);
    if (!plain || rows.length < 3) return;
    headers.forEach((header, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sorter";
      button.append(...header.childNodes);
      if (!button.textContent.trim()) return;
      header.replaceChildren(button);
      button.addEventListener("click", () => sort(table, rows, i, header));
    });
    if (rows.length >= LONG) filterable(table, rows);
  }

  function filterable(table, rows) {
    const bar = document.createElement("div");
    bar.className = "filter";
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("span");
    input.type = "search";
    label.append("Rows with", input);
    count.setAttribute("role", "status");
    bar.append(label, count);
    const outer = table.closest(".output, .pst-scrollable-table-container") || table;
    outer.before(bar);
    const said = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    function sift() {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of rows) {
        row.hidden = !words.every((word) => said.get(row).includes(word));
        left += !row.hidden;
      }
      count.textContent = `${left} of ${rows.length} rows`;
    }
    input.addEventListener("input", sift);
    sift();
  }

  document.addEventListener("DOMContentLoaded", () => {
    figures();
    for (const table of document.querySelectorAll("article table")) {
      if (table.tHead && table.tBodies.length === 1) sortable(table);
    }
  });
})();
