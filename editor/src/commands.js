// What keys and buttons do to the document.
import { baseKeymap, chainCommands, setBlockType, toggleMark, wrapIn } from "prosemirror-commands";
import { history, redo, undo } from "prosemirror-history";
import { inputRules, textblockTypeInputRule, undoInputRule, wrappingInputRule } from "prosemirror-inputrules";
import { keydownHandler } from "prosemirror-keymap";
import { liftListItem, sinkListItem, splitListItem, wrapInList } from "prosemirror-schema-list";
import { NodeSelection, Plugin, Selection, TextSelection } from "prosemirror-state";
import { goToNextCell, isInTable, tableEditing } from "prosemirror-tables";
import { dropCursor } from "prosemirror-dropcursor";
import { GapCursor, gapCursor } from "prosemirror-gapcursor";
import { paste } from "./paste.js";
import { schema } from "./schema.js";

const { nodes, marks } = schema;

const lineBreak = (state, dispatch) => {
  if (!state.selection.$from.parent.inlineContent) return false;
  dispatch?.(state.tr.replaceSelectionWith(nodes.hard_break.create(), false).scrollIntoView());
  return true;
};

/** Out of a list, a table or a callout, into a new paragraph after it. */
const leave = (state, dispatch) => {
  const { $to } = state.selection;
  const after = $to.depth > 0 ? $to.after(1) : $to.pos;
  const change = state.tr.insert(after, nodes.paragraph.create());
  dispatch?.(change.setSelection(TextSelection.create(change.doc, after + 1)).scrollIntoView());
  return true;
};

const KEYS = {
  ...baseKeymap,
  Enter: chainCommands(splitListItem(nodes.list_item), baseKeymap.Enter),
  "Shift-Enter": lineBreak,
  "Mod-Enter": leave,
  Backspace: chainCommands(undoInputRule, baseKeymap.Backspace),
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

/** Acts now, or when the composition under way has ended and its text is in the document. */
export function whenComposed(view, act, event) {
  if (!view.composing && !event?.isComposing) {
    act();
    return;
  }
  document.addEventListener("compositionend", () => setTimeout(() => whenComposed(view, act), SETTLED_MS), { once: true });
}

/** ProseMirror reads what was composed a moment after its end. */
const SETTLED_MS = 50;

export function plugins(more) {
  const rules = inputRules({
    rules: [
      textblockTypeInputRule(/^(#{2,4})\s$/u, nodes.heading, (match) => ({ level: match[1].length })),
      wrappingInputRule(/^[-・*]\s$/u, nodes.bullet_list),
      wrappingInputRule(/^1[.．]\s$/u, nodes.ordered_list),
    ],
  });
  return [rules, keys(more), paste(), history(), dropCursor(), gapCursor(), tableEditing()];
}

export const paragraph = setBlockType(nodes.paragraph);
// Pressed once more, a heading becomes a paragraph again.
export const heading = (level) => chainCommands(setBlockType(nodes.heading, { level }), paragraph);
export const bulletList = list(nodes.bullet_list);
export const orderedList = list(nodes.ordered_list);
export const liftItem = liftListItem(nodes.list_item);
export { redo, undo };
export const strong = toggleMark(marks.strong);
export const em = toggleMark(marks.em);

/** The innermost block of these types around the cursor that no cell of a table is between. */
function around(state, types) {
  const { $from } = state.selection;
  for (let depth = $from.depth; depth > 0; depth -= 1) {
    const node = $from.node(depth);
    if (types.includes(node.type)) return { node, position: $from.before(depth) };
    if (node.type.spec.isolating) return null;
  }
  return null;
}

/** Makes a list; of a list of the other kind this one; of one of this kind no list. */
function list(type) {
  return (state, dispatch) => {
    const present = around(state, [nodes.bullet_list, nodes.ordered_list]);
    if (!present) return wrapInList(type)(state, dispatch);
    if (present.node.type === type) return liftListItem(nodes.list_item)(state, dispatch);
    dispatch?.(state.tr.setNodeMarkup(present.position, type));
    return true;
  };
}

/** Makes a callout; of one of the other tone this one; of one of this tone no callout. */
export const callout = (tone) => (state, dispatch) => {
  const present = around(state, [nodes.callout]);
  if (!present) return wrapIn(nodes.callout, { tone })(state, dispatch);
  const { node, position } = present;
  if (node.attrs.tone !== tone) {
    dispatch?.(state.tr.setNodeMarkup(position, null, { tone }));
    return true;
  }
  const range = state.doc.resolve(position + 1).blockRange(state.doc.resolve(position + node.nodeSize - 1));
  // What may stand in a callout may stand wherever a callout may.
  dispatch?.(state.tr.lift(range, range.depth - 1).scrollIntoView());
  return true;
};

/**
 * Puts a block after the one the cursor is in, or in its place when that is an empty paragraph; into
 * a table the cursor goes, to its first cell.
 */
export function insertBlock(view, node) {
  const { tr, selection } = view.state;
  const { $to } = selection;
  let depth = $to.depth;
  const fits = () => $to.node(depth).canReplaceWith($to.indexAfter(depth), $to.indexAfter(depth), node.type);
  while (depth > 0 && !fits()) depth -= 1;
  const empty = $to.parent.type === nodes.paragraph && $to.parent.content.size === 0 && depth === $to.depth - 1;
  // The first paragraph of an item of a list cannot be replaced.
  const replaced = empty && $to.node(depth).canReplaceWith($to.index(depth), $to.index(depth) + 1, node.type);
  const from = replaced ? $to.before() : depth === $to.depth ? $to.pos : $to.after(depth + 1);
  tr.replaceRangeWith(from, replaced ? $to.after() : from, node);
  const end = tr.doc.resolve(from + node.nodeSize);
  if (node.type === nodes.table) tr.setSelection(Selection.near(tr.doc.resolve(from), 1));
  else if (end.nodeAfter?.isTextblock) tr.setSelection(Selection.near(end, 1));
  // A selected picture would be replaced by the next letter; a cursor after it is not.
  else if (GapCursor.valid(end)) tr.setSelection(new GapCursor(end));
  view.dispatch(tr.scrollIntoView());
}

/** The picture or file that is selected. */
export function selectedMedia(state) {
  const { selection } = state;
  if (!(selection instanceof NodeSelection)) return null;
  const { node, from } = selection;
  return [nodes.image, nodes.attachment].includes(node.type) ? { node, position: from } : null;
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

/** The link at the cursor from its first to its last letter, or the first one in the selection. */
export function linkAround(state) {
  const { $from, from, to, empty } = state.selection;
  let href = null;
  if (!empty) {
    state.doc.nodesBetween(from, to, (node) => {
      href ??= marks.link.isInSet(node.marks)?.attrs.href ?? null;
    });
    return href === null ? null : { from, to, href };
  }
  const mark = marks.link.isInSet($from.marks());
  if (!mark) return null;
  const runs = [];
  $from.parent.forEach((node, offset) => {
    if (!mark.isInSet(node.marks)) return;
    const end = offset + node.nodeSize;
    if (runs.at(-1)?.to === offset) runs.at(-1).to = end;
    else runs.push({ from: offset, to: end });
  });
  const run = runs.find((one) => one.from <= $from.parentOffset && $from.parentOffset <= one.to);
  return run ? { from: $from.start() + run.from, to: $from.start() + run.to, href: mark.attrs.href } : null;
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
