// Between the server's JSON and ProseMirror's: the same tree, but for three things. Cells carry
// attributes here that the server does not know. What is empty on the server (a text, a cell) holds
// an empty paragraph here, for nothing else can be written into. And what is no text has no marks
// there, while "select all, bold" puts them on line breaks and readings too.
const CELLS = new Set(["table_header", "table_cell"]);
const HOLDS_CONTENT = new Set(["doc", "paragraph", "heading"]);

const PARAGRAPH = { type: "paragraph" };
const CELL = { type: "table_header", content: [PARAGRAPH] };

/** What a block must hold at least. */
const LEAST = {
  doc: PARAGRAPH,
  bullet_list: { type: "list_item", content: [PARAGRAPH] },
  ordered_list: { type: "list_item", content: [PARAGRAPH] },
  list_item: PARAGRAPH,
  table: { type: "table_row", content: [CELL] },
  table_row: CELL,
  table_header: PARAGRAPH,
  table_cell: PARAGRAPH,
  callout: PARAGRAPH,
};

/** What ProseMirror reads. */
export function fromServer(json) {
  const content = (json.content ?? []).map(fromServer);
  const least = LEAST[json.type];
  const begins = json.type !== "list_item" || content[0]?.type === "paragraph";
  if (least && (content.length === 0 || !begins)) content.unshift(least);
  return content.length ? { ...json, content } : json;
}

/** What the server takes: no attributes of cells, no empty lists of marks. */
export function toServer(json) {
  const { type, attrs, content, marks, text } = json;
  const node = { type };
  if (attrs && !CELLS.has(type)) node.attrs = attrs;
  if (content) node.content = content.map(toServer);
  else if (HOLDS_CONTENT.has(type)) node.content = [];
  if (text === undefined) return node;
  node.text = text;
  if (marks?.length) node.marks = marks.map((mark) => (mark.attrs ? { type: mark.type, attrs: mark.attrs } : { type: mark.type }));
  return node;
}

/** What every `[data-field]` of the form says, with the page's kind. */
export function collectFields(kind, form) {
  const fields = { kind };
  for (const input of form.querySelectorAll("[data-field]")) fields[input.dataset.field] = input.value;
  return fields;
}
