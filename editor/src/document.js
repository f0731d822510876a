// Between the server's JSON and ProseMirror's: the same tree, but for cells, which carry attributes
// here that the server does not know, and a document without blocks, which cannot be edited.
const CELLS = new Set(["table_header", "table_cell"]);

/** What ProseMirror reads. */
export function fromServer(json) {
  return json.content?.length ? json : { type: "doc", content: [{ type: "paragraph" }] };
}

/** What the server takes: no attributes of cells, no empty lists of marks. */
export function toServer(json) {
  const { type, attrs, content, marks, text } = json;
  const node = { type };
  if (attrs && !CELLS.has(type)) node.attrs = attrs;
  if (content) node.content = content.map(toServer);
  else if (!("text" in json) && HOLDS_CONTENT.has(type)) node.content = [];
  if (text !== undefined) node.text = text;
  if (marks?.length) node.marks = marks.map((mark) => (mark.attrs ? { type: mark.type, attrs: mark.attrs } : { type: mark.type }));
  return node;
}

const HOLDS_CONTENT = new Set(["doc", "paragraph", "heading"]);

/** What every `[data-field]` of the form says, with the page's kind. */
export function collectFields(kind, form) {
  const fields = { kind };
  for (const input of form.querySelectorAll("[data-field]")) fields[input.dataset.field] = input.value;
  return fields;
}
