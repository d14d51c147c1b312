// Labels of the marks of a figure, and sorting and filtering of tables. Without this script, browsers
// show the labels as titles, and tables are not interactive.
//
// Tables are not left to DataTables (as itables would): it is 725 kB to include in every page, as
// pages that are opened as files cannot load a module, and "25.0 % [20.1, 30.2]" would need a parser
// of its own there as well.
(() => {
  "use strict";
  const NEAR = 28; // pixels around a mark in which a pointer, such as a finger, selects it
  const LONG = 8; // rows from which a table can be filtered
  const MARGIN = 4; // pixels between a label and the edge of the window
  const OFFSET = 14; // pixels between a label and its mark

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
    // In a heatmap, a name stands for a whole row: highlight only the cell.
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
    const left = Math.max(MARGIN, Math.min(x + OFFSET, wide - box.offsetWidth - MARGIN));
    const above = y - box.offsetHeight - OFFSET;
    box.style.left = `${left + window.scrollX}px`;
    box.style.top = `${(above > MARGIN ? above : y + OFFSET + MARGIN) + window.scrollY}px`;
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
      // Otherwise the browser would show the title as well.
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

  // A number at the start of a cell, or one with its interval anywhere ("Pearson 0.53 [0.1, 0.8]").
  const NUMBER = "([-+−]?\\d*\\.?\\d+(?:e[-+]?\\d+)?)";
  const VALUE = new RegExp(`^[<>]?\\s*${NUMBER}|${NUMBER} ?%? \\[`, "i");

  function value(cell) {
    const match = cell.replace(/,(?=\d{3})/g, "").match(VALUE);
    return match ? parseFloat((match[1] || match[2]).replace("−", "-")) : null;
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
    const contents = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    function sift() {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of rows) {
        row.hidden = !words.every((word) => contents.get(row).includes(word));
        left += !row.hidden;
      }
      count.textContent = `${left} of ${rows.length} rows`;
    }
    input.addEventListener("input", sift);
    sift();
  }

  // ---- Boxes that scroll sideways: the edge fades where there is more to see

  function fade(box) {
    const hidden = box.scrollWidth - box.clientWidth;
    box.classList.toggle("more-left", hidden > 1 && box.scrollLeft > 1);
    box.classList.toggle("more-right", hidden > 1 && box.scrollLeft < hidden - 1);
  }

  function fadeEdges() {
    const boxes = new Set(document.querySelectorAll(".drawing"));
    for (const table of document.querySelectorAll("article table")) {
      const box = table.closest(".cell_output, .pst-scrollable-table-container, .output");
      if (box) boxes.add(box);
    }
    const all = () => boxes.forEach(fade);
    for (const box of boxes) box.addEventListener("scroll", () => fade(box), { passive: true });
    window.addEventListener("resize", all);
    all();
  }

  // ---- What the theme leaves out for screen readers

  function nameControls() {
    for (const toggle of document.querySelectorAll("summary > .toctree-toggle")) {
      toggle.parentElement.setAttribute("aria-label", "Pages below");
    }
    // A list must hold items, and this one does not.
    for (const list of document.querySelectorAll(".citation-list")) list.removeAttribute("role");
  }

  document.addEventListener("DOMContentLoaded", () => {
    nameControls();
    figures();
    for (const table of document.querySelectorAll("article table")) {
      if (table.tHead && table.tBodies.length === 1) sortable(table);
    }
    fadeEdges();
  });
})();
