// The editor as a member of staff sees it: its body, its toolbar, its dialogs, its buttons.
// How the editor is made may change; then this file changes, and no story.

import assert from 'node:assert/strict';

/** Every dialog: the button of the toolbar that opens it. */
export const DIALOGS = {
  link: 'リンク',
  image: '画像',
  table: '表',
};

/** Waits until the editor can be typed in. */
export async function editorIsReady(page) {
  await page.locator('#editor .ProseMirror[contenteditable=true]').waitFor();
}

/** Opens a dialog by its button. */
export async function openDialog(page, name) {
  await page.getByRole('toolbar').getByRole('button', { name: DIALOGS[name] }).first().click();
  await page.getByRole('dialog').waitFor();
}
