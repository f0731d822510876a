// The ProseMirror view with its toolbar, inside an element of the page.
import { EditorState } from "prosemirror-state";
import { EditorView } from "prosemirror-view";
import { plugins } from "./commands.js";
import { fromServer } from "./document.js";
import { nodeViews } from "./nodeviews.js";
import { schema } from "./schema.js";
import { toolbar } from "./toolbar.js";

/** Mounts the editor in `place`. `changed` is called when the text has changed. */
export function mount(place, { json, media, pages = new Map(), api, changed }) {
  const tools = toolbar(api, media, pages);
  place.append(tools.bar);
  const doc = schema.nodeFromJSON(fromServer(json));
  const view = new EditorView(place, {
    state: EditorState.create({ doc, plugins: plugins(tools.keys) }),
    nodeViews: nodeViews(media, pages),
    handleDoubleClickOn: (_, position, node) => tools.openSettings(position, node),
    // What is written must not hide under the toolbar, which stays at the top of the window.
    scrollThreshold: tools.margin,
    scrollMargin: tools.margin,
    attributes: {
      role: "textbox",
      "aria-multiline": "true",
      "aria-labelledby": place.dataset.labelId ?? "",
      lang: document.documentElement.lang || "ja",
    },
    dispatchTransaction(transaction) {
      view.updateState(view.state.apply(transaction));
      tools.update(view);
      if (transaction.docChanged) changed?.();
    },
  });
  tools.update(view);
  return view;
}
