// The toolbar: one stop for Tab, arrows move inside it (WAI-ARIA Authoring Practices, toolbar).
import { TextSelection } from "prosemirror-state";
import { addColumnAfter, addRowAfter, deleteColumn, deleteRow, deleteTable } from "prosemirror-tables";
import * as commands from "./commands.js";
import * as dialogs from "./dialogs.js";
import { element } from "./nodeviews.js";
import { schema } from "./schema.js";

const { nodes, marks } = schema;

/** What became of a dialog. */
const DONE = "done";
const LEFT = "left";

/** The buttons; each does something, and may be pressed or hidden as the cursor moves. */
function buttons(api, media) {
  const node = (label, command, type, attrs) => ({ label, command, pressed: (state) => commands.isActive(state, type, attrs) });
  const block = (label, ask, make) => ({
    label,
    dialog: true,
    async run(view) {
      const given = await ask();
      if (!given) return LEFT;
      if (given.item) media.set(given.item.id, given.item);
      commands.insertBlock(view, make(given));
      return DONE;
    },
  });
  const inTable = (label, command) => ({ label, command, shown: commands.isInTable });
  return [
    node("段落", commands.paragraph, nodes.paragraph),
    node("見出し2", commands.heading(2), nodes.heading, { level: 2 }),
    node("見出し3", commands.heading(3), nodes.heading, { level: 3 }),
    node("見出し4", commands.heading(4), nodes.heading, { level: 4 }),
    node("太字", commands.strong, marks.strong),
    node("強調", commands.em, marks.em),
    { label: "リンク", dialog: true, pressed: (state) => commands.isActive(state, marks.link), run: (view) => link(view, api) },
    node("箇条書き", commands.bulletList, nodes.bullet_list),
    node("番号付き", commands.orderedList, nodes.ordered_list),
    { label: "箇条書きをやめる", command: commands.liftItem, shown: (state) => commands.isActive(state, nodes.list_item) },
    node("お知らせ枠", commands.callout("info"), nodes.callout, { tone: "info" }),
    node("注意枠", commands.callout("warning"), nodes.callout, { tone: "warning" }),
    block("表", dialogs.askTable, commands.table),
    block("画像", () => dialogs.askImage(api), ({ attrs }) => nodes.image.create(attrs)),
    block("添付", () => dialogs.askAttachment(api), ({ attrs }) => nodes.attachment.create(attrs)),
    { label: "ふりがな", dialog: true, run: ruby },
    { label: "表の題名", dialog: true, shown: commands.isInTable, run: caption },
    inTable("行を足す", addRowAfter),
    inTable("列を足す", addColumnAfter),
    inTable("行を消す", deleteRow),
    inTable("列を消す", deleteColumn),
    inTable("表を消す", deleteTable),
  ];
}

async function link(view, api) {
  const { from, to, empty, $from } = view.state.selection;
  if (commands.isActive(view.state, marks.link)) {
    commands.removeLink(view);
    return DONE;
  }
  const href = await dialogs.askLink(api);
  if (!href) return LEFT;
  const mark = marks.link.create({ href });
  const words = empty ? schema.text(href, [...$from.marks(), mark]) : null;
  const change = view.state.tr;
  if (words) change.replaceSelectionWith(words, false);
  // The cursor goes behind the link, so that what is typed next does not replace it.
  else change.addMark(from, to, mark).setSelection(TextSelection.create(change.doc, to));
  view.dispatch(change);
  return DONE;
}

async function ruby(view) {
  const { from, to } = view.state.selection;
  const given = await dialogs.askRuby(view.state.doc.textBetween(from, to));
  if (!given) return LEFT;
  view.dispatch(view.state.tr.replaceSelectionWith(nodes.ruby.create(given)));
  return DONE;
}

async function caption(view) {
  const around = commands.tableAround(view.state);
  const given = around && (await dialogs.askCaption(around.node.attrs.caption));
  if (!given) return LEFT;
  view.dispatch(view.state.tr.setNodeMarkup(around.position, null, { caption: given }));
  return DONE;
}

/** The toolbar of a view; `update` is called whenever the cursor moves. */
export function toolbar(api, media) {
  const bar = element("div", "toolbar");
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "文字の装飾と部品");
  let view;
  const made = buttons(api, media).map((spec) => {
    const button = element("button", "", spec.label);
    button.type = "button";
    button.tabIndex = -1;
    if (spec.dialog) button.setAttribute("aria-haspopup", "dialog");
    // The cursor stays in the text when a mouse presses a button.
    button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("click", async () => {
      const fromText = view.hasFocus();
      const done = spec.run ? await spec.run(view) : spec.command(view.state, view.dispatch, view);
      // A dialog that was left gives the focus back to its button by itself; to the text, where a
      // mouse has left it, with the cursor where it was.
      if (fromText || done !== LEFT) view.focus();
    });
    bar.append(button);
    return { spec, button };
  });
  made[0].button.tabIndex = 0;

  const move = (to) => {
    for (const { button } of made) button.tabIndex = button === to ? 0 : -1;
    to.focus();
  };
  bar.addEventListener("keydown", (event) => {
    const shown = made.filter(({ button }) => !button.hidden).map(({ button }) => button);
    const at = shown.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) move(shown[(at + step + shown.length) % shown.length]);
    else if (event.key === "Home") move(shown[0]);
    else if (event.key === "End") move(shown.at(-1));
    else return;
    event.preventDefault();
  });

  return {
    bar,
    update(present) {
      view = present;
      for (const { spec, button } of made) {
        if (spec.pressed) button.setAttribute("aria-pressed", String(spec.pressed(view.state)));
        button.hidden = spec.shown ? !spec.shown(view.state) : false;
        if (button.hidden && button.tabIndex === 0) {
          button.tabIndex = -1;
          made[0].button.tabIndex = 0;
        }
      }
    },
  };
}
