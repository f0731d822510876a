// The editor as a member of staff sees it: its body, its toolbar, its dialogs, its buttons.
// When the editor is made in another way, this file changes, and no story does.

import assert from 'node:assert/strict';

/** Waits until the editor can be typed in. */
export async function editorIsReady(page) {
  await body(page).waitFor();
}

/** Where the page's text is written. */
export const body = (page) => page.locator('#editor .ProseMirror[contenteditable=true]');

/** A button of the toolbar, by what stands on it. */
export const tool = (page, label) =>
  page.getByRole('toolbar').getByRole('button', { name: label, exact: true });

/** The dialog that is open. */
export const dialog = (page) => page.getByRole('dialog');

/** What the editor says it is doing, and what it complains of. */
export const status = (page) => page.locator('#status');
export const errors = (page) => page.locator('#errors');

/** The buttons that open a dialog; `表の題名` is there in tables only. */
export const DIALOGS = ['リンク', '表', '画像', '添付', 'ふりがな', '表の題名'];

/** Opens a dialog by its button, and waits until what it offers has come. */
export async function openDialog(page, label) {
  if (label === '表の題名') {
    await body(page).press('ControlOrMeta+End');
    await insertTable(page, { caption: '手数料', rows: 1, columns: 2 });
    await body(page).locator('th').last().click();
  }
  await tool(page, label).click();
  await dialog(page).waitFor();
  const offers = dialog(page).getByRole('status');
  if ((await offers.count()) > 0) {
    await offers.filter({ hasText: /./ }).waitFor();
  }
}

/** Presses the button that ends the dialog with a yes. */
export async function agree(page) {
  await dialog(page).locator('button[type=submit]').click();
  await dialogIsGone(page);
}

/** Waits until the dialog is not just closed but done with: what it was asked for is in the text. */
export async function dialogIsGone(page) {
  await page.locator('dialog').waitFor({ state: 'detached' });
}

/** Puts a table at the cursor. */
export async function insertTable(page, { caption, rows, columns }) {
  await openDialog(page, '表');
  await dialog(page).getByLabel('表の題名').fill(caption);
  await dialog(page).getByLabel('行の数').fill(String(rows));
  await dialog(page).getByLabel('列の数').fill(String(columns));
  await agree(page);
}

/** Puts a picture of the library at the cursor. */
export async function insertPicture(page, alt) {
  await openDialog(page, '画像');
  await dialog(page).getByRole('radio').first().check();
  await dialog(page).getByLabel('代替テキスト').fill(alt);
  await agree(page);
}

/** Makes the selected words a link to the page of the town with that title. */
export async function linkToPage(page, title) {
  await openDialog(page, 'リンク');
  await dialog(page).getByLabel('言葉で探す').fill(title);
  const found = dialog(page).locator('label', { hasText: title }).first();
  await found.waitFor();
  await found.getByRole('radio').check();
  await agree(page);
}

/** Saves, and waits until the editor says that it did. */
export async function save(page) {
  await page.locator('#save').click();
  await isSaved(page);
}

export async function isSaved(page) {
  await status(page).filter({ hasText: '下書きを保存しました' }).waitFor();
}

/** Publishes, and waits until the editor says that the page has reached the readers. */
export async function publish(page) {
  await page.locator('#publish').click();
  await hasReachedReaders(page);
}

export async function hasReachedReaders(page) {
  await status(page).filter({ hasText: '届きました' }).waitFor();
  assert.equal(await errors(page).isVisible(), false);
}

/** The text as the server keeps it: the page is opened anew for that. */
export async function savedDocument(page) {
  await page.reload();
  await editorIsReady(page);
  const data = await page.locator('#page-data').textContent();
  return JSON.parse(data).document;
}

/** A paragraph without marks, as the server keeps it. */
export const paragraph = (text) => ({ type: 'paragraph', content: [{ type: 'text', text }] });

/** What is in the editor now: each block's text. */
export async function blocks(page) {
  return page.evaluate(() => {
    const { doc } = window.yaguraEditor.view.state;
    return Array.from({ length: doc.childCount }, (_, index) => doc.child(index).textContent);
  });
}
