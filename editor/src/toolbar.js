// The toolbar: one stop for Tab, arrows move inside it (WAI-ARIA Authoring Practices, toolbar).
import { NodeSelection, TextSelection } from "prosemirror-state";
import { addColumnAfter, addRowAfter, deleteColumn, deleteRow, deleteTable } from "prosemirror-tables";
import * as commands from "./commands.js";
import * as dialogs from "./dialogs.js";
import { destination, element } from "./nodeviews.js";
import { schema } from "./schema.js";

const { nodes, marks } = schema;

/** What became of a dialog. */
const DONE = "done";
const LEFT = "left";

/** The buttons; each does something, and may be pressed or hidden as the cursor moves. */
function buttons(api, media, pages) {
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
    { label: "リンク", dialog: true, pressed: (state) => commands.isActive(state, marks.link), run: (view) => link(view, api, pages) },
    node("箇条書き", commands.bulletList, nodes.bullet_list),
    node("番号付き", commands.orderedList, nodes.ordered_list),
    { label: "箇条書きをやめる", command: commands.liftItem, shown: (state) => commands.isActive(state, nodes.list_item) },
    node("お知らせ枠", commands.callout("info"), nodes.callout, { tone: "info" }),
    node("注意枠", commands.callout("warning"), nodes.callout, { tone: "warning" }),
    block("表", dialogs.askTable, commands.table),
    block("画像", () => dialogs.askImage(api), ({ attrs }) => nodes.image.create(attrs)),
    block("添付", () => dialogs.askAttachment(api), ({ attrs }) => nodes.attachment.create(attrs)),
    { label: "ふりがな", dialog: true, run: ruby },
    { label: "元に戻す", command: commands.undo },
    { label: "やり直す", command: commands.redo },
    { label: "使い方", dialog: true, run: help },
    { label: "画像・添付の設定", dialog: true, shown: (state) => Boolean(commands.selectedMedia(state)), run: settings },
    { label: "表の題名", dialog: true, shown: commands.isInTable, run: caption },
    inTable("行を足す", addRowAfter),
    inTable("列を足す", addColumnAfter),
    inTable("行を消す", deleteRow),
    inTable("列を消す", deleteColumn),
    inTable("表を消す", deleteTable),
  ];
}

async function link(view, api, pages) {
  const present = commands.linkAround(view.state);
  const given = await dialogs.askLink(api, present?.href, present ? destination(present.href, pages) : "");
  if (!given) return LEFT;
  const { href, title } = given;
  const { from, to, empty, $from } = view.state.selection;
  const change = view.state.tr;
  if (href?.startsWith("page:") && title) pages.set(href.slice("page:".length), title);
  if (present) change.removeMark(present.from, present.to, marks.link);
  if (href && !present && empty) {
    const words = schema.text(title ?? href, [...$from.marks(), marks.link.create({ href })]);
    change.replaceSelectionWith(words, false);
  } else if (href) {
    const end = present?.to ?? to;
    change.addMark(present?.from ?? from, end, marks.link.create({ href }));
    // The cursor goes behind the link, so that what is typed next does not replace it.
    change.setSelection(TextSelection.create(change.doc, end));
  }
  view.dispatch(change);
  return DONE;
}

/** Other words for the picture or file that is selected. */
async function settings(view) {
  const selected = commands.selectedMedia(view.state);
  if (!selected) return LEFT;
  const { node, position } = selected;
  const given = await (node.type === nodes.image ? dialogs.askImageAgain(node.attrs) : dialogs.askAttachmentAgain(node.attrs));
  if (!given) return LEFT;
  const change = view.state.tr.setNodeMarkup(position, null, given);
  view.dispatch(change.setSelection(NodeSelection.create(change.doc, position)));
  return DONE;
}

/** Nothing is done to the text by reading how it is done. */
async function help() {
  await dialogs.tellKeys();
  return LEFT;
}

async function ruby(view) {
  const { from, to } = view.state.selection;
  const given = await dialogs.askRuby(view.state.doc.textBetween(from, to));
  if (!given) return LEFT;
  view.dispatch(view.state.tr.replaceSelectionWith(nodes.ruby.create(given), false));
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
export function toolbar(api, media, pages) {
  const bar = element("div", "toolbar");
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "文字の装飾と部品");
  let view;
  const made = buttons(api, media, pages).map((spec) => {
    const button = element("button", "", spec.label);
    button.type = "button";
    button.tabIndex = -1;
    if (spec.dialog) button.setAttribute("aria-haspopup", "dialog");
    // The cursor stays in the text when a mouse presses a button.
    // While something is composed it goes, which ends the composition.
    button.addEventListener("mousedown", (event) => {
      if (!view.composing) event.preventDefault();
    });
    button.addEventListener("click", () => commands.whenComposed(view, async () => {
      const fromText = view.hasFocus();
      const done = spec.run ? await spec.run(view) : spec.command(view.state, view.dispatch, view);
      // A dialog that was left gives the focus back to its button by itself; to the text, where a
      // mouse has left it, with the cursor where it was.
      if (fromText || done !== LEFT) view.focus();
    }));
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
    else if (event.key === "Escape") view.focus();
    else return;
    event.preventDefault();
  });

  const byKey = (run) => () => {
    void run().then(() => view.focus());
    return true;
  };
  const height = () => bar.offsetHeight + 8;
  return {
    bar,
    keys: {
      "Mod-k": byKey(() => link(view, api, pages)),
      "Alt-F10": () => {
        made.find(({ button }) => button.tabIndex === 0).button.focus();
        return true;
      },
    },
    margin: { get top() { return height(); }, bottom: 8, left: 0, right: 0 },
    /** Opens what can be said of the picture or file at `position`. */
    openSettings(position, node) {
      if (![nodes.image, nodes.attachment].includes(node.type)) return false;
      view.dispatch(view.state.tr.setSelection(NodeSelection.create(view.state.doc, position)));
      return byKey(() => settings(view))();
    },
    update(present) {
      view = present;
      for (const { spec, button } of made) {
        if (spec.pressed) button.setAttribute("aria-pressed", String(spec.pressed(view.state)));
        button.hidden = spec.shown ? !spec.shown(view.state) : false;
        const pressed = button.getAttribute("aria-pressed") === "true";
        if (spec.command) button.setAttribute("aria-disabled", String(!pressed && !spec.command(view.state)));
        if (button.hidden && button.tabIndex === 0) {
          button.tabIndex = -1;
          made[0].button.tabIndex = 0;
        }
      }
    },
  };
}
