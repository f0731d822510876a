// What keys and buttons do to the document.
import { baseKeymap, chainCommands, exitCode, setBlockType, toggleMark, wrapIn } from "prosemirror-commands";
import { history, redo, undo } from "prosemirror-history";
import { inputRules, textblockTypeInputRule, wrappingInputRule } from "prosemirror-inputrules";
import { keydownHandler } from "prosemirror-keymap";
import { liftListItem, sinkListItem, splitListItem, wrapInList } from "prosemirror-schema-list";
import { Plugin, TextSelection } from "prosemirror-state";
import { goToNextCell, isInTable, tableEditing } from "prosemirror-tables";
import { dropCursor } from "prosemirror-dropcursor";
import { gapCursor } from "prosemirror-gapcursor";
import { schema } from "./schema.js";

const { nodes, marks } = schema;

const lineBreak = chainCommands(exitCode, (state, dispatch) => {
  dispatch?.(state.tr.replaceSelectionWith(nodes.hard_break.create()).scrollIntoView());
  return true;
});

const KEYS = {
  ...baseKeymap,
  Enter: chainCommands(splitListItem(nodes.list_item), baseKeymap.Enter),
  "Shift-Enter": lineBreak,
  "Mod-b": toggleMark(marks.strong),
  "Mod-i": toggleMark(marks.em),
  "Mod-z": undo,
  "Shift-Mod-z": redo,
  "Mod-y": redo,
  // Tab leaves the editor, as everywhere on the page, but for lists and tables, where it has a
  // meaning people know.
  Tab: chainCommands(goToNextCell(1), sinkListItem(nodes.list_item)),
  "Shift-Tab": chainCommands(goToNextCell(-1), liftListItem(nodes.list_item)),
};

/** Keys, but never while an input method composes: there every key is the method's. */
export function keys(more = {}) {
  const handle = keydownHandler({ ...KEYS, ...more });
  return new Plugin({
    props: {
      handleKeyDown: (view, event) => (composes(view, event) ? false : handle(view, event)),
    },
  });
}

/** Whether a key belongs to an input method. */
export function composes(view, event) {
  return view.composing || event.isComposing || event.keyCode === 229;
}

export function plugins(more) {
  const rules = inputRules({
    rules: [
      textblockTypeInputRule(/^(#{2,4})\s$/u, nodes.heading, (match) => ({ level: match[1].length })),
      wrappingInputRule(/^[-・*]\s$/u, nodes.bullet_list),
      wrappingInputRule(/^1[.．]\s$/u, nodes.ordered_list),
    ],
  });
  return [rules, keys(more), history(), dropCursor(), gapCursor(), tableEditing()];
}

export const paragraph = setBlockType(nodes.paragraph);
export const heading = (level) => setBlockType(nodes.heading, { level });
export const bulletList = wrapInList(nodes.bullet_list);
export const orderedList = wrapInList(nodes.ordered_list);
export const liftItem = liftListItem(nodes.list_item);
export const callout = (tone) => wrapIn(nodes.callout, { tone });
export const strong = toggleMark(marks.strong);
export const em = toggleMark(marks.em);

/** Puts a block at the cursor; into a table the cursor goes, to its first cell. */
export function insertBlock(view, node) {
  const change = view.state.tr.replaceSelectionWith(node);
  if (node.type === nodes.table) {
    let at = null;
    change.doc.descendants((found, position) => {
      if (found === node) at = position;
      return at === null;
    });
    if (at !== null) change.setSelection(TextSelection.near(change.doc.resolve(at + 1)));
  }
  view.dispatch(change.scrollIntoView());
}

/** A table whose first row holds the headings. */
export function table({ caption, rows, columns }) {
  const empty = (type) => type.create(null, nodes.paragraph.create());
  const row = (type) => nodes.table_row.create(null, Array.from({ length: columns }, () => empty(type)));
  const body = Array.from({ length: rows }, () => row(nodes.table_cell));
  return nodes.table.create({ caption }, [row(nodes.table_header), ...body]);
}

/** The table the cursor is in, with its position. */
export function tableAround(state) {
  const { $from } = state.selection;
  for (let depth = $from.depth; depth > 0; depth -= 1) {
    if ($from.node(depth).type === nodes.table) return { node: $from.node(depth), position: $from.before(depth) };
  }
  return null;
}

/** Takes away the link at the cursor, from its first to its last letter. */
export function removeLink(view) {
  const { $from, from, to, empty } = view.state.selection;
  if (!empty) {
    view.dispatch(view.state.tr.removeMark(from, to, marks.link));
    return;
  }
  const linked = (node) => node && marks.link.isInSet(node.marks);
  let first = $from.index();
  let last = first;
  while (first > 0 && linked($from.parent.child(first - 1))) first -= 1;
  while (last < $from.parent.childCount && linked($from.parent.child(last))) last += 1;
  const start = $from.start();
  let position = start;
  let begin = start;
  $from.parent.forEach((node, offset, index) => {
    if (index === first) begin = start + offset;
    if (index < last) position = start + offset + node.nodeSize;
  });
  view.dispatch(view.state.tr.removeMark(begin, position, marks.link));
}

/** Whether a block of that type, or a mark, is at the cursor. */
export function isActive(state, type, attrs = {}) {
  const { $from, from, to, empty } = state.selection;
  if (type.spec.toDOM && marks[type.name] === type) {
    return empty ? Boolean(type.isInSet(state.storedMarks ?? $from.marks())) : state.doc.rangeHasMark(from, to, type);
  }
  for (let depth = $from.depth; depth > 0; depth -= 1) {
    const node = $from.node(depth);
    if (node.type === type) return Object.entries(attrs).every(([name, value]) => node.attrs[name] === value);
  }
  return false;
}

export { isInTable };
