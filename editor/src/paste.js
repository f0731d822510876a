// What is pasted or dropped: the schema takes away looks and code; here goes what the schema alone
// would turn into something odd.
import { Plugin } from "prosemirror-state";

/** HTML of another program, made fit for the schema. */
export function cleaned(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  // Copied in this editor, it fits already.
  if (page.querySelector("[data-pm-slice]")) return html;
  const all = (selector) => [...page.querySelectorAll(selector)];
  // Pictures come from the library only, where each has its alternative text.
  all("img, picture, svg, video, audio, iframe, object, style, script, template, head > *").forEach((found) => found.remove());
  all("[style], [data-media], [data-tone], [data-href]").forEach((found) => {
    for (const name of ["style", "data-media", "data-tone", "data-href"]) found.removeAttribute(name);
  });
  // No headings in lists and cells.
  all(":is(li, td, th) :is(h1, h2, h3, h4, h5, h6)").forEach((heading) => {
    const paragraph = page.createElement("p");
    paragraph.append(...heading.childNodes);
    heading.replaceWith(paragraph);
  });
  // A table that names nothing gets its first row as headings, without which it is not published.
  all("table").forEach((table) => {
    const cells = [...table.rows].flatMap((row) => [...row.cells]);
    if (cells.some((cell) => cell.localName === "th")) return;
    for (const cell of table.rows[0]?.cells ?? []) {
      const header = page.createElement("th");
      header.append(...cell.childNodes);
      cell.replaceWith(header);
    }
  });
  return page.body.innerHTML;
}

export const paste = () =>
  new Plugin({
    props: {
      transformPastedHTML: cleaned,
      // A browser would leave the page for a file that is dropped on it.
      handleDrop: (view, event) => event.dataTransfer?.files.length > 0,
    },
  });
