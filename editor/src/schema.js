// The closed schema of a page's text, the same as `cms/src/domain/document.rs`. What cannot be
// said here cannot be published. `test/every-kind.json` proves on both sides that they are equal.
import { Schema } from "prosemirror-model";

/** An attribute that is one of these values; what a faulty document says otherwise is not shown as right. */
const oneOf = (...values) => (value) => {
  if (!values.includes(value)) throw new RangeError(`${value} is none of ${values.join(", ")}`);
};

const cell = (tag, role) => ({
  content: "body+",
  // Cells are never merged; the attributes are what prosemirror-tables needs to work, and
  // `document.js` keeps them from the server.
  attrs: { colspan: { default: 1 }, rowspan: { default: 1 }, colwidth: { default: null } },
  tableRole: role,
  isolating: true,
  parseDOM: [{ tag }],
  toDOM: () => [tag, 0],
});

export const schema = new Schema({
  nodes: {
    doc: { content: "block+" },
    // `body` is every block that may stand inside a list, a cell or a callout: all but headings.
    paragraph: {
      content: "inline*",
      group: "block body",
      parseDOM: [{ tag: "p" }],
      toDOM: () => ["p", 0],
    },
    heading: {
      content: "inline*",
      group: "block",
      attrs: { level: { default: 2, validate: oneOf(2, 3, 4) } },
      defining: true,
      // The page's title is the first level, so a pasted first level becomes a second.
      parseDOM: [1, 2, 3, 4, 5, 6].map((level) => ({
        tag: `h${level}`,
        attrs: { level: Math.min(Math.max(level, 2), 4) },
      })),
      toDOM: (node) => [`h${node.attrs.level}`, 0],
    },
    bullet_list: {
      content: "list_item+",
      group: "block body",
      parseDOM: [{ tag: "ul" }],
      toDOM: () => ["ul", 0],
    },
    ordered_list: {
      content: "list_item+",
      group: "block body",
      parseDOM: [{ tag: "ol" }],
      toDOM: () => ["ol", 0],
    },
    list_item: {
      content: "paragraph body*",
      defining: true,
      parseDOM: [{ tag: "li" }],
      toDOM: () => ["li", 0],
    },
    table: {
      content: "table_row+",
      group: "block body",
      attrs: { caption: { default: "", validate: "string" } },
      tableRole: "table",
      isolating: true,
      parseDOM: [
        {
          tag: "table",
          getAttrs: (dom) => ({ caption: dom.caption?.textContent.trim() ?? "" }),
        },
        // Its words are the table's attribute, and no cell.
        { tag: "caption", ignore: true },
      ],
      toDOM: (node) => ["table", ["caption", node.attrs.caption], ["tbody", 0]],
    },
    table_row: {
      content: "(table_header | table_cell)+",
      tableRole: "row",
      parseDOM: [{ tag: "tr" }],
      toDOM: () => ["tr", 0],
    },
    table_header: cell("th", "header_cell"),
    table_cell: cell("td", "cell"),
    image: {
      group: "block body",
      attrs: {
        media: { validate: "string" },
        alt: { default: "", validate: "string" },
        decorative: { default: false, validate: "boolean" },
        caption: { default: "", validate: "string" },
      },
      atom: true,
      draggable: true,
      // No rule for `img`: pictures come from the library, with their alternative text. What is read
      // here is what `toDOM` wrote, when a picture is cut out and pasted elsewhere.
      parseDOM: [
        {
          tag: "figure[data-media]",
          getAttrs: ({ dataset }) => ({
            media: dataset.media,
            alt: dataset.alt ?? "",
            decorative: dataset.decorative === "true",
            caption: dataset.caption ?? "",
          }),
        },
      ],
      toDOM: ({ attrs: { media, alt, decorative, caption } }) => [
        "figure",
        { "data-media": media, "data-alt": alt, "data-decorative": String(decorative), "data-caption": caption },
        alt,
      ],
    },
    attachment: {
      group: "block body",
      attrs: { media: { validate: "string" }, label: { default: "", validate: "string" } },
      atom: true,
      draggable: true,
      parseDOM: [
        {
          tag: "p[data-media]",
          priority: 60,
          getAttrs: (dom) => ({ media: dom.dataset.media, label: dom.textContent.trim() }),
        },
      ],
      toDOM: (node) => ["p", { "data-media": node.attrs.media, class: "attachment" }, node.attrs.label],
    },
    callout: {
      content: "body+",
      group: "block body",
      attrs: { tone: { default: "info", validate: oneOf("info", "warning") } },
      defining: true,
      parseDOM: [{ tag: "div[data-tone]", getAttrs: (dom) => ({ tone: dom.dataset.tone === "warning" ? "warning" : "info" }) }],
      toDOM: (node) => ["div", { "data-tone": node.attrs.tone, class: `callout callout-${node.attrs.tone}` }, 0],
    },
    text: { group: "inline" },
    hard_break: {
      inline: true,
      group: "inline",
      selectable: false,
      leafText: () => "\n",
      parseDOM: [{ tag: "br" }],
      toDOM: () => ["br"],
    },
    ruby: {
      inline: true,
      group: "inline",
      atom: true,
      leafText: (node) => node.attrs.base,
      attrs: { base: { validate: "string" }, reading: { validate: "string" } },
      parseDOM: [
        {
          tag: "ruby",
          getAttrs: (dom) => {
            const reading = [...dom.querySelectorAll("rt")].map((rt) => rt.textContent).join("");
            const copy = dom.cloneNode(true);
            copy.querySelectorAll("rt, rp").forEach((part) => part.remove());
            return reading && copy.textContent ? { base: copy.textContent, reading } : false;
          },
        },
      ],
      toDOM: (node) => ["ruby", node.attrs.base, ["rt", node.attrs.reading]],
    },
  },
  marks: {
    link: {
      attrs: { href: { validate: "string" } },
      inclusive: false,
      parseDOM: ["href", "data-href"].map((name) => ({ tag: `a[${name}]`, getAttrs: (dom) => linkOf(dom.getAttribute(name)) })),
      // A link of the text being written leads nowhere; a click puts the cursor there.
      toDOM: (mark) => ["a", { "data-href": mark.attrs.href, title: mark.attrs.href }, 0],
    },
    strong: { parseDOM: [{ tag: "strong" }, { tag: "b" }], toDOM: () => ["strong", 0] },
    em: { parseDOM: [{ tag: "em" }, { tag: "i" }], toDOM: () => ["em", 0] },
  },
});

/** Whether the server takes a link to `href`; `is_allowed` in `cms/src/domain/document_check.rs`. */
export function allowed(href) {
  if (/[\s\p{Cc}\\]/u.test(href)) return false;
  if (/^page:\d{1,18}$/u.test(href)) return true;
  if (href.startsWith("/")) return !href.startsWith("//");
  return /^(https?:\/\/|mailto:|tel:)./u.test(href);
}

/** The address as the server takes it: without spaces around it, its scheme in small letters. */
export const plainHref = (href) => href.trim().replace(/^[a-z]+:/iu, (scheme) => scheme.toLowerCase());

const linkOf = (href) => (allowed(plainHref(href)) ? { href: plainHref(href) } : false);
